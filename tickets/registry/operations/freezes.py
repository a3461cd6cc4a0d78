"""Freeze and lift, loss notice and reissue (article 10): orders laid over any live state."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.errors import ReasonMissing
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import officers
from portal.base.clock import CITY_TIME, now, today
from portal.base.errors import InvalidInput
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.registry.access import owners_of, require_office
from tickets.registry.errors import (
    BlockNotFree,
    FreezeLifted,
    FreezeNotOrdered,
    LossPublished,
    NoticeEnded,
    NoticeObjected,
    NoticeRunning,
    RegistrationDecided,
    WrongRegistration,
)
from tickets.registry.ledger import (
    Draft,
    freest_first,
    hold,
    quantity_of,
    standing_pieces,
    write_entry,
)
from tickets.registry.models import (
    CarbonTicket,
    Cause,
    FreezeOrder,
    LedgerEntry,
    LossNotice,
    LossObjection,
    Registration,
    TicketShare,
)
from tickets.registry.moves import EntryKind
from tickets.registry.operations.orders import is_live, lay_order, take_off_order
from tickets.registry.operations.registrations import (
    NO_PAPER,
    Kind,
    Paper,
    begin_decision,
    end_decision,
    hold_open_ticket,
    open_ticket_of,
    prepare,
    quantity_or_none,
    sha256_of,
)
from tickets.registry.operations.transfers import require_acting
from tickets.registry.queries import same_owners_tickets


@write_transaction
def prepare_freeze(
    *,
    kind: FreezeOrder.Kind,
    ticket: CarbonTicket,
    document: Paper,
    reason: str,
    actor: User,
    quantity_kg: int | None = None,
) -> Registration:
    """Over part or (None) all that is live on the ticket; a court's names its order."""
    if kind is FreezeOrder.Kind.LOSS:
        raise WrongRegistration()
    if kind is FreezeOrder.Kind.COURT:
        if not (document.authority.strip() and document.number.strip()):
            raise FreezeNotOrdered()
        document.require(_("冻结裁定或协助执行通知"), authority=True)
    return prepare(
        Kind.FREEZE,
        actor=actor,
        document=document,
        ticket=ticket,
        quantity_kg=quantity_or_none(quantity_kg),
        freeze_kind=kind,
        reason=reason.strip(),
    )


@write_transaction
def freeze_blocks(*, registration: Registration, actor: User) -> FreezeOrder:
    """What lies under it is not lost: the state stays, and nothing moves until it is lifted.

    BlockNotFree when less is live than was ordered. What an inspection found stands still already,
    and stays so.
    """
    wanted = begin_decision(registration, actor, {Kind.FREEZE})
    order = wanted.order or _lay(wanted, actor, FreezeOrder.Kind(wanted.freeze_kind))
    end_decision(wanted, actor)
    return order


def _lay(registration: Registration, actor: User, kind: FreezeOrder.Kind) -> FreezeOrder:
    ticket, held = hold_open_ticket(registration)
    # Free ones first: laid on what a pledge holds anyway, a freeze of a part would secure nothing.
    pieces = freest_first(held.pieces)
    live_kg = quantity_of(piece for piece in pieces if is_live(piece))
    quantity_kg = registration.quantity_kg or live_kg
    if kind is FreezeOrder.Kind.INSPECTION:
        # Asked for by hand, or before findings froze at once: what is still there is frozen all the same.
        quantity_kg = min(quantity_kg, live_kg)
    if quantity_kg == 0 or quantity_kg > live_kg:
        raise BlockNotFree(wanted=max(quantity_kg, 1), free=live_kg)
    order = FreezeOrder.objects.create(
        kind=kind,
        issuance_id=ticket.issuance_id,
        ticket=ticket,
        quantity_kg=quantity_kg,
        authority=registration.authority,
        document_number=registration.document_number,
        reason=registration.reason,
    )
    lay_order(
        order,
        pieces,
        actor,
        fits=is_live,
        article="第十条" if kind is FreezeOrder.Kind.LOSS else "第二十一条",
        registration=registration.key,
        document_sha256=sha256_of(registration),
    )
    return order


@write_transaction
def freeze_found(
    *, ticket: CarbonTicket, quantity_kg: int, document: Paper, reason: str, actor: User
) -> Registration | None:
    """What a signed visit found stands still from the signature on (article 21), under a request that
    the approver decides: confirmed, the order stays; rejected, it is taken off (docs/decisions/0014).

    As far as it is live on the ticket and on what it was divided into, reissued or corrected as;
    None when nothing is.
    """
    hold(ticket.issuance_id)
    pieces = freest_first(
        piece for one in same_owners_tickets(ticket) for piece in standing_pieces(ticket=one)
    )
    found_kg = min(quantity_kg, quantity_of(piece for piece in pieces if is_live(piece)))
    if found_kg == 0:
        return None
    order = FreezeOrder.objects.create(
        kind=FreezeOrder.Kind.INSPECTION,
        issuance_id=ticket.issuance_id,
        ticket=ticket,
        quantity_kg=found_kg,
        authority=document.authority.strip(),
        document_number=document.number.strip(),
        reason=reason,
    )
    registration = prepare(
        Kind.FREEZE,
        actor=actor,
        document=document,
        ticket=ticket,
        order=order,
        quantity_kg=found_kg,
        freeze_kind=FreezeOrder.Kind.INSPECTION,
        reason=reason,
    )
    lay_order(
        order,
        pieces,
        actor,
        fits=is_live,
        article="第二十一条",
        registration=registration.key,
        document_sha256=document.sha256,
    )
    return registration


