"""What the forms of a title send, read at the border: land, facts of the paper, shares, lines."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import shapely
from django.http import HttpRequest
from django.utils.translation import gettext as _

from parcels.facts import M2_PER_HA, MU_PER_HA
from parcels.imports.errors import UploadMissing
from parcels.imports.held import refuse_guesses
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices
from parcels.intake.numbers import unit_number_is_wellformed
from parcels.intake.reader import Choices
from parcels.models import TitleCertificate
from parcels.reviews.views import parse_key
from parcels.titles.land import (
    HEADERS,
    PLACE_TARGETS,
    Land,
    Place,
    from_file,
    from_parcels,
    look,
    points_as_file,
)
from parcels.titles.operations import CertificateFacts
from parcels.titles.owners import MOST_SHARES, SOLE, CoOwner, Shares, check_shares
from portal.base.errors import InvalidInput
from portal.base.models import Township
from portal.base.parameters import parse_day, whole_number
from portal.casework.documents import CSV, JSON, SCANS, XLSX, ZIP, Upload, read_upload

SHAPE_FILES = frozenset({ZIP, XLSX, CSV, JSON, "text/plain", "application/octet-stream"})
LINE_POINTS = 50
METRES_LEAST, METRES_MOST = 0.01, 10.0


def parse_land(request: HttpRequest, *, names: bool = True) -> tuple[list[Land], Upload | None]:
    """The land of the form, by the way that was chosen, read by the one reader.

    New land is called what the file's columns say, and what the form says where they are silent;
    without ``names`` only shapes are read.
    """
    way = request.POST.get("way", "")
    if way == "tap":
        return from_parcels([parse_key(text) for text in request.POST.getlist("parcel")]), None
    place = parse_place_names(request.POST)
    if way == "points":
        points, kind = parse_points(request.POST)
        with points_as_file(points, kind) as path:
            land = from_file(
                path, choices=points_choices(kind), rows=None, mapping={}, headings=HEADERS[kind]
            )
        return _named(land, place), None
    sent = request.FILES.get("shape_file")
    if sent is None:
        raise UploadMissing()
    rows = [row for text in request.POST.getlist("row") if (row := whole_number(text)) is not None]
    with receive_upload(sent) as path:
        choices = parse_choices(request.POST)
        refuse_guesses(look(path, choices), with_texts=names)
        land = from_file(
            path,
            choices=choices,
            rows=rows or None,
            mapping=parse_columns(request.POST) if names else {},
        )
    sent.seek(0)
    return _named(land, place), read_upload(sent, kinds=SHAPE_FILES)


def parse_columns(given: Any) -> dict[str, str] | None:
    """``map_<target>=<column>`` of the form; None where it says nothing of columns."""
    asked = {target: given.get(f"map_{target}") for target in PLACE_TARGETS}
    if all(column is None for column in asked.values()):
        return None
    return {target: column for target, column in asked.items() if column}


def parse_place_names(given: Any) -> Place:
    """Unit number, township and compartment as typed; a unit number is whole or not given."""
    unit_number = str(given.get("unit_number", "")).strip()
    if unit_number and not unit_number_is_wellformed(unit_number):
        raise InvalidInput(field=_("不动产单元号"), reason=_("须为 28 位编码"))
    township = str(given.get("township", "")).strip()
    if township and not Township.objects.filter(code=township).exists():
        raise InvalidInput(field=_("乡镇（街道）"), reason=township)
    return Place(
        unit_number=unit_number,
        county_code=township[:6],
        township_code=township,
        compartment=str(given.get("compartment", "")).strip()[:20],
        subcompartment=str(given.get("subcompartment", "")).strip()[:20],
    )


def _named(land: list[Land], place: Place) -> list[Land]:
    """Each piece with what was typed where its file is silent. A unit number is one parcel's."""
    if place.unit_number and len(land) > 1:
        raise InvalidInput(field=_("不动产单元号"), reason=_("一个单元号只对应一宗地，请分次登记"))
    return [replace(piece, place=piece.place.filled_from(place)) for piece in land]


def parse_shares(given: Any) -> Shares:
    """The shares of a form: one's own, the denominator, and the co-owners as a JSON list."""
    refused = InvalidInput(field=_("共有人"), reason=_("内容不完整"))
    rows = read_list(given.get("co_owners") or "[]", refused)
    if not all(
        isinstance(row, dict)
        and all(isinstance(row.get(name), str) for name in ("name", "number", "share"))
        and isinstance(row.get("key", ""), str)
        for row in rows
    ):
        raise refused
    if not rows:
        return SOLE
    shares = Shares(
        own=parse_share(given.get("share", "")),
        of=parse_share(given.get("share_of", "")),
        others=[
            CoOwner(
                name=row["name"].strip()[:200],
                share=parse_share(row["share"]),
                identity_number=row["number"].strip(),
                key=row.get("key", ""),
            )
            for row in rows
        ],
    )
    if not all(other.name for other in shares.others):
        raise InvalidInput(field=_("共有人"), reason=_("请填写姓名或名称"))
    check_shares(shares)
    return shares


