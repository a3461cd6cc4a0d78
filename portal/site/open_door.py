"""Public tiles are answered before anybody is asked who they are.

No session, user, language or message stands between a reader and a public tile: the answer is the
same for everyone, so that a shared cache may keep it, and costs nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import Resolver404, resolve
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from layers.registry import LAYERS
from portal.base.errors import PortalError
from portal.site.http_errors import as_json, status_of

ADDRESSES = "layers.urls"  # Not those of the whole portal, which come before.
TILES = "/tiles/"
TILE = ".mvt"
AGAIN_S = "5"


class OpenDoor:
    """Middleware: stands in front of sessions, and lets everything but public tiles pass."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if not (path.startswith(TILES) and path.endswith(TILE)):
            return self.get_response(request)
        layer = LAYERS.get(path.removeprefix(TILES).split("/", 1)[0])
        if layer is not None and layer.staff_only:
            return self.get_response(request)
        return public_tile(request)


def public_tile(request: HttpRequest) -> HttpResponseBase:
    """The tile, or why not, as JSON whatever the reader accepts, for scripts of any site."""
    try:
        view, args, kwargs = resolve(request.path_info, ADDRESSES)
        response: HttpResponseBase = view(request, *args, **kwargs)
    except Resolver404:
        return refusal({"code": "not_found", "message": request.path_info[:200]}, 404)
    except PortalError as error:
        with override(get_language_from_request(request)):
            return refusal(as_json(error), status_of(error))
    except OperationalError:
        with override(get_language_from_request(request)):
            why = {"code": "database_away", "message": _("数据库暂时不可用，请稍后再试。")}
        return refusal(why, 503, {"Retry-After": AGAIN_S})
    return response


def refusal(
    body: dict[str, Any], status: int, more: Mapping[str, str] | None = None
) -> JsonResponse:
    headers = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*", **(more or {})}
    return JsonResponse(body, status=status, headers=headers)
