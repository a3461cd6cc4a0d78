"""The roof: home, help, health, and the base map."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from typing import Any

import psycopg
from csp.decorators import csp_replace
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET, require_safe

from layers.queries import forest_sums
from layers.ticket_map.downloads import OFFERED
from portal.accounts.queries import is_staff_reader
from portal.base.models import BaseMapFeature

HEALTH = """
SELECT current_setting('server_version'), postgis_lib_version(),
  (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'),
  (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'),
  (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed')
"""
BASE_MAP_SHEETS = {
    "counties": BaseMapFeature.Layer.COUNTY,
    "city": BaseMapFeature.Layer.CITY,
    "natural": BaseMapFeature.Layer.NATURAL,
}
SHEET = """
SELECT json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(
  json_build_object('type', 'Feature', 'properties', properties,
                    'geometry', ST_AsGeoJSON(geom, 6)::json) ORDER BY id), '[]'::json))::text
FROM base_basemapfeature WHERE layer = %s
"""


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The map."""
    return render(request, "site/home.html", map_context(staff=is_staff_reader(request.user)))


@require_GET
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})
def embed(request: HttpRequest) -> HttpResponse:
    """The visitor's map for other sites' frames, whoever is signed in; ``?panel=0`` is map alone."""
    context = map_context(staff=False) | {"with_panel": request.GET.get("panel") != "0"}
    return render(request, "site/embed.html", context)


def map_context(*, staff: bool) -> dict[str, Any]:
    """What the map's page and script need to know."""
    tier = "-staff" if staff else ""
    config: dict[str, Any] = {
        "staff": staff,
        "parcels": reverse("layers:tilejson", args=[f"parcels{tier}"]),
        "exclusions": reverse("layers:tilejson", args=[f"exclusions{tier}"]),
        "search": reverse("layers:api-map-search"),
        "parcelApi": reverse("parcels:api-parcels"),
        "tickets": reverse("layers:tilejson", args=["tickets"]),
        "ticketStates": reverse("registry:api-states"),
        "ticketFacts": reverse("layers:api-map-facts"),
        "ticketStory": reverse("layers:api-map-area", args=[uuid.UUID(int=0)]),
        "justice": reverse("supervision:justice-forests"),
        "complaintPage": reverse("supervision:complaint-new"),
        "ticketPage": reverse("registry:ticket", args=["NUMBER"]),
        "basemap": {name: reverse("site:base-map", args=[name]) for name in BASE_MAP_SHEETS},
        "tiandituKey": settings.TIANDITU_KEY,
        "approvalNumber": settings.MAP_APPROVAL_NUMBER,
    }
    sums = forest_sums()
    return {
        "map_config": config,
        "ticket_formats": OFFERED,
        "sums": {
            "parcels": f"{sums.parcels:,}",
            "area_ha": f"{sums.area_ha:,.0f}",
            "area_mu": f"{sums.area_mu:,.0f}",
        },
    }


@require_safe
def base_map(request: HttpRequest, name: str) -> HttpResponse:
    """One sheet of the schematic base map as GeoJSON; it changes only with a migration."""
    if name not in BASE_MAP_SHEETS:
        raise Http404
    with connection.cursor() as cursor:
        cursor.execute(SHEET, [BASE_MAP_SHEETS[name]])
        body = cursor.fetchone()[0].encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    headers = {"ETag": etag, "Cache-Control": "public, max-age=3600"}
    return HttpResponse(body, content_type="application/geo+json", headers=headers)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200 and the state of what the portal stands on; 503 when the database is away."""
    free = shutil.disk_usage(settings.VAR if settings.VAR.exists() else "/").free
    answer: dict[str, Any] = {
        "status": "ok",
        "application": settings.APPLICATION_VERSION,
        "free_disk_bytes": free,
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(HEALTH)
            database, postgis, waiting, running, failed = cursor.fetchone()
    except (DatabaseError, psycopg.Error):
        answer.update(status="database_away", database=None)
        return JsonResponse(answer, status=503, headers={"Cache-Control": "no-store"})
    answer.update(
        database=database,
        postgis=postgis,
        jobs={"waiting": waiting, "running": running, "failed": failed},
    )
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})
