"""Eco-justice: from the decision to the tonnes that stand for it (article 14)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import officers, people_acting_for
from portal.base.clock import today
from portal.base.errors import InvalidInput
from portal.base.transactions import write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.market.access import DISPOSE
from tickets.market.models import Listing, RetailOrder, RetailPool
from tickets.market.operations import (
    require_lot,
    require_pool,
    require_unreserved,
    subscribe_for_justice,
)
from tickets.offsets.models import Purpose
from tickets.offsets.operations import ask_offset, propose_name
from tickets.registry.access import owners_of, refuse_own_ticket, require_office
from tickets.registry.errors import BlockNotFree, TicketClosed
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import require_quantity
from tickets.supervision.errors import JusticeCaseIncomplete, JusticeCaseMovedOn, OwnJusticeCase
from tickets.supervision.models import JusticeCase
from tickets.supervision.queries import NOT_OFFSET

State: TypeAlias = JusticeCase.State
Source: TypeAlias = CarbonTicket | Listing | RetailPool
PAPERS = ("decision", "consent", "valuation")


@write_transaction
def open_justice_case(
    *,
    organ: JusticeCase.Organ,
    authority: str,
    document_number: str,
    decided_on: date,
    obligation: str,
    obligor: str,
    consented_on: date,
    valuation: str,
    valuation_author: str,
    quantity_kg: int,
    source: Source,
    papers: Mapping[str, Upload],
    actor: User,
) -> JusticeCase:
    """Justice's clerk takes the case in with its three papers, and says where the tonnes come from:
    a ticket whose holder will be asked, an open listing, or a pool for this purpose."""
    require_office(actor, Role.CLERK, Department.JUSTICE)
    if set(papers) != set(PAPERS):
        raise JusticeCaseIncomplete()
    if decided_on > today() or consented_on > today():
        raise InvalidInput(field=_("日期"), reason=_("不能晚于今天"))
    require_quantity(quantity_kg)
    case = JusticeCase(
        organ=organ,
        authority=authority.strip(),
        document_number=document_number.strip(),
        decided_on=decided_on,
        obligation=obligation.strip(),
        obligor=obligor.strip(),
        consented_on=consented_on,
        valuation=valuation.strip(),
        valuation_author=valuation_author.strip(),
        quantity_kg=quantity_kg,
        opened_by=actor,
        **_where(source),
    )
    refuse_own_ticket(case.ticket, actor)
    _require_left(case)
    case.save(force_insert=True)
    for kind in PAPERS:
        add_document(
            subject_kind="justice_case",
            subject_key=case.key,
            kind=kind,
            upload=papers[kind],
            actor=actor,
        )
    case.refresh_from_db()
    _record(case, "opened", actor)
    return case


@write_transaction
def confirm_justice_case(*, case: JusticeCase, actor: User) -> JusticeCase:
    """Justice's approver agrees. The ticket's owners, or for a listing ecology, are asked then; in
    a pool ecology has agreed already and the tonnes are ordered at once."""
    found = _decidable(case, actor, State.OPENED)
    _require_left(found)
    found.state, found.decided_by = State.CONFIRMED, actor
    found.save(update_fields=["state", "decided_by"])
    _record(found, "confirmed", actor)
    if found.pool is not None:
        return _subscribe(found, actor)
    tell(
        users=people_acting_for(owners_of(found.ticket), DISPOSE)
        if found.listing is None
        else officers(Role.APPROVER, Department.ECOLOGY),
        subject=str(_("生态司法认购，等待您同意：{ticket}")).format(ticket=found.ticket.number),
        body=f"{found.authority} {found.document_number}",
        link=reverse("supervision:justice-case", args=[found.key]),
    )
    return found


@write_transaction
def agree_to_listing(*, case: JusticeCase, actor: User) -> JusticeCase:
    """Ecology's signer agrees to the offset of listed tonnes (article 17): they are ordered, and
    retired when the trading centre's cashier has the money."""
    require_office(actor, Role.APPROVER, Department.ECOLOGY)
    found = _locked(case, State.CONFIRMED)
    if found.listing is None:
        raise JusticeCaseMovedOn()
    refuse_own_ticket(found.ticket, actor)
    return _subscribe(found, actor)


