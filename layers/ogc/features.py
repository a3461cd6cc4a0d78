"""Features as GeoJSON, put together by the database; one page or chunk is one query."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils.translation import gettext as _

from layers.ogc.errors import FeatureNotFound
from layers.ogc.parameters import Wanted, box_facts, box_sql
from layers.registry import LAYERS, Layer
from layers.tiles import PUBLIC_MARGIN_DEG, geometry_version
from portal.base.clock import CITY_TIME
from portal.base.parameters import BadParameter

CHUNK = 1000
COUNTED_TO = 10_000  # Above this many, numberMatched is left out: counting would cost more.
PAGE = """
WITH wanted AS MATERIALIZED (
  SELECT {key} AS k, ({uid})::text AS uid, {shown} AS shape, {columns}
  FROM {tables} WHERE {where} AND {key} > %(after)s ORDER BY {key} LIMIT %(limit)s + 1
), numbered AS (SELECT *, row_number() OVER (ORDER BY k) AS place FROM wanted)
SELECT count(*) FILTER (WHERE place <= %(limit)s), max(k) FILTER (WHERE place <= %(limit)s),
       count(*) > %(limit)s,
       string_agg('{{"type":"Feature","id":' || to_json(uid)::text || ',"geometry":'
         || coalesce(ST_AsGeoJSON(shape, {digits}, 0), 'null') || ',"properties":'
         || (SELECT row_to_json(properties)::text FROM (SELECT {names}) AS properties) || '}}',
         ',' ORDER BY k) FILTER (WHERE place <= %(limit)s)
FROM numbered
"""
COUNT = """
SELECT count(*) FROM (SELECT FROM {tables} WHERE {where} LIMIT %(counted_to)s + 1) AS counted
"""
EXTENT = """
SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)
FROM (SELECT ST_Extent({shape}) AS box FROM {tables} WHERE {rows}) AS whole
"""
BEGINNING = "SELECT made_at FROM layers_shapechange WHERE layer = %s ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class Page:
    """Features joined by commas; ``last`` is the key of the last one."""

    count: int
    last: int | None
    more: bool
    features: str


def conditions(layer: Layer, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """The WHERE of a request: rows of the time asked for, box, properties."""
    facts: dict[str, Any] = {}
    parts = [layer.rows]
    if wanted.span is not None and layer.past is not None:
        parts = [layer.past.rows]
        facts["at"] = wanted.span.at
        facts["since"] = "-infinity" if wanted.span.since is None else wanted.span.since
    if wanted.box is not None:
        box = box_sql(wanted.box)
        # The shown shape decides; the stored one only narrows the search, wide enough.
        parts.append(f"{layer.box} && ST_Expand({box}, {PUBLIC_MARGIN_DEG})")
        parts.append(f"ST_Intersects({layer.shape}, {box})")
        facts |= box_facts(wanted.box)
    for field in layer.properties:
        if field.name in wanted.filters:
            parts.append(f"({sql_of(layer, wanted, field.name)}) = %(filter_{field.name})s")
            facts[f"filter_{field.name}"] = wanted.filters[field.name]
    return " AND ".join(f"({part})" for part in parts), facts


def sql_of(layer: Layer, wanted: Wanted, name: str) -> str:
    """A property as it is now, or as it was at the time asked for."""
    field = next(one for one in layer.properties if one.name == name)
    if field not in layer.fields:
        return f"stood.{name}"
    past = wanted.span is not None and layer.past is not None
    return field.then if past and field.then else field.sql


def tables_of(layer: Layer, wanted: Wanted, names: Iterable[str]) -> str:
    """The layer's tables, with what became of its rows where one of ``names`` asks for it."""
    present = layer.present
    if present is None or not {field.name for field in present.fields} & set(names):
        return layer.tables
    when = present.now if wanted.span is None or layer.past is None else present.then
    return f"{layer.tables} {present.joined(when)}"


