"""Reads of the drawing page: exact titles of those one acts for, what lies around, saved states."""

from __future__ import annotations

from typing import Any

import orjson
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.db.models import QuerySet

from parcels.claims.queries import last_day
from parcels.drawing.models import DrawingDraft
from parcels.models import Claim, ProjectArea, ProjectAreaVersion, VerifiedTitle
from portal.accounts.models import User

TITLES_AT_ONCE = 3000
AROUND_AT_ONCE = 500

# Every digit of the coordinates: the browser snaps to them and sends them back.
_TITLES = """
SELECT ST_AsGeoJSON(hold.geom, 15), parcel.key::text,
       coalesce(nullif(parcel.unit_number, ''), certificate.number), certificate.number,
       ST_Area(hold.geom::geography), certificate.term_ends_on::text,
       (SELECT string_agg(party.name, '、' ORDER BY party.id)
        FROM parcels_right AS held JOIN accounts_party AS party ON party.id = held.party_id
        WHERE held.certificate_id = hold.certificate_id AND held.parcel_id = hold.parcel_id
          AND held.kind = 'tree_ownership'),
       parcel.subcompartment
FROM parcels_verifiedtitle AS hold
JOIN parcels_parcel AS parcel ON parcel.id = hold.parcel_id
JOIN parcels_titlecertificate AS certificate ON certificate.id = hold.certificate_id
WHERE hold.id = ANY(%s)
ORDER BY hold.id
"""
# Shapes that everyone may see, and no word of whose land it is: a harvest permit's number may tell.
_AROUND = """
SELECT ST_AsGeoJSON(found.geom_public, 7), found.kind, found.number, found.state,
       lower(found.period)::text, (upper(found.period) - 1)::text
FROM (
  SELECT version.geom_public, 'claim' AS kind, claim.number, claim.state, claim.period
  FROM parcels_claim AS claim
  JOIN parcels_projectareaversion AS version ON version.id = claim.version_id
  WHERE claim.geom && ST_Expand(ST_SetSRID(%(box)s::geometry, 4490), 0.002)
    AND version.geom_public && %(box)s::geometry
    AND claim.state IN ('pending', 'live') AND version.area_id IS DISTINCT FROM %(area)s::bigint
  UNION ALL
  SELECT exclusion.geom_public, exclusion.kind,
         CASE WHEN exclusion.kind = 'harvest' THEN '' ELSE exclusion.number END,
         exclusion.status, exclusion.period
  FROM parcels_exclusionarea AS exclusion
  WHERE exclusion.geom && ST_Expand(ST_SetSRID(%(box)s::geometry, 4490), 0.002)
    AND exclusion.geom_public && %(box)s::geometry
    AND exclusion.replaced_at IS NULL
    AND NOT (exclusion.kind = 'harvest' AND exclusion.method = 'tending')
) AS found
ORDER BY found.kind, found.number
LIMIT %(limit)s
"""


def titles_as_geojson(titles: QuerySet[VerifiedTitle], *, box: Polygon | None) -> dict[str, Any]:
    """Exact titles as a FeatureCollection; ``left_off`` counts those above the limit."""
    if box is not None:
        titles = titles.filter(geom__bboverlaps=box)
    ids = list(titles.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_TITLES, [ids[:TITLES_AT_ONCE]])
        rows = cursor.fetchall()
    return {
        "type": "FeatureCollection",
        "left_off": max(len(ids) - TITLES_AT_ONCE, 0),
        "features": [
            {
                "type": "Feature",
                "id": key,
                "geometry": orjson.loads(shape),
                "properties": {
                    "title": title,
                    "certificate": certificate,
                    "area_m2": round(area_m2, 2),
                    "term_ends_on": ends_on,
                    "holders": holders or "",
                    "stand": stand,
                },
            }
            for shape, key, title, certificate, area_m2, ends_on, holders, stand in rows
        ],
    }


def around_as_geojson(box: Polygon, *, area_id: int | None) -> dict[str, Any]:
    """Claims and exclusions near, generalised and without personal data."""
    values = {"box": box.ewkb.hex(), "area": area_id, "limit": AROUND_AT_ONCE}
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, values)
        rows = cursor.fetchall()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": orjson.loads(shape),
                "properties": {
                    "kind": kind,
                    "number": number,
                    "state": state,
                    "from": begins,
                    "to": ends,
                },
            }
            for shape, kind, number, state, begins, ends in rows
        ],
    }


def exact_geojson(geom: MultiPolygon | None) -> dict[str, Any] | None:
    """Every digit; null for nothing."""
    if geom is None:
        return None
    return {"type": "MultiPolygon", "coordinates": geom.coords}


def latest_version(area: ProjectArea) -> ProjectAreaVersion | None:
    """The newest saved shape."""
    return area.versions.select_related("made_by").order_by("-number").first()


def draft_of(user: User, area: ProjectArea | None) -> DrawingDraft | None:
    """What the user drew and did not save."""
    drafts = DrawingDraft.objects.select_related("party").filter(user=user)
    return (drafts.filter(area__isnull=True) if area is None else drafts.filter(area=area)).first()


def state_of_drawing(user: User, area: ProjectArea | None) -> dict[str, Any]:
    """The saved version and the user's draft, as the page takes them."""
    version = None if area is None else latest_version(area)
    draft = draft_of(user, area)
    return {
        "area": None
        if area is None
        else {
            "key": str(area.key),
            "name": area.name,
            "party": None if area.party is None else str(area.party.key),
        },
        "version": None
        if version is None
        else {
            "number": version.number,
            "geometry": exact_geojson(version.geom),
            "made_at": version.made_at.isoformat(),
            "made_by": version.made_by.get_full_name() if version.made_by else "",
            "picked": [str(key) for key in version.picked.values_list("parcel__key", flat=True)],
        },
        "draft": None if draft is None else draft_as_json(draft),
        # Its own claims are not in its way.
        "claims": []
        if area is None
        else [
            str(key)
            for key in Claim.objects.standing()
            .filter(version__area=area)
            .values_list("key", flat=True)
        ],
    }


def draft_as_json(draft: DrawingDraft) -> dict[str, Any]:
    period = draft.period
    last = None if period is None else last_day(period)
    return {
        "revision": draft.revision,
        "seen_number": draft.seen_number,
        "name": draft.name,
        "party": None if draft.party is None else str(draft.party.key),
        "period": None if period is None else {"start": str(period.lower), "end": str(last)},
        "expected_kg_per_ha": draft.expected_kg_per_ha,
        "picked": [str(key) for key in draft.picked],
        "geometry": exact_geojson(draft.geom),
        "saved_at": draft.saved_at.isoformat(),
    }
