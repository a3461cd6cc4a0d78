"""What is to leave the register: read from the address, through its gate, and measured."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import shapely
from django.db import connection
from django.db.models import Sum
from django.utils.translation import gettext as _

from parcels.exports.errors import NothingToExport, TooManyParcels
from parcels.exports.features import Feature, Value
from parcels.facts import M2_PER_HA, township_names
from parcels.imports.access import access_import
from parcels.imports.originals import original_path
from parcels.models import (
    BoundaryExport,
    BulkScreening,
    ImportRecord,
    Parcel,
    ParcelVersion,
    Right,
    TitleCertificate,
    VerifiedTitle,
)
from parcels.queries import ParcelVersionQuerySet
from parcels.reviews.access import may_read_certificate
from parcels.screening.access import access_screening
from parcels.screening.operations import result_folder
from parcels.screening.results import PACKAGE, statistics
from portal.accounts.models import User
from portal.accounts.queries import is_staff_reader
from portal.base.base_map import as_shape
from portal.base.errors import NotFound
from portal.base.policy import policy_number

PARCELS_MOST = 20_000
M2_PER_KM2 = 1_000_000
IN_FORCE = (TitleCertificate.State.REGISTERED, TitleCertificate.State.VERIFIED)
# What two formats call a plot's number and name; others keep the one-map names.
COLUMN_NAMES: Mapping[str, Mapping[str, str]] = {
    "survey_txt": {"BDCDYH": "地块编号", "XDM": "地块名称"},
    "point_table": {"BDCDYH": "地块号"},
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Land of the register, or a file that is there already (``path``).

    ``area_m2`` is the area of the union of what leaves, never less; None where nobody measured it.
    """

    what: BoundaryExport.What
    subject: str  # A key or a code.
    label: str
    name: str  # Of the file; without its suffix where it is still to be made.
    shapes: int | None
    area_m2: float | None
    versions: ParcelVersionQuerySet | None = None
    path: Path | None = None


def read_selection(asked: Mapping[str, str], user: User) -> Selection:
    """``title``, ``township`` (with ``village``, ``verified``), ``screening`` or ``import``.

    Absent and forbidden answer alike (NotFound). NothingToExport, TooManyParcels.
    """
    if "title" in asked:
        return _of_title(_key(asked["title"]), user)
    if "screening" in asked:
        return _of_screening(access_screening(_key(asked["screening"]), user))
    if "import" in asked:
        return _of_original(access_import(_key(asked["import"]), user))
    return _of_township(asked, user)


def _of_screening(screening: BulkScreening) -> Selection:
    folder = result_folder(screening)
    if not (folder / PACKAGE).is_file():
        raise NotFound()
    # The candidates' areas, each counted: no less than their union.
    hectares = sum(row["area_ha"] for row in statistics(folder)["township"])
    stem = screening.file_name.rsplit(".", 1)[0]
    return Selection(
        what=BoundaryExport.What.SCREENING,
        subject=str(screening.key),
        label=screening.file_name,
        name=f"{stem}-{_('筛查结果')}{Path(PACKAGE).suffix}",
        shapes=screening.counts["candidates"],
        area_m2=hectares * M2_PER_HA,
        path=folder / PACKAGE,
    )


def _of_original(record: ImportRecord) -> Selection:
    return Selection(
        what=BoundaryExport.What.ORIGINAL,
        subject=str(record.key),
        label=record.file_name,
        name=record.file_name,
        shapes=record.total,
        area_m2=None,  # It is kept as it came; its shapes were never measured together.
        path=original_path(record),
    )


def _of_title(key: uuid.UUID, user: User) -> Selection:
    """A title's standing land: for the departments, and for its own people once it is verified.

    A draft is whatever somebody tapped; verified land alone is proved to be theirs.
    """
    may_read_certificate(key, user)
    title = TitleCertificate.objects.filter(key=key).first()
    if title is None:
        raise NotFound()
    if title.state != TitleCertificate.State.VERIFIED and not is_staff_reader(user):
        raise NotFound()
    land = Right.objects.filter(certificate=title).values("parcel")
    return _of_versions(
        ParcelVersion.objects.standing().filter(parcel__in=land),
        BoundaryExport.What.TITLE,
        str(title.key),
        title.number,
    )


def _of_township(asked: Mapping[str, str], user: User) -> Selection:
    if not is_staff_reader(user):
        raise NotFound()
    code = asked.get("township", "")
    name = township_names().get(code)
    if name is None:
        raise NotFound()
    village = asked.get("village", "").strip()
    parcels = Parcel.objects.in_being().filter(township_code=code)
    if village:
        parcels = parcels.filter(village=village)
    if asked.get("verified"):
        parcels = parcels.filter(
            pk__in=VerifiedTitle.objects.filter(ended_at__isnull=True).values("parcel")
        )
    return _of_versions(
        ParcelVersion.objects.standing().filter(parcel__in=parcels),
        BoundaryExport.What.TOWNSHIP,
        code,
        f"{name}{village}",
    )


def _of_versions(
    versions: ParcelVersionQuerySet, what: BoundaryExport.What, subject: str, label: str
) -> Selection:
    count = versions.count()
    if not count:
        raise NothingToExport()
    if count > PARCELS_MOST:
        raise TooManyParcels(count=count, limit=PARCELS_MOST)
    return Selection(
        what=what,
        subject=subject,
        label=label,
        name=label,
        shapes=count,
        area_m2=_united_m2(versions),
        versions=versions,
    )


def _united_m2(versions: ParcelVersionQuerySet) -> float:
    """The area of the union. Where even the sum is within the policy nothing needs to be united."""
    total = float(versions.aggregate(sum=Sum("area_m2"))["sum"])
    if total <= policy_number("export.exact_km2") * M2_PER_KM2:
        return total
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_Area(ST_Union(geom)::geography) FROM parcels_parcelversion "
            "WHERE id = ANY(%s)",
            [list(versions.values_list("pk", flat=True))],
        )
        return float(cursor.fetchone()[0])


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound() from error


def features_of(versions: ParcelVersionQuerySet, format: str) -> list[Feature]:
    """The parcels with their numbers, titles and holders in force, by columns of the one-map."""
    found = list(versions.select_related("parcel").order_by("parcel_id"))
    papers: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for parcel, number, holder in (
        Right.objects.filter(
            parcel__in=[version.parcel_id for version in found], certificate__state__in=IN_FORCE
        )
        .order_by("certificate_id", "party_id")
        .values_list("parcel_id", "certificate__number", "party__name")
    ):
        papers[parcel].append((number, holder))
    names = COLUMN_NAMES.get(format, {})
    return [
        Feature(
            {names.get(name, name): value for name, value in _columns(version, papers).items()},
            shapely.MultiPolygon(shapely.get_parts(as_shape(version.geom)).tolist()),
        )
        for version in found
    ]


def _columns(
    version: ParcelVersion, papers: Mapping[int, list[tuple[str, str]]]
) -> dict[str, Value]:
    parcel = version.parcel
    paper = papers.get(parcel.pk, [])
    return {
        "BDCDYH": parcel.unit_number,
        "ZQ_HAO": "、".join(dict.fromkeys(number for number, _holder in paper)),
        "LQ_QLR": "、".join(dict.fromkeys(holder for _number, holder in paper)),
        "XIAN": parcel.county_code,
        "XIANG": parcel.township_code,
        "CUN": parcel.village,
        "LIN_BAN": parcel.compartment,
        "XIAO_BAN": parcel.subcompartment,
        "XDM": parcel.place_name,
        "MJ_GQ": round(float(version.area_m2) / M2_PER_HA, 4),
    }
