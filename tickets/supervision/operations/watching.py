"""The nightly check of issued areas, and the layers that it looks at (article 21)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Point, Polygon
from django.db import connection
from django.utils.translation import gettext as _

from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, read_batches
from portal.accounts.models import Department, Role, User
from portal.base.clock import today
from portal.base.errors import InvalidInput
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.casework.forms import EAST, NORTH, SOUTH, WEST
from portal.journal.operations import record_event
from tickets.registry.access import require_office
from tickets.registry.models import CarbonTicket
from tickets.supervision.models import Inspection, PolicyNews, WatchedShape
from tickets.supervision.operations.inspections import propose_inspection, proposed_again_after

POINTS_MAX = 5000
_LINE = re.compile(r"\s*(\d{2,3}(?:\.\d+)?)\s*[,，]\s*(\d{2}(?:\.\d+)?)\s*[,，]\s*(\d{4}-\d\d-\d\d)\s*")  # fmt: skip
# Of each issuance the oldest open ticket stands for the land, or the oldest of all when none is open:
# what was offset is owed by the project's owner when its forest is lost; only what was cancelled whole
# is watched no more. Permits and shapes that were there when the tonnes were issued were judged then; a
# ticket that was opened since, by a transfer or a reissue, excuses nothing. Each thing is proposed once
# for an issuance, whichever ticket stood for it; a permit that is still good some time after its visit
# was dropped is proposed again, while fires and changed uses are facts of a day: new ones come in anew.
_HITS = """
WITH issued AS (
  SELECT DISTINCT ON (ticket.issuance_id) ticket.key, ticket.issuance_id,
         issuance.made_at AS issued_at, version.geom
  FROM registry_carbonticket AS ticket
  JOIN registry_issuance AS issuance ON issuance.id = ticket.issuance_id
  JOIN parcels_projectareaversion AS version ON version.id = ticket.area_version_id
  WHERE EXISTS (
    SELECT FROM registry_block AS block
    WHERE block.ticket_id = ticket.key AND block.closed_by_id IS NULL AND block.state <> 'cancelled')
  ORDER BY ticket.issuance_id, ticket.closed_by_id IS NOT NULL, ticket.opened_by_id
), found AS (
  SELECT issued.key, issued.issuance_id, 'harvest' AS cause, 'exclusion:' || permit.key AS source,
         permit.number AS said, ST_Intersection(issued.geom, permit.geom) AS part,
         upper_inf(permit.period) OR upper(permit.period) > %(today)s AS stands
  FROM issued JOIN parcels_exclusionarea AS permit ON ST_Intersects(issued.geom, permit.geom)
  WHERE permit.kind = 'harvest' AND permit.method = 'clear_cut' AND permit.status <> 'ended'
    AND permit.replaced_at IS NULL AND permit.made_at > issued.issued_at
  UNION ALL
  SELECT issued.key, issued.issuance_id, shape.kind, 'watched:' || shape.key, shape.seen_on || ' ' || shape.source,
         ST_Intersection(issued.geom, hit.geom), false
  FROM issued
  JOIN supervision_watchedshape AS shape
    ON ST_DWithin(issued.geom::geography, shape.geom::geography, %(radius)s)
  CROSS JOIN LATERAL (
    SELECT CASE WHEN shape.kind = 'fire'
           THEN ST_SetSRID(ST_Buffer(ST_SetSRID(shape.geom, 4326)::geography, %(radius)s)::geometry,
                           4490)
           ELSE shape.geom END AS geom) AS hit
  WHERE shape.made_at > issued.issued_at AND ST_Intersects(issued.geom, hit.geom)
)
SELECT key, cause, source, said, ST_AsEWKB(ST_Multi(ST_CollectionExtract(part, 3)))
FROM found
WHERE ST_Area(ST_CollectionExtract(part, 3)::geography) > 1
  AND NOT EXISTS (SELECT FROM supervision_inspection AS known
                  JOIN registry_carbonticket AS its ON its.key = known.ticket_id
                  WHERE its.issuance_id = found.issuance_id AND known.source = found.source
                  AND NOT (known.state = 'dropped' AND found.stands
                           AND coalesce(known.dropped_at, known.made_at) < %(again)s))
