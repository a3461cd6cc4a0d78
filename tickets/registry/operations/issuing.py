"""From a filing to tickets (articles 8 and 9). No fee is asked."""

from __future__ import annotations

from collections.abc import Sequence

from parcels.models import Claim, RuleRun
from portal.accounts.models import User
from portal.base.transactions import write_transaction
from tickets.registry.errors import (
    AlreadyIssued,
    ClaimNotFiled,
    InvalidSplit,
    ReportNotClear,
)
from tickets.registry.ledger import Draft, issued_piece, write_entry
from tickets.registry.models import Issuance, LedgerEntry, Registration
from tickets.registry.moves import EntryKind
from tickets.registry.operations.registrations import (
    Kind,
    Part,
    begin_decision,
    end_decision,
    parts_of,
    prepare,
)
from tickets.registry.quantities import require_quantity

ARTICLE = "第八条"


@write_transaction
def prepare_issue(
    *,
    filing_number: str,
    quantity_kg: int,
    claim: Claim,
    uniqueness_report: RuleRun,
    parts: Sequence[Part],
    actor: User,
    asked_by: User | None = None,
    materials: Sequence[tuple[str, bytes]] = (),
) -> Registration:
    """On the owner's request: one ticket, or several by agreed shares, that sum to the tonnes."""
    require_quantity(quantity_kg)
    _require_land(claim, uniqueness_report)
    for part in parts:
        part.owners.require_right()
        require_quantity(part.quantity_kg)
    found = sum(part.quantity_kg or 0 for part in parts)
    if found != quantity_kg:
        raise InvalidSplit(found=found, wanted=quantity_kg)
    if Issuance.objects.filter(filing_number=filing_number).exists():
        raise AlreadyIssued()
    return prepare(
        Kind.ISSUE,
        actor=actor,
        asked_by=asked_by,
        parts=parts,
        materials=materials,
        claim=claim,
        uniqueness_report=uniqueness_report,
        filing_number=filing_number,
        quantity_kg=quantity_kg,
    )


@write_transaction
def issue_tickets(*, registration: Registration, actor: User) -> LedgerEntry:
    """The issuance with its first tickets; land and uniqueness report are fixed to them for ever."""
    wanted = begin_decision(registration, actor, {Kind.ISSUE})
    assert wanted.claim is not None
    assert wanted.uniqueness_report is not None
    claim, report = wanted.claim, wanted.uniqueness_report
    _require_land(claim, report)
    parts = parts_of(wanted)
    issuance = Issuance.objects.create(
        filing_number=wanted.filing_number,
        quantity_kg=wanted.quantity_kg or 0,
        claim=claim,
        period=claim.period,
    )
    draft, low = Draft(), 0
    for part in parts:
        quantity_kg = require_quantity(part.quantity_kg)
        ticket = draft.open_ticket(
            part.owners.keys,
            denominator=part.owners.denominator,
            area=claim.version.key,
            report=report.key,
        )
        draft.move([issued_piece(low, low + quantity_kg, ticket)])
        low += quantity_kg
    entry = write_entry(
        draft,
        kind=EntryKind.ISSUE,
        issuance_id=issuance.pk,
        actor=actor,
        article=ARTICLE,
        registration=wanted.key,
    )
    end_decision(wanted, actor)
    return entry


def _require_land(claim: Claim, report: RuleRun) -> None:
    if claim.filed_at is None or claim.state != Claim.State.LIVE:
        raise ClaimNotFiled()
    if report.area_version_id != claim.version_id or not report.number:
        raise ReportNotClear()
    if report.verdict == RuleRun.Verdict.CONFLICT:
        raise ReportNotClear()
