"""What the drawing page sends → values that are right. Parsed at the border."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange
from django.http import HttpRequest
from django.utils.translation import gettext as _

from parcels.claims.queries import days
from parcels.rules.bodies import read_body
from parcels.rules.shapes import multipolygon_from_geojson
from portal.base.errors import InvalidInput
from portal.base.models import STORAGE_SRID
from portal.base.policy import policy_number

PICKED_LIMIT = 5000
NAME_LENGTH = 200
KG_PER_T = 1000


@dataclass(frozen=True, slots=True)
class Drawing:
    """One state of the page. ``wkb`` is a MultiPolygon in EPSG:4490 that may be invalid."""

    name: str
    party_key: uuid.UUID | None
    period: DateRange | None
    expected_kg_per_ha: int | None
    picked: list[uuid.UUID]
    wkb: bytes | None
    seen_number: int
    seen_revision: int

    @property
    def geom(self) -> MultiPolygon | None:
        """As GeoDjango takes it."""
        return None if self.wkb is None else geometry_of(self.wkb)


def geometry_of(wkb: bytes) -> MultiPolygon:
    """WKB of a MultiPolygon in EPSG:4490 as GeoDjango takes it."""
    shape = GEOSGeometry(memoryview(wkb), srid=STORAGE_SRID)
    assert isinstance(shape, MultiPolygon)
    return shape


def read_json(request: HttpRequest) -> Mapping[str, Any]:
    """The object in a request's body."""
    try:
        found = json.loads(read_body(request))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(field="JSON", reason=_("无法解读")) from error
    if not isinstance(found, dict):
        raise InvalidInput(field="JSON", reason=_("须为对象"))
    return found


def parse_geometry(given: Any) -> bytes | None:
    """GeoJSON of an area or null."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidInput(field="geometry", reason=_("须为 GeoJSON"))
    if given.get("type") == "MultiPolygon" and given.get("coordinates") == []:
        return None
    limit = int(policy_number("geometry.vertex_limit"))
    return multipolygon_from_geojson(given, vertex_limit=limit)


def parse_period(given: Any) -> DateRange | None:
    """``{"start", "end"}``, both inclusive days, or null while either is missing."""
    if not isinstance(given, dict) or not given.get("start") or not given.get("end"):
        return None
    try:
        start, end = date.fromisoformat(given["start"]), date.fromisoformat(given["end"])
    except (TypeError, ValueError) as error:
        raise InvalidInput(field=_("监测期"), reason=_("日期写法应为 2021-01-01")) from error
    return days(start, end)


def parse_drawing(given: Mapping[str, Any]) -> Drawing:
    """A whole state of the page; InvalidInput or a shape's refusal."""
    name = given.get("name", "")
    if not isinstance(name, str) or len(name) > NAME_LENGTH:
        raise InvalidInput(field=_("名称"), reason=_("不超过 200 个字"))
    return Drawing(
        name=name.strip(),
        party_key=parse_key(given.get("party")),
        period=parse_period(given.get("period")),
        expected_kg_per_ha=_expectation(given.get("expected_kg_per_ha")),
        picked=parse_keys(given.get("picked", [])),
        wkb=parse_geometry(given.get("geometry")),
        seen_number=_count(given.get("seen_number", 0)),
        seen_revision=_count(given.get("seen_revision", 0)),
    )


def parse_key(given: Any) -> uuid.UUID | None:
    """A key or nothing."""
    if given in (None, ""):
        return None
    try:
        return uuid.UUID(str(given))
    except ValueError as error:
        raise InvalidInput(field="key", reason=str(given)[:40]) from error


def parse_keys(given: Any) -> list[uuid.UUID]:
    """Keys of parcels, each once, in order."""
    if not isinstance(given, list) or len(given) > PICKED_LIMIT:
        raise InvalidInput(field=_("宗地"), reason=_("一次最多 5000 宗"))
    found = [key for one in given if (key := parse_key(one)) is not None]
    return list(dict.fromkeys(found))


def _expectation(given: Any) -> int | None:
    if given in (None, ""):
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise InvalidInput(field=_("预计每公顷减排量"), reason=_("须为数"))
    if not 0 <= given <= 10_000 * KG_PER_T:
        raise InvalidInput(field=_("预计每公顷减排量"), reason=_("须在 0 至 10,000 吨之间"))
    return round(given)


def _count(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 2**31:
        raise InvalidInput(field="seen", reason=str(given)[:40])
    return given
