"""One box that finds places and numbers: what a visitor may look for, and what staff may.

Places come from the tables that are prepared for the map, as fresh as its low zooms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db import connection
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from pyproj import Transformer

from layers.models import TownshipArea, VillageArea
from parcels.intake.numbers import normalised
from portal.base.models import Township
from portal.base.parameters import BadParameter, UnknownParameter, plain

RESULTS = 12
LONGEST = 200
MIN_LETTERS = 2
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_PAIR = re.compile(
    rf"^\s*[XYxyNEne:=]*\s*({_NUMBER})\s*[°NEne]*\s*[,，;；\s]\s*[XYxyNEne:=]*\s*({_NUMBER})\s*[°NEne]*\s*$"
)
_DMS = re.compile(r"(\d{1,3})\s*[°度]\s*(\d{1,2})\s*['′分]\s*(\d{1,2}(?:\.\d+)?)\s*(?:[\"″秒]|'')?")


@dataclass(frozen=True, slots=True)
class Found:
    """One suggestion: where it is, and what to open."""

    kind: str
    label: str
    detail: str
    lon: float
    lat: float
    bbox: tuple[float, float, float, float] | None = None
    uid: str | None = None
    url: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_coordinate(text: str) -> tuple[float, float] | None:
    """(lon, lat) of typed numbers: degrees in either order, 度分秒, or Gauss-Krüger metres.

    Which is which is told by the numbers: longitudes here are near 81, latitudes near 44; an
    easting carries its zone or lies in the 81° E zone (EPSG:4536). What the map's own readout says
    may be pasted whole.
    """
    text = text.partition("·")[0]
    sexagesimal = _DMS.findall(text)
    if len(sexagesimal) == 2:
        values = [int(d) + int(m) / 60 + float(s) / 3600 for d, m, s in sexagesimal]
        return _degrees(*values)
    found = _PAIR.match(text)
    if found is None:
        return None
    first, second = float(found[1]), float(found[2])
    if max(abs(first), abs(second)) <= 180:
        return _degrees(first, second)
    northing, easting = (first, second) if 1e6 < first < 6e6 else (second, first)
    zone = int(easting // 1e6)
    if 1e6 < northing < 6e6 and (zone == 0 or 25 <= zone <= 45):
        epsg = 4536 if zone == 0 else 4513 + zone - 25
        lon, lat = Transformer.from_crs(epsg, 4490, always_xy=True).transform(easting, northing)
        return _degrees(lon, lat)
    return None


def _degrees(first: float, second: float) -> tuple[float, float] | None:
    lon, lat = (first, second) if abs(first) > abs(second) else (second, first)
    return (lon, lat) if 70 <= lon <= 136 and 3 <= lat <= 54 else None


_BY_NUMBER = """
SELECT parcel.key, parcel.unit_number, certificate.number, party.name,
       ST_XMin(version.geom), ST_YMin(version.geom), ST_XMax(version.geom), ST_YMax(version.geom)
FROM parcels_parcel AS parcel
JOIN parcels_parcelversion AS version ON version.parcel_id = parcel.id
 AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
LEFT JOIN parcels_right AS held ON held.parcel_id = parcel.id
LEFT JOIN parcels_titlecertificate AS certificate ON certificate.id = held.certificate_id
LEFT JOIN accounts_party AS party ON party.id = held.party_id
WHERE parcel.ended_at IS NULL AND {condition}
ORDER BY parcel.id LIMIT %(limit)s
"""
_CONDITIONS = {
    "unit_number": "parcel.unit_number_key LIKE %(unit)s",
    "certificate": "certificate.number_key LIKE %(key)s",
    "holder": "party.name LIKE %(name)s",
}


def parse_question(query: QueryDict) -> str:
    """``q`` of a search address: what is typed there may hold anything, but not without end."""
    for name in query:
        if name != "q":
            raise UnknownParameter(parameter=plain(name), allowed="q")
    text = query.get("q", "")
    if len(text) > LONGEST:
        raise BadParameter(parameter="q", reason=_("最多 {n} 个字符").format(n=LONGEST))
    return text


def search(text: str, *, staff: bool) -> list[Found]:
    """Suggestions for what was typed, best kinds first."""
    text = "".join(sign for sign in text if sign.isprintable()).strip()[:100]
    if (place := read_coordinate(text)) is not None:
        lon, lat = place
        return [Found("coordinate", f"{lon:.6f}°E {lat:.6f}°N", _("坐标"), lon, lat)]
    if not text:
        return []
    found = [*_townships(text), *_villages(text)]
    if staff and len(text) >= MIN_LETTERS:
        found += _numbers(text)
    return found[:RESULTS]


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _townships(text: str) -> Iterator[Found]:
    names = Township.objects.named(text).names()
    for area in TownshipArea.objects.filter(township_code__in=names).order_by("township_code"):
        yield _place("township", names[area.township_code], _("乡镇（街道）"), area.geom)


def _villages(text: str) -> Iterator[Found]:
    """``团结村``, ``巴彦岱镇 003`` or a village code."""
    head, _space, rest = text.partition(" ")
    code = text.removesuffix("村").strip()
    wanted = Q(village__contains=code if code.isdecimal() else text)
    if rest:
        of_township = Q(township_code__in=Township.objects.named(head).values("code"))
        wanted |= of_township & Q(village__contains=rest.removesuffix("村").strip())
    names = Township.objects.names()
    for area in VillageArea.objects.filter(wanted).order_by("-parcels")[:RESULTS]:
        village, township = area.village, names.get(area.township_code, area.township_code)
        label = _("{code} 村").format(code=village) if village.isdecimal() else village
        yield _place(
            "village", label, f"{township} · " + _("{n} 宗").format(n=area.parcels), area.box
        )


def _place(kind: str, label: str, detail: str, shape: GEOSGeometry) -> Found:
    """Its box is that of generalised shapes, rounded: an exact one would be a hint."""
    west, south, east, north = (round(value, 3) for value in shape.extent)
    return Found(
        kind, label, detail, (west + east) / 2, (south + north) / 2, (west, south, east, north)
    )


def _numbers(text: str) -> Iterator[Found]:
    """Unit number, certificate number and holder: for those who serve the register."""
    key = _escaped(normalised(text))
    kinds = {
        "unit_number": _("不动产单元号"),
        "certificate": _("权属证书"),
        "holder": _("权利人"),
    }
    # A unit number begins with its county; its beginning is met by the index.
    begins = key.isalnum() and key[:6].isdecimal()
    facts: dict[str, Any] = {
        "key": f"%{key}%",
        "unit": f"{key}%" if begins else f"%{key}%",
        "name": f"%{_escaped(text)}%",
        "limit": RESULTS,
    }
    seen: set[str] = set()
    for kind, condition in _CONDITIONS.items():
        with connection.cursor() as cursor:
            cursor.execute(_BY_NUMBER.format(condition=condition), facts)
            rows = cursor.fetchall()
        for uid, unit_number, certificate, holder, *corners in rows:
            if str(uid) in seen:
                continue
            seen.add(str(uid))
            west, south, east, north = corners
            label = {"unit_number": unit_number, "certificate": certificate, "holder": holder}[kind]
            yield Found(
                kind,
                label,
                " · ".join(
                    part for part in (kinds[kind], unit_number, holder) if part and part != label
                ),
                (west + east) / 2,
                (south + north) / 2,
                (west, south, east, north),
                str(uid),
                reverse("parcels:parcel", args=[uid]),
            )