@write_transaction
def prepare_lift(
    *, order: FreezeOrder, reason: str, actor: User, document: Paper = NO_PAPER
) -> Registration:
    """Taking one order off; a court's needs the court's own document (DocumentMissing)."""
    if order.kind == FreezeOrder.Kind.COURT:
        document.require(_("法院的解除冻结文书"), authority=True)
    return prepare(
        Kind.LIFT,
        actor=actor,
        document=document,
        ticket=order.ticket,
        order=order,
        reason=reason.strip(),
    )


@write_transaction
def lift_freeze(*, registration: Registration, actor: User) -> LedgerEntry:
    """Take one order off the blocks it lies on. What lay under it comes back as it was."""
    wanted = begin_decision(registration, actor, {Kind.LIFT})
    assert wanted.order is not None
    entry = take_off_order(
        wanted.order,
        actor,
        article="第二十一条",
        registration=wanted.key,
        document_sha256=sha256_of(wanted),
    )
    if entry is None:
        raise FreezeLifted()
    end_decision(wanted, actor)
    return entry


# --- disputes of the market ---------------------------------------------------------------------
@write_transaction
def freeze_disputed(*, cause: Cause, quantity_kg: int, reason: str) -> FreezeOrder | None:
    """A disputed trade's kilograms stand still on the list (article 15), by the word of either
    side: the register names the machine. None when orders lie on all of them already."""
    listed = cause.blocks.standing().first()
    if listed is None:
        return None
    issuance_id = listed.issuance_id
    hold(issuance_id)
    pieces = standing_pieces(because=cause.pk)
    wanted = min(quantity_kg, quantity_of(piece for piece in pieces if not piece.freezes))
    if wanted == 0:
        return None
    order = FreezeOrder.objects.create(
        kind=FreezeOrder.Kind.DISPUTE,
        issuance_id=issuance_id,
        ticket_id=pieces[0].ticket,
        quantity_kg=wanted,
        reason=reason,
    )
    lay_order(order, pieces, None, fits=lambda piece: not piece.freezes, article="第十五条")
    return order


@write_transaction
def lift_dispute(*, order: FreezeOrder, actor: User) -> LedgerEntry | None:
    """The centre's approver has decided the dispute; None when forestry lifted the order before."""
    require_office(actor, Role.TRADING_APPROVER)
    if order.kind != FreezeOrder.Kind.DISPUTE:
        raise WrongRegistration()
    return take_off_order(order, actor, article="第十五条")


# --- loss ---------------------------------------------------------------------------------------
@write_transaction
def prepare_loss(
    *,
    ticket: CarbonTicket,
    reason: LossNotice.Reason,
    asked_by: User,
    actor: User,
    document: Paper = NO_PAPER,
) -> Registration:
    """An owner reports the paper lost or damaged (article 10)."""
    require_acting(asked_by, owners_of(ticket))
    _require_no_notice(ticket)
    return prepare(
        Kind.LOSS,
        actor=actor,
        asked_by=asked_by,
        document=document,
        ticket=ticket,
        loss_reason=reason,
        paper=Registration.Paper.LOST
        if reason is LossNotice.Reason.LOST
        else Registration.Paper.SURRENDERED,
    )


@write_transaction
def publish_loss(*, registration: Registration, actor: User) -> LossNotice:
    """Freeze the ticket and let the public notice run (policy ``registry.loss_notice_days``)."""
    wanted = begin_decision(registration, actor, {Kind.LOSS})
    _require_no_notice(open_ticket_of(wanted))
    order = _lay(wanted, actor, FreezeOrder.Kind.LOSS)
    days = int(policy_number("registry.loss_notice_days"))
    notice = LossNotice.objects.create(
        ticket=open_ticket_of(wanted),
        order=order,
        reason=wanted.loss_reason,
        ends_on=now().astimezone(CITY_TIME).date() + timedelta(days=days),
    )
    end_decision(wanted, actor)
    return notice