def read_list(text: str, refused: InvalidInput) -> list[Any]:
    """A JSON list, whatever is in it; ``refused`` where it is none or nested without end."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused from error
    if not isinstance(found, list):
        raise refused
    return found


def parse_share(text: str) -> int:
    """A positive whole number of shares."""
    share = whole_number(text)
    if share is None or not 1 <= share <= MOST_SHARES:
        raise InvalidInput(field=_("份额"), reason=_("须为正整数"))
    return share


def parse_points(given: Any) -> tuple[list[list[str]], str]:
    """Rows of plot, point and two numbers as typed, and whether they are degrees or metres."""
    kind = given.get("numbers", "")
    if kind not in ("degrees", "metres"):
        raise InvalidInput(field=_("坐标种类"), reason=kind)
    refused = InvalidInput(field=_("界址点"), reason=_("内容不完整"))
    rows = read_list(given.get("points", ""), refused)
    if not all(
        isinstance(row, list) and len(row) == 4 and all(isinstance(cell, str) for cell in row)
        for row in rows
    ):
        raise refused
    return rows, kind


def points_choices(kind: str) -> Choices:
    """Degrees are CGCS2000's; of metres the reader tells whether the easting has a zone prefix."""
    return Choices(crs_epsg=4490) if kind == "degrees" else Choices()


def parse_scan(request: HttpRequest) -> Upload | None:
    sent = request.FILES.get("scan")
    return None if sent is None or not sent.size else read_upload(sent, kinds=SCANS)


def parse_facts(given: Any) -> CertificateFacts:
    """The facts of the paper as a form sends them."""

    def text(name: str, most: int = 200) -> str:
        return str(given.get(name, "")).strip()[:most]

    kind = text("kind")
    if kind not in TitleCertificate.Kind.values:
        raise InvalidInput(field=_("证书种类"), reason=_("请选择"))
    if not text("number"):
        raise InvalidInput(field=_("证号"), reason=_("请填写"))
    area = parse_number(text("area"), _("证载面积"))
    unit = M2_PER_HA / MU_PER_HA if given.get("area_unit") == "mu" else M2_PER_HA
    begins, ends = parse_day(text("begins"), _("起始日期")), parse_day(text("ends"), _("终止日期"))
    if begins is not None and ends is not None and ends < begins:
        raise InvalidInput(field=_("终止日期"), reason=_("早于起始日期"))
    trees = parse_number(text("tree_count"), _("株数"))
    return CertificateFacts(
        kind=TitleCertificate.Kind(kind),
        number=text("number", 80),
        area_m2_certified=None if area is None else area * unit,
        term_begins_on=begins,
        term_ends_on=ends,
        located_at=text("located_at"),
        species=text("species", 100),
        tree_count=None if trees is None else int(trees),
        forest_purpose=text("forest_purpose", 40),
        side_east=text("side_east"),
        side_south=text("side_south"),
        side_west=text("side_west"),
        side_north=text("side_north"),
    )


def parse_number(text: str, field: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text.replace(",", ""))
    except ValueError as error:
        raise InvalidInput(field=field, reason=_("“{text}”不是数").format(text=text)) from error
    if not 0 < number < 10**9:
        raise InvalidInput(field=field, reason=_("须为正数"))
    return number


def parse_metres(text: str) -> float:
    try:
        metres = float(text)
    except ValueError as error:
        raise InvalidInput(field=_("容差"), reason=text) from error
    if not METRES_LEAST <= metres <= METRES_MOST:
        raise InvalidInput(
            field=_("容差"),
            reason=_("须在 {least} 至 {most} 米之间").format(least=METRES_LEAST, most=METRES_MOST),
        )
    return metres


def parse_line(text: str) -> shapely.LineString:
    """``[[lon, lat], …]`` as the map sends it."""
    refused = InvalidInput(field=_("分割线"), reason=_("至少两个点"))
    try:
        points = [(float(lon), float(lat)) for lon, lat in read_list(text, refused)]
    except (ValueError, TypeError, OverflowError) as error:
        raise refused from error
    if not 2 <= len(points) <= LINE_POINTS:
        raise refused
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in points):
        raise refused
    return shapely.LineString(points)
