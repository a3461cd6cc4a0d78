"""The door by which exact boundaries leave: what, in which format, and on what grounds."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods

from parcels.exports.errors import UnknownExportFormat
from parcels.exports.features import Maker
from parcels.exports.operations import POLICY, confirm_export, is_guarded, note_export
from parcels.exports.selection import Selection, features_of, read_selection
from parcels.exports.writer import FORMATS, write_features
from parcels.facts import M2_PER_HA, township_names
from parcels.models import BoundaryExport
from portal.accounts.models import User
from portal.accounts.queries import is_staff_reader
from portal.accounts.second_factor import confirmed_device
from portal.accounts.views import demo_code
from portal.base.answers import answer_refused
from portal.base.clock import today
from portal.base.errors import NotFound, PortalError
from portal.base.parameters import whole_number
from portal.base.policy import policy_number

RECENT = 20
ENCODING_NAMES = {"gb18030": "GBK", "utf-8": "UTF-8"}


def offered() -> list[tuple[str, list[tuple[str, str]]]]:
    """Formats with their choices of system and encoding, as the page groups them."""
    return [
        (
            format.label,
            [
                (
                    f"{name}:{epsg}:{encoding}",
                    f"{format.label} · EPSG:{epsg} · {ENCODING_NAMES[encoding]}",
                )
                for epsg in format.systems
                for encoding in format.encodings
            ],
        )
        for name, format in FORMATS.items()
    ]


@login_required
@require_http_methods(["GET", "POST"])
@csrf_protect
@never_cache
def export_page(request: HttpRequest) -> HttpResponse:
    """``?title=``, ``?township=``, ``?screening=`` or ``?import=``; without one, the choice of land."""
    assert isinstance(request.user, User)
    asked = {name: str(value) for name, value in request.GET.items()}
    if not asked and not is_staff_reader(request.user):
        raise NotFound()
    refusal: PortalError | None = None
    selection: Selection | None = None
    try:
        if asked:
            selection = read_selection(asked, request.user)
            if request.method == "POST":
                return _hand_over(request, selection, request.user)
    except NotFound:
        raise
    except PortalError as refused:
        refusal = refused
    return answer_refused(
        render(request, "parcels/exports/export.html", _context(request, selection, refusal)),
        refusal,
    )


def _context(
    request: HttpRequest, selection: Selection | None, refusal: PortalError | None
) -> dict[str, Any]:
    assert isinstance(request.user, User)
    staff = is_staff_reader(request.user)
    guarded = selection is not None and is_guarded(selection, request.user)
    area_m2 = selection.area_m2 if selection else None
    return {
        "selection": selection,
        "area_ha": None if area_m2 is None else area_m2 / M2_PER_HA,
        "formats": offered(),
        "chosen": request.POST.get("format", ""),
        "guarded": guarded,
        "limit": policy_number(POLICY).normalize(),
        "reason": request.POST.get("reason", ""),
        "demo_code": demo_code(request.user, confirmed_device(request.user)) if guarded else "",
        "townships": sorted(township_names().items()),
        "asked": request.GET,
        "staff": staff,
        "recent": BoundaryExport.objects.select_related("made_by")[:RECENT] if staff else [],
        "refusal": refusal,
    }


def _hand_over(request: HttpRequest, selection: Selection, user: User) -> HttpResponse:
    """The file, once reason and code are what they must be and the export is noted."""
    reason = request.POST.get("reason", "")
    by_code = confirm_export(
        selection=selection, reason=reason, code=request.POST.get("code", "")[:10], actor=user
    )
    if selection.path is not None:
        name, content_type = selection.name, "application/octet-stream"
        body = selection.path.read_bytes()
    else:
        name, content_type, body = _written(selection, request.POST.get("format", ""))
    note_export(
        selection=selection,
        name=name,
        sha256=hashlib.sha256(body).hexdigest(),
        reason=reason,
        by_code=by_code,
        actor=user,
    )
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name) or ""
    return response


def _written(selection: Selection, wanted: str) -> tuple[str, str, bytes]:
    """Name, content type and bytes of the land in ``format:EPSG:encoding``."""
    assert selection.versions is not None  # A selection is a file or land.
    format, _colon, choice = wanted.partition(":")
    epsg, _colon, encoding = choice.partition(":")
    code = whole_number(epsg)
    if format not in FORMATS or code is None:
        raise UnknownExportFormat(format=wanted[:40], formats="、".join(FORMATS))
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / f"export{FORMATS[format].suffix}"
        write_features(
            path,
            features=features_of(selection.versions, format),
            format=format,
            crs_epsg=code,
            encoding=encoding,
            layer=selection.label,
            maker=Maker(unit=_("伊宁市林业碳票门户"), made_on=today()),
        )
        body = path.read_bytes()
    return f"{selection.name}{FORMATS[format].suffix}", FORMATS[format].content_type, body