@write_transaction
def raise_objection(
    *, notice: LossNotice, objector: str, contact: str, text: str, actor: User | None
) -> LossObjection:
    """Anyone may object while the notice runs; no account is needed."""
    for field, value in (("objector", objector), ("contact", contact), ("text", text)):
        if not value.strip() or len(value) > 2000:
            raise InvalidInput(field=field, reason="")
    hold(notice.ticket.issuance_id)  # A reissue of this moment sees it, or has been before.
    if today() > notice.ends_on or not _runs(notice):
        raise NoticeEnded()
    objection = LossObjection.objects.create(
        notice=notice,
        objector=objector.strip()[:100],
        contact=contact.strip()[:100],
        text=text.strip(),
    )
    _record(notice, "objected", actor, objection=str(objection.key))
    tell(
        users=officers(Role.CLERK, Department.FORESTRY),
        subject=_("挂失异议：{ticket}").format(ticket=notice.ticket.number),
        body=_("公告期内有人提出异议，请调查处理；处理前不补发。"),
        link=reverse("registry:loss-notice", args=[notice.key]),
    )
    return objection


@write_transaction
def prepare_settlement(
    *,
    objection: LossObjection,
    outcome: LossObjection.Outcome,
    reason: str,
    document: Paper,
    actor: User,
) -> Registration:
    """What the clerk found out about an objection, for the approver to decide.

    Raises DocumentMissing, ReasonMissing, RegistrationDecided.
    """
    document.require(_("异议调查处理意见"))
    if not reason.strip():
        raise ReasonMissing()
    if objection.outcome:
        raise RegistrationDecided()
    return prepare(
        Kind.SETTLE,
        actor=actor,
        document=document,
        ticket=objection.notice.ticket,
        objection=objection,
        outcome=outcome,
        reason=reason.strip(),
    )


@write_transaction
def settle_objection(*, registration: Registration, actor: User) -> LossObjection:
    """Dismissed, the reissue is free again; upheld, it stays barred and the freeze is to be lifted."""
    wanted = begin_decision(registration, actor, {Kind.SETTLE})
    assert wanted.objection_id is not None
    settled = LossObjection.objects.filter(pk=wanted.objection_id, outcome="").update(
        outcome=wanted.outcome, settled_at=now(), settled_by=actor
    )
    if not settled:
        raise RegistrationDecided()
    objection = LossObjection.objects.select_related("notice").get(pk=wanted.objection_id)
    _record(
        objection.notice, "settled", actor,
        objection=str(objection.key), outcome=objection.outcome, registration=str(wanted.key),
    )  # fmt: skip
    end_decision(wanted, actor)
    return objection


@write_transaction
def prepare_reissue(*, notice: LossNotice, asked_by: User, actor: User) -> Registration:
    """After the notice: NoticeRunning, NoticeObjected, NoticeEnded."""
    require_acting(asked_by, owners_of(notice.ticket))
    _require_over(notice)
    return prepare(
        Kind.REISSUE, actor=actor, asked_by=asked_by, ticket=notice.ticket, notice=notice
    )


@write_transaction
def reissue_ticket(*, registration: Registration, actor: User) -> LedgerEntry:
    """A new number and code for what is live; the old ticket shows VOID, its offsets stay on it."""
    wanted = begin_decision(registration, actor, {Kind.REISSUE})
    assert wanted.notice is not None
    notice = wanted.notice
    ticket, held = hold_open_ticket(wanted)
    _require_over(notice)
    live = [piece for piece in held.pieces if is_live(piece)]
    draft = Draft()
    child = draft.open_ticket(
        shares_of(ticket), denominator=ticket.share_denominator, parent=ticket.pk
    )
    for piece in live:
        if piece.freezes != (notice.order_id,):
            raise BlockNotFree(wanted=quantity_of(live), free=0)
        draft.move([piece], ticket=child, freezes=())
    draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.REISSUED)
    entry = write_entry(
        draft,
        kind=EntryKind.REISSUE,
        issuance_id=ticket.issuance_id,
        actor=actor,
        article="第十条",
        freeze_order=notice.order_id,
        registration=wanted.key,
    )
    end_decision(wanted, actor)
    return entry


def shares_of(ticket: CarbonTicket) -> list[tuple[uuid.UUID, int]]:
    """The present owners' keys and numerators, in the ticket's order."""
    return list(
        TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
        .order_by("place")
        .values_list("party__key", "numerator")
    )


def _require_no_notice(ticket: CarbonTicket) -> None:
    """A second notice would bar the reissue after the first."""
    if any(_runs(notice) for notice in ticket.loss_notices.all()):
        raise LossPublished()


def _runs(notice: LossNotice) -> bool:
    return any(
        notice.order_id in piece.freezes for piece in standing_pieces(ticket=notice.ticket_id)
    )


def _require_over(notice: LossNotice) -> None:
    if not _runs(notice):
        raise NoticeEnded()
    against = notice.objections.filter(Q(outcome="") | Q(outcome=LossObjection.Outcome.UPHELD))
    if against.exists():
        raise NoticeObjected()
    if today() <= notice.ends_on:
        raise NoticeRunning(ends_on=notice.ends_on)


def _record(notice: LossNotice, verb: str, actor: User | None, **facts: str) -> None:
    record_event(
        subject_kind="loss_notice",
        subject_key=notice.key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts=facts,
    )
