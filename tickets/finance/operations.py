"""Every write of finance."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.queries import acts_for, people_acting_for
from portal.base.clock import now, today
from portal.base.errors import InvalidInput, NotFound
from portal.base.transactions import each_apart, write_transaction
from portal.casework.errors import OwnMatter
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.finance.access import access_claim, access_policy, institutions_of
from tickets.finance.errors import OwnFinanceRow, RowStruck
from tickets.finance.models import FinanceRow, InsuranceClaim, InsurancePolicy, PledgeAlert
from tickets.finance.queries import OwnPledge, pledges_in_force, watched
from tickets.registry.access import refuse_own_ticket, require_office
from tickets.registry.errors import TicketClosed
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import tonnes
from tickets.registry.queries import succeeding


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
    _refuse_own_row(ticket, institution, actor)
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
    found = _standing_row(row, actor)
    if found.recorded_by_id == actor.pk:
        raise OwnFinanceRow()
    found.confirmed_by = actor
    found.save(update_fields=["confirmed_by"])
    _record("finance_row", found.key, "confirmed", actor)
    return found


@write_transaction
def strike_row(*, row: FinanceRow, reason: str, actor: User) -> FinanceRow:
    """What was recorded wrongly counts no more, confirmed or not; its contract may be recorded anew."""
    require_office(actor, Role.APPROVER, Department.FINANCE)
    found = _standing_row(row, actor)
    if found.recorded_by_id == actor.pk:
        raise OwnFinanceRow()
    if not reason.strip():
        raise InvalidInput(field=_("撤销理由"), reason=_("不能为空"))
    found.struck_by, found.struck_because = actor, reason.strip()
    found.save(update_fields=["struck_by", "struck_because"])
    _record("finance_row", found.key, "struck", actor)
    tell(
        users=[found.recorded_by],
        subject=_("金融产品登记已撤销：{number}").format(number=found.number),
        body=found.struck_because,
        link=reverse("finance:register"),
    )
    return found


@write_transaction
def end_row(*, row: FinanceRow, ended_on: date, actor: User) -> FinanceRow:
    """It was paid back or wound up, today or before; FinanceIncomplete for an unconfirmed row."""
    require_office(actor, Role.CLERK, Department.FINANCE)
    if ended_on > today():
        raise InvalidInput(field=_("结清日期"), reason=_("不能晚于今天"))
    found = _standing_row(row, actor)
    found.ended_on, found.ended_by = ended_on, actor
    found.save(update_fields=["ended_on", "ended_by"])
    _record("finance_row", found.key, "ended", actor, on=ended_on.isoformat())
    return found


def _standing_row(row: FinanceRow, actor: User) -> FinanceRow:
    """The row, locked: RowStruck, OwnMatter."""
    found = (
        FinanceRow.objects.select_for_update(of=("self",))
        .select_related("ticket", "institution", "recorded_by")
        .get(pk=row.pk)
    )
    if found.struck_by_id is not None:
        raise RowStruck()
    _refuse_own_row(found.ticket, found.institution, actor)
    return found


def _refuse_own_row(ticket: CarbonTicket, institution: Party, actor: User) -> None:
    """OwnMatter for who acts for an owner of the ticket or for the bank (domain.md)."""
    refuse_own_ticket(ticket, actor)
    if acts_for(actor, institution, Mandate.Scope.VIEW):
        raise OwnMatter()


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
def end_policy(
    *, policy: InsurancePolicy, ended_on: date, reason: str, actor: User
) -> InsurancePolicy:
    """Its insurer ends it before its term: given up, or recorded wrongly and recorded anew. Of one
    that has not begun any day says that it was never in force.

    PolicyEnded, ClaimedLater and FinanceIncomplete (a day outside its term) come from the database.
    """
    access_policy(policy.key, actor)
    if ended_on > today():
        raise InvalidInput(field=_("提前终止日期"), reason=_("不能晚于今天"))
    if not reason.strip():
        raise InvalidInput(field=_("终止理由"), reason=_("不能为空"))
    found = InsurancePolicy.objects.select_for_update(no_key=True).get(pk=policy.pk)
    found.ended_on, found.ended_by, found.ended_because = ended_on, actor, reason.strip()
    found.save(update_fields=["ended_on", "ended_by", "ended_because"])
    _record("insurance_policy", found.key, "ended", actor, on=ended_on.isoformat())
    return found


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
    """Paid (in whole or part), or refused with 0; once, and by nobody who acts for the insured."""
    refuse_own_ticket(access_claim(claim.key, actor).policy.ticket, actor)
    found = InsuranceClaim.objects.select_for_update().get(pk=claim.pk)
    found.state = InsuranceClaim.State.PAID if paid_fen else InsuranceClaim.State.REFUSED
    found.paid_fen, found.decided_by = paid_fen, actor
    found.save(update_fields=["state", "paid_fen", "decided_by"])
    _record("insurance_claim", found.key, str(found.state), actor)
    return found


def tell_banks() -> int:
    """Each bank hears once of what threatens its pledge, by message, e-mail and webhook (article 18);
    how many pledges were told of now. A job's act: each pledge is a transaction of its own.

    Of a term that comes near the register reminds holder and bank (``remind_of_ending_pledges``).
    """
    PledgeAlert.objects.filter(ended_at__isnull=True).exclude(
        pledge__in=pledges_in_force().values("pk")
    ).update(ended_at=now())
    return each_apart(watched(pledges_in_force()), _tell_bank)


@write_transaction
def _tell_bank(row: OwnPledge) -> bool:
    """False when nothing is new, or another worker has been before: the constraint lets one row in."""
    pledge, ticket = row.pledge, row.pledge.ticket
    standing = {
        (alert.kind, alert.source)
        for alert in row.alerts
        if alert.kind is not PledgeAlert.Kind.EXPIRING
    }
    known = PledgeAlert.objects.filter(pledge=pledge, ended_at__isnull=True)
    for alert in known:
        if (alert.kind, alert.source) not in standing:
            alert.ended_at = now()
            alert.save(update_fields=["ended_at"])
    new = []
    for kind, source in sorted(standing):
        _alert, made = known.get_or_create(
            pledge=pledge, kind=kind, source=source, defaults={"ended_at": None}
        )
        if made:
            new.append(kind)
    if not new:
        return False
    labels = dict.fromkeys(str(kind.label) for kind in new)
    tell(
        users=people_acting_for([succeeding(pledge.pledgee)]),
        subject=_("质押需要留意：碳票 {number}").format(number=ticket.number),
        body=_("{alerts}。现质押 {tonnes} 吨，中登网登记编号 {external}。").format(
            alerts="；".join(labels), tonnes=tonnes(row.held_kg), external=pledge.external_number
        ),
        link=reverse("finance:bank"),
    )
    record_event(
        subject_kind="pledge", subject_key=pledge.pk, verb="bank_told", actor_key=None,
        facts={"alerts": [kind.value for kind in new]},
    )  # fmt: skip
    return True


def _record(kind: str, key: uuid.UUID, verb: str, actor: User, **facts: Any) -> None:
    record_event(subject_kind=kind, subject_key=key, verb=verb, actor_key=actor.key, facts=facts)
