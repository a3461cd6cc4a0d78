"""Writes of exclusion areas: other programmes' projects and planned harvests (article 6)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pyproj import Geod

from parcels.claims.errors import (
    ExclusionDayUnreadable,
    ExclusionIncomplete,
    ExclusionMoveNotAllowed,
    ExclusionReplaced,
)
from parcels.intake.errors import reject_message
from parcels.intake.gate import Limits
from parcels.intake.numbers import normalised
from parcels.intake.reader import Choices, inspect_file, read_batches
from parcels.models import ExclusionArea
from portal.accounts.models import User
from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

# 2024-01-31, 2024/1/31, 2024.1.31, 2024年1月31日, also with a time behind it.
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)")
ELLIPSOID = Geod(ellps="GRS80")
# Column names seen in such files, best first.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "programme": ("programme", "program", "机制", "项目类型", "减排机制"),
    "number": (
        "project_no",
        "permit_no",
        "项目编号",
        "项目号",
        "备案号",
        "许可证号",
        "采伐证号",
        "编号",
    ),
    "name": ("name", "项目名称", "名称"),
    "method": ("method", "采伐方式", "采伐类型", "cfff", "cflx"),
    "status": ("status", "状态"),
    "start": ("start", "开始日期", "起始日期", "起", "计入期起"),
    "end": ("end", "结束日期", "终止日期", "止", "计入期止"),
}
LABELS: Mapping[str, str | Promise] = {
    "programme": _("机制"),
    "number": _("项目号或许可证号"),
    "name": _("名称"),
    "method": _("采伐方式"),
    "status": _("状态"),
    "start": _("起始日期"),
    "end": _("终止日期"),
}
_KINDS = {"ccer": ExclusionArea.Kind.CCER, "vcs": ExclusionArea.Kind.VCS}
_STATUSES = {
    "planned": ExclusionArea.Status.PLANNED,
    "拟申报": ExclusionArea.Status.PLANNED,
    "规划": ExclusionArea.Status.PLANNED,
    "registered": ExclusionArea.Status.REGISTERED,
    "已备案": ExclusionArea.Status.REGISTERED,
    "已签发": ExclusionArea.Status.REGISTERED,
    "已批准": ExclusionArea.Status.REGISTERED,
    "ended": ExclusionArea.Status.ENDED,
    "已结束": ExclusionArea.Status.ENDED,
}


@dataclass(frozen=True, slots=True)
class ExclusionFacts:
    """What is said of one area; ``ends_on`` is its last day, None where it is open."""

    kind: ExclusionArea.Kind
    status: ExclusionArea.Status
    number: str
    begins_on: date
    ends_on: date | None = None
    name: str = ""
    method: str = ""
    source: str = ""
    source_sha256: str = ""

    @property
    def period(self) -> DateRange:
        upper = None if self.ends_on is None else self.ends_on + timedelta(days=1)
        return DateRange(self.begins_on, upper, "[)")


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a person says of a whole file: used where its columns say nothing, ``kind`` always."""

    kind: ExclusionArea.Kind | None = None
    method: ExclusionArea.Method | None = None
    status: ExclusionArea.Status | None = None
    begins_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """One good feature of a file, as it is or would be registered."""

    row: int
    facts: ExclusionFacts
    area_m2: float
    stands_already: bool

    @property
    def area_ha(self) -> float:
        return self.area_m2 / 10_000

    @property
    def kind_label(self) -> str:
        return str(self.facts.kind.label)

    @property
    def method_label(self) -> str:
        return str(ExclusionArea.Method(self.facts.method).label) if self.facts.method else ""

    @property
    def status_label(self) -> str:
        return str(self.facts.status.label)


@dataclass(slots=True)
class TakenIn:
    """Counts of a file of exclusion areas; ``rejected`` holds (row, reason in words) of others."""

    read: int = 0
    registered: int = 0
    unchanged: int = 0
    found: list[Read] = field(default_factory=list)
    rejected: list[tuple[int, str, str]] = field(default_factory=list)


@write_transaction
def register_exclusion(
    *, facts: ExclusionFacts, geom: MultiPolygon, actor: User | None
) -> ExclusionArea:
    """A new exclusion area. ``geom`` is in EPSG:4490; ``actor`` is None at the command line."""
    exclusion = ExclusionArea.objects.create(
        kind=facts.kind,
        method=facts.method,
        status=facts.status,
        number=facts.number,
        number_key=normalised(facts.number),
        name=facts.name,
        period=facts.period,
        geom=geom,
        source=facts.source,
        source_sha256=facts.source_sha256,
        made_by=actor,
    )
    exclusion.refresh_from_db()
    _record(exclusion, "registered", actor)
    return exclusion


@write_transaction
def move_exclusion(
    *, exclusion: ExclusionArea, status: ExclusionArea.Status, actor: User
) -> ExclusionArea:
    """Planned → registered → ended; ExclusionMoveNotAllowed for any other step."""
    standing = _standing(exclusion)
    if standing.status == status:
        raise ExclusionMoveNotAllowed(now=standing.get_status_display(), wanted=status.label)
    ExclusionArea.objects.filter(pk=standing.pk).update(status=status)
    standing.refresh_from_db()
    _record(standing, "moved", actor)
    return standing


@write_transaction
def replace_exclusion(
    *, exclusion: ExclusionArea, facts: ExclusionFacts, geom: MultiPolygon, actor: User
) -> ExclusionArea:
    """A corrected row in the place of the former, which stays readable."""
    former = _standing(exclusion)
    ExclusionArea.objects.filter(pk=former.pk).update(replaced_at=PortalNow())
    _record(former, "replaced", actor)
    return register_exclusion(facts=facts, geom=geom, actor=actor)


