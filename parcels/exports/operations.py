"""Exact boundaries leave by one door: large ones with a reason and a second factor, all are noted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db import connection

from parcels.exports.errors import ExportNeedsReason
from parcels.exports.selection import Selection
from parcels.models import BoundaryExport, LandRead
from portal.accounts.models import User
from portal.accounts.operations import require_second_factor
from portal.base.clock import today
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

M2_PER_KM2 = 1_000_000
POLICY = "export.exact_km2"


def is_guarded(selection: Selection, actor: User) -> bool:
    """Whether so much land leaves in a day, or nobody measured how much (domain.md: 25 km²)."""
    if selection.area_m2 is None:
        return True
    taken_m2 = land_taken_m2(actor, (selection.what, selection.subject))
    return selection.area_m2 + taken_m2 > policy_number(POLICY) * M2_PER_KM2


def land_taken_m2(actor: User, beside: tuple[str, str] = ("", "")) -> float:
    """Exact land that ``actor`` took today without giving a reason; ``beside``: what is not counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT land_taken_m2(%s, %s, %s)", [actor.pk, *beside])
        return float(cursor.fetchone()[0])


@write_transaction
def read_modestly(*, land: Mapping[uuid.UUID, float], actor: User) -> None:
    """Exact shapes (key → m²) for a program, which is asked for no reason and no code.

    They count towards the day; ExportNeedsReason when it would be more than the limit.
    """
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # Two at once are added up.
    day = today()
    LandRead.objects.bulk_create(
        [LandRead(user=actor, day=day, shape=key, area_m2=area) for key, area in land.items()],
        ignore_conflicts=True,
    )
    limit_km2 = policy_number(POLICY)
    if land_taken_m2(actor) > limit_km2 * M2_PER_KM2:
        raise ExportNeedsReason(limit=limit_km2.normalize())


def forget_land_read() -> int:
    """Rows of days that are over count no more; how many went."""
    removed, _by_table = LandRead.objects.filter(day__lt=today()).delete()
    return removed


def confirm_export(*, selection: Selection, reason: str, code: str, actor: User) -> bool:
    """Ask for what the land's size asks for; whether a code was given.

    Called outside a transaction, so that a wrong code is counted. ExportNeedsReason, and what
    ``require_second_factor`` raises.
    """
    if not is_guarded(selection, actor):
        return False
    if not reason.strip():
        raise ExportNeedsReason(limit=policy_number(POLICY).normalize())
    require_second_factor(user=actor, code=code)
    return True


@write_transaction
def note_export(
    *, selection: Selection, name: str, sha256: str, reason: str, by_code: bool, actor: User
) -> BoundaryExport:
    """Keep who took what, before the file is handed over."""
    export = BoundaryExport.objects.create(
        what=selection.what,
        subject=selection.subject,
        file_name=name[:255],
        file_sha256=sha256,
        shapes=selection.shapes,
        area_m2=selection.area_m2,
        reason=reason.strip()[:500],
        by_code=by_code,
        made_by=actor,
    )
    record_event(
        subject_kind="export",
        subject_key=export.key,
        verb="exported",
        actor_key=actor.key,
        facts={
            "what": str(selection.what),
            "sha256": sha256,
            "shapes": selection.shapes,
            "area_m2": None if selection.area_m2 is None else round(selection.area_m2),
            "by_code": by_code,
        },
    )
    return export
