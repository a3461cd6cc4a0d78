"""``--as stock``: the titles of an imported register verified under one decision, in one join.

What conflicts with another title of the file, or with one that was verified before, stays
registered on both sides and is told: the bench opens a case for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from parcels.imports.errors import TakeoverRefused
from parcels.imports.models import Takeover, TakeoverConflict
from parcels.imports.originals import sha256_of, store_original
from parcels.imports.takeover_joins import (
    CLASHES,
    CLEAR,
    COUNTS,
    KEEP_CLASHES,
    SOUND,
    STOCK,
    VERIFY,
)
from parcels.models import ImportRecord
from portal.accounts.documents import parse_scan
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import has_role
from portal.base.clock import today
from portal.journal.operations import record_event

KEPT_CONFLICTS_TOLD = 1000


@dataclass(frozen=True, slots=True)
class TakeoverDecision:
    """The bureau's decision: its number and day, its document, who prepared and who approved.

    A takeover that is only tried keeps no copy of the document.
    """

    number: str
    decided_on: date
    document: Path
    prepared_by: User
    approved_by: User
    keeps_document: bool = field(default=True, kw_only=True)


@dataclass(slots=True)
class TakenOver:
    """What a takeover came to; ``seconds`` is the join and the verification alone."""

    verified: int = 0
    left_registered: int = 0
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    conflict_count: int = 0
    seconds: float = 0.0


def check_decision(decision: TakeoverDecision) -> None:
    """TakeoverRefused unless number, day, document and two different officers are right.

    Article 3: natural resources audits titles. Who prepares does not approve.
    """
    if not decision.number.strip():
        raise TakeoverRefused(reason=_("须写明决定文号"))
    if decision.decided_on > today():
        raise TakeoverRefused(reason=_("决定日期不能晚于今天"))
    if decision.prepared_by == decision.approved_by:
        raise TakeoverRefused(reason=_("经办人与审批人不能是同一人"))
    bureau = Department.NATURAL_RESOURCES
    if not has_role(decision.prepared_by, Role.CLERK, bureau):
        raise TakeoverRefused(reason=_("经办人须为自然资源部门的经办人员"))
    if not has_role(decision.approved_by, Role.APPROVER, bureau):
        raise TakeoverRefused(reason=_("审批人须为自然资源部门的审批人员"))
    if not decision.document.is_file():
        raise TakeoverRefused(reason=_("没有找到依据文件"))
    parse_scan(decision.document.read_bytes())


def take_over(cursor: Any, *, record: ImportRecord, decision: TakeoverDecision) -> TakenOver:
    """Verify what was staged and written in this transaction; see ``matching`` for its tables."""
    check_decision(decision)
    begun = time.monotonic()
    for statement in (STOCK, CLASHES, SOUND):
        cursor.execute(statement)
    cursor.execute(COUNTS)
    verified, left, conflict_count = cursor.fetchone()
    # The decision comes first: the database verifies as many titles under it as it counts.
    takeover = _keep(record, decision, verified, left)
    cursor.execute(VERIFY, {"takeover": takeover.pk})
    seconds = time.monotonic() - begun
    cursor.execute(KEEP_CLASHES, {"takeover": takeover.pk})
    cursor.execute(CLEAR)
    record_event(
        subject_kind="takeover",
        subject_key=takeover.key,
        verb="taken_over",
        actor_key=decision.approved_by.key,
        facts={
            "record": str(record.key),
            "document_sha256": takeover.document_sha256,
            "prepared_by": str(decision.prepared_by.key),
            "verified": verified,
            "left_registered": left,
        },
    )
    told = TakeoverConflict.objects.filter(takeover=takeover).select_related(
        "certificate", "other", "parcel"
    )[:KEPT_CONFLICTS_TOLD]
    return TakenOver(
        verified=verified,
        left_registered=left,
        conflicts=[
            {
                "certificate": one.certificate.number,
                "other": one.other.number,
                "unit_number": one.parcel.unit_number or None,
                "because": one.because,
                "message": str(one.get_because_display()),
                "area_m2": None if one.area_m2 is None else round(one.area_m2, 2),
            }
            for one in told
        ],
        conflict_count=conflict_count,
        seconds=seconds,
    )


def _keep(record: ImportRecord, decision: TakeoverDecision, verified: int, left: int) -> Takeover:
    document = decision.document
    sha256, stored_path = (
        store_original(document) if decision.keeps_document else (sha256_of(document), "")
    )
    return Takeover.objects.create(
        record=record,
        decision_number=decision.number.strip(),
        decided_on=decision.decided_on,
        document_name=document.name[:255],
        document_path=stored_path,
        document_sha256=sha256,
        prepared_by=decision.prepared_by,
        approved_by=decision.approved_by,
        verified=verified,
        left_registered=left,
    )