@write_transaction
def take_in_exclusions(
    *,
    path: Path,
    actor: User | None,
    file_name: str = "",
    assumed: Assumed = Assumed(),
    choices: Choices | None = None,
    columns: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    dry_run: bool = False,
) -> TakenIn:
    """Register every good feature of a file; an equal one that stands already is left alone.

    A file with a column of harvest methods is a harvest plan (抚育… is tending, anything else a
    clear cut, approved unless it says otherwise); any other holds projects of other programmes.
    ``columns`` says which column holds which fact (by their names when None); ``dry_run`` only tells
    what would be registered.
    """
    choices, limits = choices or Choices(), limits or Limits()
    if columns is None:
        fields = inspect_file(path, choices=choices, limits=limits).fields
        columns = propose_columns(found.name for found in fields)
    with path.open("rb") as original:
        sha256 = hashlib.file_digest(original, "sha256").hexdigest()
    source = (file_name or path.name)[:255]
    outcome = TakenIn()
    for batch in read_batches(path, choices=choices, limits=limits):
        outcome.read += len(batch.rows) + len(batch.rejects)
        outcome.rejected.extend(
            (reject.row, reject.code, reject_message(reject.code, reject.params))
            for reject in batch.rejects
        )
        for at, row in enumerate(batch.rows):
            values = {name: batch.columns[column][at] for name, column in columns.items()}
            try:
                facts = _facts_from(values, assumed, source=source, sha256=sha256)
            except (ExclusionIncomplete, ExclusionDayUnreadable) as refusal:
                outcome.rejected.append((row, refusal.code, str(refusal)))
                continue
            shape = GEOSGeometry(memoryview(batch.wkb[at]), srid=STORAGE_SRID)
            geom = cast(MultiPolygon, shape)  # What every batch of the reader holds.
            stands = _stands_already(facts, geom)
            outcome.unchanged += stands
            area_m2, _perimeter = ELLIPSOID.geometry_area_perimeter(shapely.from_wkb(batch.wkb[at]))
            outcome.found.append(Read(row, facts, abs(area_m2), stands))
            if stands:
                continue
            if not dry_run:
                register_exclusion(facts=facts, geom=geom, actor=actor)
            outcome.registered += 1
    return outcome


def _standing(exclusion: ExclusionArea) -> ExclusionArea:
    standing = ExclusionArea.objects.select_for_update().get(pk=exclusion.pk)
    if standing.replaced_at is not None:
        raise ExclusionReplaced(number=standing.number)
    return standing


def _stands_already(facts: ExclusionFacts, geom: GEOSGeometry) -> bool:
    return (
        ExclusionArea.objects.standing()
        .filter(
            kind=facts.kind,
            method=facts.method,
            number_key=normalised(facts.number),
            period=facts.period,
            geom__equals=geom,
        )
        .exists()
    )


def propose_columns(names: Iterable[str]) -> dict[str, str]:
    """Target → column of the file, by the names that are known."""
    by_name = {name.strip().casefold(): name for name in names}
    found: dict[str, str] = {}
    for target, synonyms in COLUMNS.items():
        column = next((by_name[name] for name in synonyms if name in by_name), None)
        if column is not None:
            found[target] = column
    return found


def _facts_from(
    values: Mapping[str, Any], assumed: Assumed, *, source: str, sha256: str
) -> ExclusionFacts:
    """One feature's attributes as facts; ExclusionIncomplete without a number and a first day,
    ExclusionDayUnreadable where a day is written that is none.
    """
    text = {name: "" if value is None else str(value).strip() for name, value in values.items()}
    begins_on = _day(text.get("start", "")) or assumed.begins_on
    ends_on = _day(text.get("end", "")) or assumed.ends_on
    if not text.get("number") or begins_on is None:
        raise ExclusionIncomplete()
    if ends_on is not None and ends_on < begins_on:
        raise ExclusionIncomplete()
    said = text.get("programme", "").casefold()
    kind = (
        assumed.kind
        or _KINDS.get(said)
        or (ExclusionArea.Kind.HARVEST if "method" in values else ExclusionArea.Kind.OTHER)
    )
    is_harvest = kind == ExclusionArea.Kind.HARVEST
    method = text.get("method", "").casefold()
    tending = "抚育" in method or method == "tending"
    cut = ExclusionArea.Method.TENDING if tending else ExclusionArea.Method.CLEAR_CUT
    if not method and assumed.method is not None:
        cut = assumed.method
    return ExclusionFacts(
        kind=kind,
        status=_STATUSES.get(text.get("status", "").casefold())
        or assumed.status
        or ExclusionArea.Status.REGISTERED,
        number=text["number"],
        name=text.get("name", ""),
        method=cut if is_harvest else "",
        begins_on=begins_on,
        ends_on=ends_on,
        source=source,
        source_sha256=sha256,
    )


def _day(text: str) -> date | None:
    """A cell as a day, None where it is empty; what is written and no day is never replaced by what
    was said of the whole file: ExclusionDayUnreadable.
    """
    if not text:
        return None
    found = DAY.match(text)
    try:
        return date(*map(int, found.groups())) if found else date.fromisoformat(text)
    except ValueError as error:
        raise ExclusionDayUnreadable(written=text[:40]) from error


def _record(exclusion: ExclusionArea, verb: str, actor: User | None) -> None:
    record_event(
        subject_kind="exclusion",
        subject_key=exclusion.key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts={"kind": exclusion.kind, "number": exclusion.number, "status": exclusion.status},
    )
