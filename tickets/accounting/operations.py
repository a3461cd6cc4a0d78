"""Writes of a report's draft: open it, draw its strata, say its terms, entrust a verifier."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.contrib.gis.geos import MultiPolygon
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import F, Q

from parcels.models import ProjectArea, ProjectAreaVersion, Stand
from portal.accounts.models import Mandate, Role, User
from portal.accounts.queries import acts_for, has_role
from portal.base.clock import today
from portal.base.errors import StateMovedOn
from portal.base.transactions import write_transaction
from portal.casework.documents import pdf_has_a_page
from portal.journal.operations import record_event
from tickets.accounting.errors import (
    ApplicationUnready,
    NoMethod,
    PeriodInvalid,
    PeriodNotOver,
    ReportExists,
    ReportFileRefused,
    ReportFrozen,
    SpeciesMissing,
    VerifierUnfit,
)
from tickets.accounting.models import (
    AccountingReport,
    Method,
    ParameterSet,
    ReportFile,
    Stratum,
    StratumSpecies,
)
from tickets.projects.checklist import applicants_of
from tickets.projects.models import Application

MIB = 1024**2
REPORT_MIB = 50


@dataclass(frozen=True, slots=True)
class SpeciesInput:
    """One species of a stratum as typed; None where the volume is not known yet."""

    parameter_set: ParameterSet
    volume_begin: Decimal | None
    volume_end: Decimal | None
    unit: StratumSpecies.Unit = StratumSpecies.Unit.HECTARE


@dataclass(frozen=True, slots=True)
class StratumInput:
    """One stratum as drawn (EPSG:4490), with its species."""

    code: str
    origin: Stratum.Origin
    geom: MultiPolygon
    species: Sequence[SpeciesInput]
    stands: Sequence[Stand] = ()


@dataclass(frozen=True, slots=True)
class TermsInput:
    """Baseline, leakage and an earlier deficit in tCO₂, the uncertainty in per cent, and words."""

    baseline_t: Decimal
    leakage_t: Decimal
    deficit_brought_t: Decimal
    basis_note: str
    uncertainty_basis: AccountingReport.Basis
    uncertainty_stated_percent: Decimal | None
    explanation: str


@write_transaction
def open_report(
    *,
    area_version: ProjectAreaVersion,
    period: DateRange,
    actor: User,
    application: Application | None = None,
) -> AccountingReport:
    """A first draft on a frozen shape of the project area, by the method that is in force.

    ``period`` is inclusive days as ``[start, end + 1)``. PeriodNotOver when it reaches past today.
    """
    check_period(period)
    method = Method.objects.in_force(today()).first()
    if method is None:
        raise NoMethod()
    report = AccountingReport.objects.create(
        area_version=area_version,
        period=period,
        method=method,
        opened_by=actor,
        application=application,
        deficit_brought_t=deficit_before(area_version.area, period, application),
    )
    report.refresh_from_db()
    record(report, "opened", actor, area_version=str(area_version.key))
    return report


def deficit_before(
    area: ProjectArea, period: DateRange, application: Application | None
) -> Decimal:
    """What the last period's signed report on this land or project left, tCO₂, rounded up to the
    eighth decimal: a deficit is carried until it is made good."""
    same = Q(area_version__area=area)
    if application is not None:
        same |= Q(application__project=application.project)
    before = (
        AccountingReport.objects.signed()
        .filter(same, period__endswith__lte=period.lower)
        .order_by("-period__endswith", "-version", "-pk")
        .first()
    )
    if before is None or before.content is None:
        return Decimal()
    left = Decimal(orjson.loads(before.content)["deficit_carried_t"])
    return left.quantize(Decimal("1e-8"), rounding=ROUND_CEILING)


def check_period(period: DateRange) -> None:
    """Bounded, in order and over."""
    if period.lower is None or period.upper is None or period.lower >= period.upper:
        raise PeriodInvalid()
    if period.upper > today():
        raise PeriodNotOver()


@write_transaction
def open_report_for(*, application: Application, actor: User) -> AccountingReport:
    """The first draft of an application's report, on its area and period.

    ReportExists when there is one already; ApplicationUnready while it has no area or period.
    """
    held = Application.objects.select_for_update(of=("self",)).get(pk=application.pk)
    if held.area_version is None or held.period is None:
        raise ApplicationUnready()
    if AccountingReport.objects.filter(application=held).exists():
        raise ReportExists()
    return open_report(
        area_version=held.area_version, period=held.period, actor=actor, application=held
    )


# The strata as far as the newer area reaches; what is left outside goes.
_OUTSIDE = """
SELECT stratum.id FROM accounting_stratum AS stratum
JOIN parcels_projectareaversion AS area ON area.id = %(area)s
WHERE stratum.report_id = %(report)s
  AND ST_Area(ST_Intersection(stratum.geom, area.geom)::geography)
      <= policy_number('overlap.sliver_area_m2')