ORDER BY key, source
"""


@write_transaction
def check_issued_areas() -> list[Inspection]:
    """Propose a visit for each issued area that something new has come upon, each thing once, or on
    which clear-cutting is permitted still, long after a visit was dropped."""
    with connection.cursor() as cursor:
        # Two nights' jobs that meet do not propose the same twice.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('check_issued_areas'))")
        cursor.execute(
            _HITS,
            {
                "radius": policy_number("supervision.fire_radius_m"),
                "again": proposed_again_after(),
                "today": today(),
            },
        )
        hits = cursor.fetchall()
    tickets = CarbonTicket.objects.in_bulk([key for key, *_rest in hits])
    proposals = []
    for key, cause, source, said, part in hits:
        shape = GEOSGeometry(memoryview(part))
        assert isinstance(shape, MultiPolygon)
        proposals.append(
            propose_inspection(
                ticket=tickets[key],
                cause=Inspection.Cause(cause),
                reason=_("夜间检查：{cause} {said}").format(
                    cause=Inspection.Cause(cause).label, said=said
                ),
                suspect=shape,
                source=source,
                actor=None,
            )
        )
    return proposals


@write_transaction
def take_in_fire_points(*, text: str, source: str, actor: User) -> list[WatchedShape]:
    """Lines of "longitude,latitude,day"; one that cannot be read refuses all, with its number. Answers
    what was not known before."""
    require_office(actor, Role.CLERK, Department.FORESTRY)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > POINTS_MAX:
        raise InvalidInput(field=_("火点"), reason=_("须为 1 至 5000 行"))
    rows = []
    for number, line in enumerate(lines, 1):
        place, day = _fire_point(line, number)
        rows.append(_shape(WatchedShape.Kind.FIRE, place, day, source, actor))
    return _keep(rows, actor)


@write_transaction
def take_in_land_use(*, path: Path, source: str, seen_on: date, actor: User) -> list[WatchedShape]:
    """The polygons of a file in any format that the intake reads; what it rejects is left out. Answers
    what was not known before."""
    require_office(actor, Role.CLERK, Department.FORESTRY)
    limits = Limits(file_bytes=settings.UPLOAD_LIMIT_BYTES)
    rows = []
    for batch in read_batches(path, choices=Choices(), limits=limits):
        for wkb in batch.wkb:
            shape = GEOSGeometry(memoryview(wkb), srid=4490)
            if isinstance(shape, Polygon):
                shape = MultiPolygon(shape, srid=4490)
            rows.append(_shape(WatchedShape.Kind.LAND_USE, shape, seen_on, source, actor))
    if not rows:
        raise InvalidInput(field=_("文件"), reason=_("没有可用的面"))
    return _keep(rows, actor)


@write_transaction
def publish_news(*, title: str, text: str, source: str, actor: User) -> PolicyNews:
    """Forestry tells what the state or the region changed (article 23)."""
    require_office(actor, Role.CLERK, Department.FORESTRY)
    if not (title.strip() and text.strip() and source.strip()):
        raise InvalidInput(field=_("内容"), reason=_("标题、内容和发文机关都要填写"))
    news = PolicyNews.objects.create(
        title=title.strip(), text=text.strip(), source=source.strip(), made_by=actor
    )
    record_event(
        subject_kind="policy_news", subject_key=news.key, verb="published", actor_key=actor.key
    )
    return news


def _fire_point(line: str, number: int) -> tuple[Point, date]:
    found = _LINE.fullmatch(line)
    try:
        if found is None:
            raise ValueError(line)
        lon, lat, day = float(found[1]), float(found[2]), date.fromisoformat(found[3])
        if not (WEST <= lon <= EAST and SOUTH <= lat <= NORTH) or day > today():
            raise ValueError(line)
    except ValueError as error:
        reason = _("第 {row} 行应为：经度,纬度,日期（2026-07-01），且在本市一带").format(row=number)
        raise InvalidInput(field=_("火点"), reason=reason) from error
    return Point(lon, lat, srid=4490), day


def _shape(
    kind: WatchedShape.Kind, geom: GEOSGeometry, seen_on: date, source: str, actor: User
) -> WatchedShape:
    return WatchedShape(
        kind=kind, geom=geom, seen_on=seen_on, source=source.strip()[:200] or str(kind.label),
        made_by=actor,
    )  # fmt: skip


def _keep(rows: list[WatchedShape], actor: User) -> list[WatchedShape]:
    """Those that are new: a list that is sent again, or grows by the day, proposes no visit twice."""
    WatchedShape.objects.bulk_create(rows, ignore_conflicts=True)
    kept = list(WatchedShape.objects.filter(key__in=[row.key for row in rows]).order_by("pk"))
    if kept:
        record_event(
            subject_kind="watched_layer",
            subject_key=kept[0].key,
            verb="taken_in",
            actor_key=actor.key,
            facts={"kind": kept[0].kind, "count": len(kept)},
        )
    return kept
