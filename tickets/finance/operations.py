"""Every write of finance."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.models import Department, Party, Role, User
from portal.base.clock import today
from portal.base.errors import InvalidInput, NotFound
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event
from tickets.finance.access import access_claim, access_policy, institutions_of
from tickets.finance.errors import OwnFinanceRow
from tickets.finance.models import FinanceRow, InsuranceClaim, InsurancePolicy
from tickets.registry.access import require_office
from tickets.registry.errors import TicketClosed
from tickets.registry.models import CarbonTicket


@write_transaction
def record_row(
    *,
    kind: FinanceRow.Kind,
    ticket: CarbonTicket,
    institution: Party,
    number: str,
    amount_fen: int,
    begins_on: date,
    ends_on: date,
    actor: User,
) -> FinanceRow:
    """The finance office's clerk writes down what an institution told (article 18)."""
    require_office(actor, Role.CLERK, Department.FINANCE)
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    row = FinanceRow.objects.create(
        kind=kind, ticket=ticket, institution=institution, number=number.strip(),
        amount_fen=amount_fen, begins_on=begins_on, ends_on=ends_on, recorded_by=actor,
    )  # fmt: skip
    _record("finance_row", row.key, "recorded", actor, product=str(kind), ticket=str(ticket.pk))
    return row


@write_transaction
def confirm_row(*, row: FinanceRow, actor: User) -> FinanceRow:
    """The office's approver confirms it; from then on it counts."""
    require_office(actor, Role.APPROVER, Department.FINANCE)
    found = FinanceRow.objects.select_for_update().get(pk=row.pk)
    if found.recorded_by_id == actor.pk:
        raise OwnFinanceRow()
    found.confirmed_by = actor
    found.save(update_fields=["confirmed_by"])
    _record("finance_row", found.key, "confirmed", actor)
    return found


@write_transaction
def end_row(*, row: FinanceRow, ended_on: date, actor: User) -> FinanceRow:
    """It was paid back or wound up, today or before; FinanceIncomplete for an unconfirmed row."""
    require_office(actor, Role.CLERK, Department.FINANCE)
    if ended_on > today():
        raise InvalidInput(field=_("结清日期"), reason=_("不能晚于今天"))
    found = FinanceRow.objects.select_for_update().get(pk=row.pk)
    found.ended_on = ended_on
    found.save(update_fields=["ended_on"])
    _record("finance_row", found.key, "ended", actor, on=ended_on.isoformat())
    return found


@write_transaction
def insure(
    *,
    subject: InsurancePolicy.Subject,
    ticket: CarbonTicket,
    insurer: Party,
    number: str,
    sum_fen: int,
    begins_on: date,
    ends_on: date,
    events: str,
    actor: User,
) -> InsurancePolicy:
    """An insurer writes down its own insurance of a ticket or of its forest (article 19)."""
    if not institutions_of(actor, Role.INSURER).filter(pk=insurer.pk).exists():
        raise NotFound()
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    policy = InsurancePolicy.objects.create(
        subject=subject, ticket=ticket, insurer=insurer, number=number.strip(), sum_fen=sum_fen,
        begins_on=begins_on, ends_on=ends_on, events=events.strip(), recorded_by=actor,
    )  # fmt: skip
    _record("insurance_policy", policy.key, "recorded", actor, ticket=str(ticket.pk))
    return policy


@write_transaction
def claim(
    *, policy: InsurancePolicy, event: str, happened_on: date, claimed_fen: int, actor: User
) -> InsuranceClaim:
    """What happened; TicketCancelled, OutsideTheTerm come from the database."""
    access_policy(policy.key, actor)
    made = InsuranceClaim.objects.create(
        policy=policy, event=event.strip(), happened_on=happened_on, claimed_fen=claimed_fen,
        made_by=actor,
    )  # fmt: skip
    _record("insurance_claim", made.key, "made", actor, policy=str(policy.key))
    return made


@write_transaction
def decide_claim(*, claim: InsuranceClaim, paid_fen: int, actor: User) -> InsuranceClaim:
    """Paid (in whole or part), or refused with 0; once."""
    access_claim(claim.key, actor)
    found = InsuranceClaim.objects.select_for_update().get(pk=claim.pk)
    found.state = InsuranceClaim.State.PAID if paid_fen else InsuranceClaim.State.REFUSED
    found.paid_fen, found.decided_by = paid_fen, actor
    found.save(update_fields=["state", "paid_fen", "decided_by"])
    _record("insurance_claim", found.key, str(found.state), actor)
    return found


def _record(kind: str, key: uuid.UUID, verb: str, actor: User, **facts: Any) -> None:
    record_event(subject_kind=kind, subject_key=key, verb=verb, actor_key=actor.key, facts=facts)