"""
_CLIP = """
UPDATE accounting_stratum AS stratum
SET geom = ST_Multi(ST_CollectionExtract(ST_Intersection(stratum.geom, area.geom), 3))
FROM parcels_projectareaversion AS area
WHERE area.id = %(area)s AND stratum.report_id = %(report)s
  AND NOT ST_Covers(area.geom, stratum.geom)
"""


def is_out_of_date(report: AccountingReport) -> bool:
    """Whether the application has another area or period than the report stands on."""
    held = report.application
    return held is not None and (held.area_version_id, held.period) != (
        report.area_version_id,
        report.period,
    )


@write_transaction
def follow_application(*, report: AccountingReport, actor: User) -> AccountingReport:
    """Put a draft on its application's present area and period; strata are cut to the new area."""
    draft = lock_draft(report)
    held = draft.application
    if held is None or held.area_version is None or held.period is None:
        raise ApplicationUnready()
    check_period(held.period)
    place = {"area": held.area_version.pk, "report": draft.pk}
    with connection.cursor() as cursor:
        cursor.execute(_OUTSIDE, place)
        outside = [pk for (pk,) in cursor.fetchall()]
        for stratum in Stratum.objects.filter(pk__in=outside):
            _take_off(stratum)
        cursor.execute(_CLIP, place)
    draft.area_version, draft.period = held.area_version, held.period
    draft.save(update_fields=["area_version", "period"])
    record(draft, "followed", actor, area_version=str(held.area_version.key), dropped=len(outside))
    return draft


@write_transaction
def entrust_verifier(*, report: AccountingReport, verifier: User, actor: User) -> AccountingReport:
    """The owner entrusts a third party with the report (article 4). VerifierUnfit otherwise."""
    draft = lock_draft(report)
    if not has_role(verifier, Role.VERIFIER) or is_on_the_owners_side(verifier, draft):
        raise VerifierUnfit()
    draft.verifier = verifier
    draft.save(update_fields=["verifier"])
    record(draft, "entrusted", actor, verifier=str(verifier.key))
    return draft


def is_on_the_owners_side(user: User, report: AccountingReport) -> bool:
    """Whether somebody acts for an owner in any matter, or drew the land: no third party then."""
    area, held = report.area_version.area, report.application
    parties = {area.party, *(applicants_of(held) if held else ())}
    if any(party is not None and acts_for(user, party, Mandate.Scope.VIEW) for party in parties):
        return True
    return area.made_by == user


@write_transaction
def add_strata(
    *, report: AccountingReport, strata: Sequence[StratumInput], seen: int, actor: User
) -> list[Stratum]:
    """Put strata on the map; StrataOverlap and StratumLeavesArea by the database."""
    draft = lock_draft(report, seen=seen)
    for given in strata:
        if not given.species:
            raise SpeciesMissing(code=given.code)
    made = Stratum.objects.bulk_create(
        Stratum(report=draft, code=given.code.strip(), origin=given.origin, geom=given.geom)
        for given in strata
    )
    StratumSpecies.objects.bulk_create(
        _species_row(stratum, species)
        for stratum, given in zip(made, strata, strict=True)
        for species in given.species
    )
    links = Stratum.stands.through
    links.objects.bulk_create(
        links(stratum_id=stratum.pk, stand_id=stand.pk)
        for stratum, given in zip(made, strata, strict=True)
        for stand in given.stands
    )
    record(draft, "strata_added", actor, count=len(made))
    return list(Stratum.objects.filter(pk__in=[stratum.pk for stratum in made]).order_by("pk"))


@write_transaction
def change_stratum(*, stratum: Stratum, given: StratumInput, seen: int, actor: User) -> Stratum:
    """Another shape, code, origin or species; rows by measured trees stay as they were taken."""
    draft = lock_draft(stratum.report, seen=seen)
    measured = stratum.species.filter(basis=StratumSpecies.Basis.TREES)
    if not given.species and not measured.exists():
        raise SpeciesMissing(code=given.code)
    Stratum.objects.filter(pk=stratum.pk).update(
        code=given.code.strip(), origin=given.origin, geom=given.geom
    )
    stratum.species.filter(basis=StratumSpecies.Basis.VOLUME).delete()
    StratumSpecies.objects.bulk_create(_species_row(stratum, species) for species in given.species)
    record(draft, "stratum_changed", actor, stratum=str(stratum.key))
    stratum.refresh_from_db()
    return stratum


