"""The page on which a project area is drawn."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from parcels.drawing.access import access_project_area, applicants_of
from parcels.drawing.queries import state_of_drawing
from parcels.imports.views import upload_limit_mib
from parcels.intake.crs import systems_as_json
from parcels.models import ProjectArea
from parcels.stage import stage_config
from portal.accounts.models import User
from portal.base.policy import policy_number


@login_required
@require_safe
def new_area(request: HttpRequest) -> HttpResponse:
    """An area that is not opened yet; ``next`` is where the page goes once it is saved, ``party`` who
    applies there.
    """
    return _page(request, None)


@login_required
@require_safe
def draw_area(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """A saved area, to be redrawn."""
    return _page(request, access_project_area(key, request.user))


def _page(request: HttpRequest, area: ProjectArea | None) -> HttpResponse:
    user = cast(User, request.user)
    one = [] if area is None else [area.key]
    suffix = "-new" if area is None else ""
    config: dict[str, Any] = {
        **stage_config(),
        **state_of_drawing(user, area),
        "next": _safe_next(request),
        "parties": [
            {"key": str(party.key), "name": party.name, "kind": party.get_kind_display()}
            for party in applicants_of(user)
        ],
        "vertexLimit": int(policy_number("geometry.vertex_limit")),
        "uploadLimitMib": upload_limit_mib(),
        "systems": systems_as_json(),
        "urls": {
            "titles": reverse("parcels:api-drawing-titles"),
            "around": reverse("parcels:api-drawing-around"),
            "reshape": reverse("parcels:api-drawing-reshape"),
            "compare": reverse("parcels:api-drawing-compare"),
            "file": reverse("parcels:api-drawing-file"),
            "rules": reverse("parcels:api-rules-check"),
            **{
                name: reverse(f"parcels:api-drawing-{name}{suffix}", args=one)
                for name in ("state", "draft", "discard", "save")
            },
        },
    }
    context = {"area": area, "draw_config": config, "for_party": request.GET.get("party", "")}
    return render(request, "parcels/drawing/draw.html", context)


def _safe_next(request: HttpRequest) -> str:
    """Where to go afterwards, only ever within the portal."""
    wanted = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        return wanted
    return ""