def one_page(layer: Layer, wanted: Wanted, *, only: str = "") -> Page:
    """Features after the cursor, in the order of their keys. ``only`` is a further condition."""
    where, facts = conditions(layer, wanted)
    names = [field.name for field in layer.properties]
    query = PAGE.format(
        key=layer.key,
        uid=layer.uid,
        shown=wanted.crs.shown(layer.shape),
        columns=", ".join(f"{sql_of(layer, wanted, name)} AS {name}" for name in names),
        names=", ".join(names),
        tables=tables_of(layer, wanted, names),
        where=where + only,
        digits=wanted.crs.digits,
    )
    facts |= {"after": wanted.after, "limit": wanted.limit}
    if only:
        facts["uid"] = wanted.filters["uid"]
    with connection.cursor() as cursor:
        cursor.execute(query, facts)
        count, last, more, features = cursor.fetchone()
    return Page(count, last, more, features or "")


def one_feature(layer: Layer, uid: str, wanted: Wanted) -> dict[str, Any]:
    """The feature of that identifier, as a document."""
    known = uid
    if layer.uid_is_uuid:
        try:
            known = str(uuid.UUID(uid))
        except ValueError as error:
            raise FeatureNotFound(layer=layer.name) from error
    # An identifier has one spelling, so that a feature has one address.
    if known != uid or not (0 < len(uid) <= 40) or "\0" in uid:
        raise FeatureNotFound(layer=layer.name)
    cast = "uuid" if layer.uid_is_uuid else "text"
    page = one_page(
        layer, replace(wanted, limit=1, filters={"uid": uid}), only=f" AND {layer.uid} = %(uid)s::{cast}"
    )  # fmt: skip
    if not page.count:
        raise FeatureNotFound(layer=layer.name)
    found: dict[str, Any] = orjson.loads(page.features)
    return found


def matched(layer: Layer, wanted: Wanted) -> int | None:
    """How many features there are in all; None when they are more than are counted.

    Told on the first page; whoever pages on knows it.
    """
    if wanted.after:
        return None
    where, facts = conditions(layer, wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT.format(tables=tables_of(layer, wanted, wanted.filters), where=where),
            facts | {"counted_to": COUNTED_TO},
        )
        found: int = cursor.fetchone()[0]
    return found if found <= COUNTED_TO else None


def require_known_past(layer: Layer, wanted: Wanted) -> None:
    """Before the first record of a layer nothing is known: refused, not answered by nothing."""
    if wanted.span is None or layer.past is None:
        return
    begins = beginning(layer)
    if begins is not None and wanted.span.at < begins:
        first = begins.astimezone(CITY_TIME).isoformat(timespec="seconds")
        raise BadParameter(
            parameter="datetime", reason=_("早于最早的记录 {first}").format(first=first)
        )


def beginning(layer: Layer) -> datetime | None:
    """The moment of the layer's first record."""
    with connection.cursor() as cursor:
        cursor.execute(BEGINNING, [layer.shapes])
        row = cursor.fetchone()
    return None if row is None else row[0]


def extent(layer: Layer) -> list[float] | None:
    """West, south, east, north of what is shown."""
    return extent_at(layer.name, geometry_version(layer))


@lru_cache(maxsize=64)
def extent_at(name: str, version: int) -> list[float] | None:
    """Worked out once for each geometry version: on a large layer it is a scan."""
    layer = LAYERS[name]
    with connection.cursor() as cursor:
        cursor.execute(EXTENT.format(shape=layer.shape, tables=layer.tables, rows=layer.rows))
        row = cursor.fetchone()
    return None if row[0] is None else [round(value, 6) for value in row]


def chunks(layer: Layer, wanted: Wanted) -> Iterator[Page]:
    """A long answer, piece by piece; ``more`` of the last says whether a further page follows."""
    left = wanted.limit
    while left > 0:
        page = one_page(layer, replace(wanted, limit=min(CHUNK, left)))
        left -= page.count
        yield page
        if not page.more or page.last is None:
            return
        wanted = replace(wanted, after=page.last)


async def chunks_async(layer: Layer, wanted: Wanted) -> AsyncIterator[Page]:
    """The same without holding a thread or a connection between the pieces."""
    left = wanted.limit
    while left > 0:
        page = await sync_to_async(page_on_own_connection, thread_sensitive=False)(
            layer, replace(wanted, limit=min(CHUNK, left))
        )
        left -= page.count
        yield page
        if not page.more or page.last is None:
            return
        wanted = replace(wanted, after=page.last)


def page_on_own_connection(layer: Layer, wanted: Wanted) -> Page:
    try:
        return one_page(layer, wanted)
    finally:
        connection.close()  # Back to the pool: this thread may never be used again.