def _subscribe(found: JusticeCase, actor: User) -> JusticeCase:
    assert found.listing is not None  # A pool is of a listing: the database says so.
    order = subscribe_for_justice(
        listing=found.listing,
        pool=found.pool,
        quantity_kg=found.quantity_kg,
        authority=found.authority,
        document_number=found.document_number,
        ordered_by=found.opened_by,
        actor=actor,
    )
    found.state, found.order = State.SUBSCRIBED, order
    found.save(update_fields=["state", "order"])
    _record(found, "subscribed", actor, order=str(order.key))
    return found


@write_transaction
def refuse_justice_case(*, case: JusticeCase, reason: str, actor: User) -> JusticeCase:
    """Justice's approver does not go on: the holder or ecology did not agree, or nobody paid."""
    found = _decidable(case, actor, State.OPENED, State.CONFIRMED, State.SUBSCRIBED)
    if not may_end(found):
        raise JusticeCaseMovedOn()
    if not reason.strip():
        raise InvalidInput(field=_("理由"), reason=_("不能为空"))
    found.state, found.decided_by, found.reason = State.REFUSED, actor, reason.strip()
    found.save(update_fields=["state", "decided_by", "reason"])
    _record(found, "refused", actor)
    return found


@write_transaction
def give_tonnes(*, case: JusticeCase, actor: User) -> JusticeCase:
    """The ticket's holder agrees: the offset is asked for, in the name of the authority.

    The certificate goes to that authority and names nobody else; ecology signs it.
    """
    found = _locked(case, State.CONFIRMED)
    if found.listing is not None:
        raise JusticeCaseMovedOn()
    request = ask_offset(
        ticket=found.ticket,
        quantity_kg=found.quantity_kg,
        purpose=Purpose.ECO_JUSTICE,
        beneficiary=propose_name(name=found.authority, actor=found.opened_by),
        authority=found.authority,
        document_number=found.document_number,
        actor=actor,
    )
    found.state, found.request = State.SUBSCRIBED, request
    found.save(update_fields=["state", "request"])
    _record(found, "subscribed", actor, request=str(request.key))
    return found


def may_end(case: JusticeCase) -> bool:
    """Nothing of it is under way or retired: the request was refused, the order was not paid."""
    if case.request is not None:
        return case.request.state in NOT_OFFSET
    return case.order is None or case.order.state in RetailOrder.UNSOLD


def _where(source: Source) -> dict[str, Any]:
    """The columns that say where the tonnes come from."""
    if isinstance(source, RetailPool):
        return {"ticket": source.listing.ticket, "listing": source.listing, "pool": source}
    if isinstance(source, Listing):
        return {"ticket": source.ticket, "listing": source}
    return {"ticket": source}


def _require_left(case: JusticeCase) -> None:
    """What the case needs is there today; nothing is bound before it is ordered or offset."""
    if case.pool is not None:
        require_pool(case.pool, case.pool.listing, case.quantity_kg, Purpose.ECO_JUSTICE)
        return
    if case.listing is not None:
        require_lot(case.listing, case.quantity_kg)
        return
    if not case.ticket.is_open:
        raise TicketClosed(number=case.ticket.number)
    require_unreserved(case.ticket)
    free = case.ticket.blocks.free().quantity_kg()
    if free < case.quantity_kg:
        raise BlockNotFree(wanted=case.quantity_kg, free=free)


def _locked(case: JusticeCase, *states: JusticeCase.State) -> JusticeCase:
    found = (
        JusticeCase.objects.select_for_update(of=("self",))
        .select_related("ticket", "opened_by", "request", "order", "listing", "pool__listing")
        .get(pk=case.pk)
    )
    if found.state not in states:
        raise JusticeCaseMovedOn()
    return found


def _decidable(case: JusticeCase, actor: User, *states: JusticeCase.State) -> JusticeCase:
    require_office(actor, Role.APPROVER, Department.JUSTICE)
    found = _locked(case, *states)
    if found.opened_by == actor:
        raise OwnJusticeCase()
    refuse_own_ticket(found.ticket, actor)
    return found


def _record(case: JusticeCase, verb: str, actor: User, **facts: Any) -> None:
    record_event(
        subject_kind="justice_case",
        subject_key=case.key,
        verb=verb,
        actor_key=actor.key,
        facts={"ticket": str(case.ticket_id), "quantity_kg": case.quantity_kg, **facts},
    )
