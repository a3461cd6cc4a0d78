"""Asking the rules about one shape, and what came back in short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.models import Parcel, ParcelVersion, Right, RightKind, TitleCertificate
from parcels.rules.engine import Candidate, Found, Outcome, run_rules
from parcels.rules.table import Stage, Subject
from portal.accounts.models import Party
from portal.base.clock import now
from tests.factories.land import parcel_at, title_on, verify


def ask(
    shape: GEOSGeometry | bytes,
    subject: Subject,
    *,
    stage: Stage = Stage.REVIEW,
    period: DateRange | None = None,
    applicants: Sequence[Party] = (),
    certificates: Sequence[TitleCertificate] = (),
    own_claim: int | None = None,
    **attributes: Any,
) -> Outcome:
    """Every rule on one candidate."""
    wkb = shape if isinstance(shape, bytes) else bytes(shape.wkb)
    return run_rules(
        stage=stage,
        subject=subject,
        candidates=[Candidate(ref="it", wkb=wkb, **attributes)],
        period=period,
        applicants=[party.pk for party in applicants],
        certificates=[title.pk for title in certificates],
        own_claim=own_claim,
    )


def found_by(rule: str, outcome: Outcome) -> dict[str, Found]:
    """The findings of one rule, by level."""
    return {found.level: found for found in outcome.findings if found.rule == rule}


def levels(rule: str, outcome: Outcome) -> list[tuple[str, str]]:
    """(level, severity) of the findings of one rule."""
    return [(found.level, found.severity.value) for found in outcome.findings if found.rule == rule]


def verified_land(
    *shapes: MultiPolygon, kind: str = RightKind.TREE_OWNERSHIP, term_ends_on: Any = None
) -> TitleCertificate:
    """A verified certificate on one parcel for each shape."""
    title = title_on(*[parcel_at(shape) for shape in shapes], kind=kind)
    if term_ends_on is not None:
        TitleCertificate.objects.filter(pk=title.pk).update(term_ends_on=term_ends_on)
    verify(title)
    title.refresh_from_db()
    return title


def held_by(party: Party, shape: MultiPolygon, *others: Party) -> TitleCertificate:
    """A verified certificate of tree ownership whose holders are these parties."""
    parcel = parcel_at(shape)
    title = title_on()
    for holder in (party, *others):
        Right.objects.create(
            certificate=title,
            parcel=parcel,
            kind=RightKind.TREE_OWNERSHIP,
            party=holder,
            share_denominator=1 + len(others),
        )
    verify(title)
    return title


def parcel_in(compartment: str, shape: MultiPolygon) -> Parcel:
    """A parcel of county 654002, township 654002100, and this compartment."""
    parcel = Parcel.objects.create(
        county_code="654002", township_code="654002100", compartment=compartment
    )
    ParcelVersion.objects.create(
        parcel=parcel, number=1, geom=shape, because="drawing", stands_from=now()
    )
    return parcel


def wkb_of(shape: shapely.Geometry) -> bytes:
    """A shapely polygon of EPSG:4490 as the rules take it."""
    if isinstance(shape, shapely.Polygon):
        shape = shapely.MultiPolygon([shape])
    return bytes(shapely.to_wkb(shape, byte_order=1))
