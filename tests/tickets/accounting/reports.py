"""Reports, strata and stands of the tests, made by the operations. No logic."""

from __future__ import annotations

import math
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path

from django.contrib.gis.geos import MultiPolygon
from django.db import connection

from parcels.claims.queries import days
from parcels.models import ProjectArea, ProjectAreaVersion, Stand
from portal.accounts.models import Role, User
from tests.accounts.people import officer
from tests.factories.land import square
from tickets.accounting.models import AccountingReport, ParameterSet, Stratum, StratumSpecies
from tickets.accounting.operations import (
    SpeciesInput,
    StratumInput,
    TermsInput,
    add_strata,
    attach_report_file,
    entrust_verifier,
    open_report,
    set_terms,
)

PERIOD = days(date(2021, 1, 1), date(2025, 12, 31))
D = Decimal
# domain.md's worked example: code, hectares, species set, volumes at both dates.
WORKED = (
    ("1", "40", "populus", "60", "95"),
    ("2", "25.5", "picea-national", "180", "195"),
    ("3", "12.2667", "ulmus", "30", "38.4"),
)
PDF = b"%PDF-1.7\n% the third party's report\n1 0 obj << /Type /Page >> endobj\n%%EOF\n"


def hectares(wanted: str, *, north_m: float) -> MultiPolygon:
    """A square of so many ellipsoidal hectares, to the square metre."""
    side = math.sqrt(float(wanted) * 10_000)
    for _step in range(6):
        shape = square(0, north_m, side)
        with connection.cursor() as cursor:
            cursor.execute("SELECT ST_Area(%s::geometry::geography)", [shape.hexewkb.decode()])
            measured = cursor.fetchone()[0]
        side *= math.sqrt(float(wanted) * 10_000 / measured)
    return shape


def worked_shapes() -> dict[str, MultiPolygon]:
    return {
        code: hectares(area, north_m=at * 700) for at, (code, area, *_rest) in enumerate(WORKED)
    }


def area_over(*shapes: MultiPolygon, owner: User | None = None) -> ProjectAreaVersion:
    """A project area that is these shapes together."""
    area = ProjectArea.objects.create(name="测试林场", made_by=owner)
    together = MultiPolygon([part for shape in shapes for part in shape], srid=4490)
    version = ProjectAreaVersion.objects.create(
        area=area, number=1, geom=together, because="drawing", made_by=owner
    )
    version.refresh_from_db()
    return version


def set_named(code: str) -> ParameterSet:
    return ParameterSet.objects.filter(code=code).latest("version")


def species(code: str, begin: str | None, end: str | None, unit: str = "ha") -> SpeciesInput:
    return SpeciesInput(
        set_named(code),
        None if begin is None else D(begin),
        None if end is None else D(end),
        StratumSpecies.Unit(unit),
    )


def stratum(code: str, geom: MultiPolygon, *stocks: SpeciesInput) -> StratumInput:
    return StratumInput(code, Stratum.Origin.PLANTED, geom, stocks)


def terms(
    u: str | None = "8",
    *,
    baseline: str = "50",
    explanation: str = "",
    basis: str = "stated",
    deficit: str = "0",
) -> TermsInput:
    return TermsInput(
        D(baseline),
        D(0),
        D(deficit),
        "基线依据",
        AccountingReport.Basis(basis),
        None if u is None else D(u),
        explanation,
    )


def person() -> User:
    return User.objects.create(username=uuid.uuid4().hex)


def verifier() -> User:
    return officer(uuid.uuid4().hex, Role.VERIFIER)


def draft_on(*shapes: MultiPolygon, owner: User | None = None) -> AccountingReport:
    owner = owner or person()
    return open_report(area_version=area_over(*shapes, owner=owner), period=PERIOD, actor=owner)


def fresh(report: AccountingReport) -> AccountingReport:
    return AccountingReport.objects.get(pk=report.pk)


def seen(report: AccountingReport) -> int:
    return fresh(report).revision


def worked_draft(owner: User | None = None) -> AccountingReport:
    """The worked example, entrusted, with its report attached: ready to sign."""
    shapes = worked_shapes()
    report = draft_on(*shapes.values(), owner=owner)
    actor = report.opened_by
    add_strata(
        report=report,
        strata=[
            stratum(code, shapes[code], species(kind, begin, end))
            for code, _area, kind, begin, end in WORKED
        ],
        seen=seen(report),
        actor=actor,
    )
    set_terms(report=report, terms=terms(), seen=seen(report), actor=actor)
    entrust_verifier(report=report, verifier=verifier(), actor=actor)
    return fresh(report)


def attach(report: AccountingReport, folder: Path, tonnes: int = 2242) -> AccountingReport:
    path = folder / "report.pdf"
    path.write_bytes(PDF)
    return attach_report_file(
        report=report,
        path=path,
        name="核算报告.pdf",
        quantity_t=tonnes,
        seen=seen(report),
        actor=report.opened_by,
    )


def stand(
    geom: MultiPolygon, *, year: int, kind: str, stock: str | None, number: str = ""
) -> Stand:
    return Stand.objects.create(
        survey_year=year,
        stand_number=number or uuid.uuid4().hex[:8],
        geom=geom,
        species=kind,
        origin="20",
        forest_purpose="111",
        growing_stock_m3_per_ha=None if stock is None else D(stock),
    )