@write_transaction
def remove_stratum(*, stratum: Stratum, seen: int, actor: User) -> None:
    """Take a stratum with its species and plots off the draft."""
    draft = lock_draft(stratum.report, seen=seen)
    key = stratum.key
    _take_off(stratum)
    record(draft, "stratum_removed", actor, stratum=str(key))


@write_transaction
def set_terms(
    *, report: AccountingReport, terms: TermsInput, seen: int, actor: User
) -> AccountingReport:
    """What is taken off, the uncertainty, and the words for what is out of the ordinary."""
    draft = lock_draft(report, seen=seen)
    draft.baseline_t = terms.baseline_t
    draft.leakage_t = terms.leakage_t
    draft.deficit_brought_t = terms.deficit_brought_t
    draft.basis_note = terms.basis_note.strip()
    draft.uncertainty_basis = terms.uncertainty_basis
    draft.uncertainty_stated_percent = terms.uncertainty_stated_percent
    draft.explanation = terms.explanation.strip()
    draft.save()
    record(draft, "terms_set", actor)
    return draft


@write_transaction
def attach_report_file(
    *, report: AccountingReport, path: Path, name: str, quantity_t: int, seen: int, actor: User
) -> AccountingReport:
    """The report as the third party wrote it (PDF), and the tonnes that it states."""
    draft = lock_draft(report, seen=seen)
    if path.stat().st_size > REPORT_MIB * MIB:
        raise ReportFileRefused(limit_mib=REPORT_MIB)
    data = path.read_bytes()
    if not data.startswith(b"%PDF-") or not pdf_has_a_page(data):
        raise ReportFileRefused(limit_mib=REPORT_MIB)
    keep_file(draft, ReportFile.Kind.REPORT, path, name, actor)
    draft.quantity_t_reported = quantity_t
    draft.save(update_fields=["quantity_t_reported"])
    record(draft, "report_attached", actor, quantity_t=quantity_t)
    return draft


def lock_draft(report: AccountingReport, *, seen: int | None = None) -> AccountingReport:
    """The draft, locked for a write, its revision counted on.

    ReportFrozen when it is signed; StateMovedOn when it was written after ``seen``.
    """
    draft = (
        AccountingReport.objects.select_for_update(of=("self",))
        .select_related("area_version__area__party", "method", "application__project__applicant")
        .get(pk=report.pk)
    )
    if draft.state != AccountingReport.State.DRAFT:
        raise ReportFrozen()
    if seen is not None and draft.revision != seen:
        raise StateMovedOn(latest=draft.revision)
    AccountingReport.objects.filter(pk=draft.pk).update(revision=F("revision") + 1)
    draft.revision += 1
    return draft


def keep_file(
    draft: AccountingReport, kind: ReportFile.Kind, path: Path, name: str, actor: User
) -> ReportFile:
    """Keep a file under its hash; the former one of its kind gives way."""
    with path.open("rb") as source:
        sha256 = hashlib.file_digest(source, "sha256").hexdigest()
    relative = Path("accounting") / sha256[:2] / sha256
    target = Path(settings.MEDIA_ROOT) / relative
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_suffix(f".{uuid.uuid4().hex}.part")
        shutil.copyfile(path, partial)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    kept, _new = ReportFile.objects.update_or_create(
        report=draft,
        kind=kind,
        defaults={
            "name": name.replace("\x00", "")[:255],
            "sha256": sha256,
            "size_bytes": path.stat().st_size,
            "stored_path": str(relative),
            "added_by": actor,
        },
    )
    return kept


def record(report: AccountingReport, verb: str, actor: User, **facts: Any) -> None:
    """One act on a series of reports, in its chain."""
    record_event(
        subject_kind="accounting_report",
        subject_key=report.series,
        verb=verb,
        actor_key=actor.key,
        facts={"report": str(report.key), "version": report.version, **facts},
    )


def _take_off(stratum: Stratum) -> None:
    stratum.plots.all().delete()
    stratum.species.all().delete()
    stratum.stands.clear()
    Stratum.objects.filter(pk=stratum.pk).delete()


def _species_row(stratum: Stratum, species: SpeciesInput) -> StratumSpecies:
    return StratumSpecies(
        stratum=stratum,
        parameter_set=species.parameter_set,
        volume_unit=species.unit,
        volume_begin=species.volume_begin,
        volume_end=species.volume_end,
    )
