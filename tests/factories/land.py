"""Land for tests: squares on a metre grid near the city, and titles on them. No logic."""

from __future__ import annotations

import uuid

from django.contrib.gis.geos import MultiPolygon, Polygon

from parcels.models import (
    ImportRecord,
    Parcel,
    ParcelVersion,
    Right,
    RightKind,
    Takeover,
    TitleCertificate,
)
from portal.accounts.models import Party, User
from portal.base.clock import now, today

ORIGIN_LON, ORIGIN_LAT = 81.30, 43.95
METRE_LON = 1 / 80_286.0  # Degrees of one metre at this latitude, near enough for a test's squares.
METRE_LAT = 1 / 111_112.0


def square(
    east_m: float, north_m: float, side_m: float = 100, height_m: float | None = None
) -> MultiPolygon:
    """A rectangle whose south-west corner lies so many metres from the origin."""
    height = side_m if height_m is None else height_m
    west, south = ORIGIN_LON + east_m * METRE_LON, ORIGIN_LAT + north_m * METRE_LAT
    east, north = west + side_m * METRE_LON, south + height * METRE_LAT
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return MultiPolygon(Polygon(ring), srid=4490)


def parcel_at(geom: MultiPolygon, *, unit_number: str = "") -> Parcel:
    """A parcel with one standing version."""
    parcel = Parcel.objects.create(unit_number=unit_number, unit_number_key=unit_number)
    ParcelVersion.objects.create(
        parcel=parcel, number=1, geom=geom, because="drawing", stands_from=now()
    )
    return parcel


def title_on(
    *parcels: Parcel, kind: str = RightKind.TREE_OWNERSHIP, number: str | None = None
) -> TitleCertificate:
    """A registered certificate with one holder's right on each parcel."""
    number = number or f"伊市林证字（2026）第{uuid.uuid4().hex[:8]}号"
    title = TitleCertificate.objects.create(kind="forest", number=number, number_key=number)
    party = Party.objects.create(kind=Party.Kind.NAME_ONLY, name="张三")
    for parcel in parcels:
        Right.objects.create(certificate=title, parcel=parcel, kind=kind, party=party)
    return title


def imported_title_on(
    *parcels: Parcel, number: str, holder: Party | None = None
) -> TitleCertificate:
    """A registered certificate as a file brought it, of a name that is linked to nobody if none is given."""
    record = ImportRecord.objects.create(
        purpose="registered",
        state="done",
        file_name="宗地.gpkg",
        file_sha256="0" * 64,
        file_bytes=0,
    )
    title = title_on(*parcels, number=number)
    TitleCertificate.objects.filter(pk=title.pk).update(record=record)
    if holder is not None:
        Right.objects.filter(certificate=title).update(party=holder)
    title.refresh_from_db()
    return title


def decision_on(*titles: TitleCertificate) -> Takeover:
    """The decision of two officers by which a register of these titles is taken over."""
    clerk, _made = User.objects.get_or_create(username="stock_clerk")
    approver, _made = User.objects.get_or_create(username="stock_approver")
    record = ImportRecord.objects.create(
        purpose="stock", state="done", file_name="登记簿.gpkg", file_sha256="0" * 64, file_bytes=0
    )
    return Takeover.objects.create(
        record=record, decision_number="伊市自然资〔2026〕1号", decided_on=today(),
        document_name="决定.pdf", document_sha256="0" * 64, prepared_by=clerk, approved_by=approver,
        verified=len(titles), left_registered=0,
    )  # fmt: skip


def verify(*titles: TitleCertificate) -> None:
    """All in one statement, as the database sees a decision on several."""
    TitleCertificate.objects.filter(pk__in=[title.pk for title in titles]).update(
        state="verified", takeover=decision_on(*titles)
    )
