"""Eco-justice: from the decision to the tonnes that stand for it (article 14)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department, Mandate, Role, User
from portal.base.clock import today
from portal.base.errors import InvalidInput
from portal.base.transactions import write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.offsets.models import OffsetRequest, Purpose
from tickets.offsets.operations import ask_offset, propose_name
from tickets.registry.access import owners_of, require_office
from tickets.registry.errors import BlockNotFree, TicketClosed
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import require_quantity
from tickets.supervision.errors import JusticeCaseIncomplete, JusticeCaseMovedOn, OwnJusticeCase
from tickets.supervision.models import JusticeCase

State: TypeAlias = JusticeCase.State
ENDED = (OffsetRequest.State.REFUSED, OffsetRequest.State.WITHDRAWN)
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
    ticket: CarbonTicket,
    papers: Mapping[str, Upload],
    actor: User,
) -> JusticeCase:
    """Justice's clerk takes the case in with its three papers; the holder of the ticket is named."""
    require_office(actor, Role.CLERK, Department.JUSTICE)
    if set(papers) != set(PAPERS):
        raise JusticeCaseIncomplete()
    if decided_on > today() or consented_on > today():
        raise InvalidInput(field=_("日期"), reason=_("不能晚于今天"))
    _require_free(ticket, require_quantity(quantity_kg))
    case = JusticeCase.objects.create(
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
        ticket=ticket,
        opened_by=actor,
    )
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
    """Justice's approver agrees; the ticket's owners are asked for their tonnes."""
    found = _decidable(case, actor, State.OPENED)
    _require_free(found.ticket, found.quantity_kg)
    found.state, found.decided_by = State.CONFIRMED, actor
    found.save(update_fields=["state", "decided_by"])
    _record(found, "confirmed", actor)
    owners = User.objects.filter(
        mandates__party__in=owners_of(found.ticket),
        mandates__scope__in=[Mandate.Scope.ALL, Mandate.Scope.DISPOSE],
        mandates__ended_at__isnull=True,
    ).distinct()
    tell(
        users=owners,
        subject=str(_("生态司法认购，等待您同意：{ticket}")).format(ticket=found.ticket.number),
        body=f"{found.authority} {found.document_number}",
        link=reverse("supervision:justice-case", args=[found.key]),
    )
    return found


@write_transaction
def refuse_justice_case(*, case: JusticeCase, reason: str, actor: User) -> JusticeCase:
    """Justice's approver does not go on: the holder did not agree, or ecology refused the offset."""
    found = _decidable(case, actor, State.OPENED, State.CONFIRMED, State.SUBSCRIBED)
    if found.request is not None and found.request.state not in ENDED:
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


def _require_free(ticket: CarbonTicket, quantity_kg: int) -> None:
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    free = ticket.blocks.free().quantity_kg()
    if free < quantity_kg:
        raise BlockNotFree(wanted=quantity_kg, free=free)


def _locked(case: JusticeCase, *states: JusticeCase.State) -> JusticeCase:
    found = (
        JusticeCase.objects.select_for_update(of=("self",))
        .select_related("ticket", "opened_by", "request")
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
    return found


def _record(case: JusticeCase, verb: str, actor: User, **facts: Any) -> None:
    record_event(
        subject_kind="justice_case",
        subject_key=case.key,
        verb=verb,
        actor_key=actor.key,
        facts={"ticket": str(case.ticket_id), "quantity_kg": case.quantity_kg, **facts},
    )
