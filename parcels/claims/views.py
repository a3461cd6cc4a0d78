"""Exclusion areas on the web: the list, a file looked at before it is taken in, their status."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from parcels.claims.exclusions import Assumed, TakenIn, move_exclusion, take_in_exclusions
from parcels.claims.queries import last_day
from parcels.imports.access import access_imports
from parcels.imports.errors import UploadMissing
from parcels.imports.originals import store_original
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices, upload_limit_mib, web_limits
from parcels.intake.reader import Choices
from parcels.management.commands.import_exclusions import parse_day
from parcels.models import ExclusionArea
from portal.accounts.models import User
from portal.base.errors import InvalidInput, NotFound

SALT = "parcels.exclusions"
HOLD_S = 3600  # How long a file that was looked at may wait for its confirmation.
NEXT_STATUS = {
    ExclusionArea.Status.PLANNED: (ExclusionArea.Status.REGISTERED, ExclusionArea.Status.ENDED),
    ExclusionArea.Status.REGISTERED: (ExclusionArea.Status.ENDED,),
}


@login_required
@require_GET
def exclusions(request: HttpRequest) -> HttpResponse:
    """All standing areas, the newest first, and the form for a file."""
    access_imports(request.user)
    return render(request, "parcels/exclusions/list.html", _list_context(request))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    areas = ExclusionArea.objects.standing().select_related("made_by").order_by("-made_at", "-pk")
    if kind := request.GET.get("kind", ""):
        areas = areas.filter(kind=kind)
    page = Paginator(areas, 30).get_page(request.GET.get("page"))
    rows = [
        {
            "area": area,
            "ends_on": last_day(area.period),
            "area_ha": area.area_m2 / 10_000,
            "moves": [
                (move.value, move.label)
                for move in NEXT_STATUS.get(ExclusionArea.Status(area.status), ())
            ],
        }
        for area in page
    ]
    return {
        "page": page,
        "rows": rows,
        "kind": kind,
        "kinds": ExclusionArea.Kind.choices,
        "methods": ExclusionArea.Method.choices,
        "statuses": ExclusionArea.Status.choices,
        "limit": upload_limit_mib(),
    }


@login_required
@require_POST
@csrf_protect
def look(request: HttpRequest) -> HttpResponse:
    """What a file would register, row by row, before anything is written."""
    access_imports(request.user)
    sent = request.FILES.get("file")
    if sent is None:
        raise UploadMissing()
    name = str(sent.name)
    assumed, choices = _assumed(request.POST), parse_choices(request.POST)
    with receive_upload(sent) as path:
        outcome = _take_in(path, name, assumed, choices, actor=None, dry_run=True)
        _sha256, stored_path, _bytes = store_original(path)
    held = {"path": stored_path, "name": name, "choices": choices.as_json()}
    context = {
        "outcome": outcome,
        "file_name": name,
        "held": signing.dumps(held, salt=SALT),
        "given": {key: request.POST.get(key, "") for key in GIVEN},
    }
    return render(request, "parcels/exclusions/look.html", context)


GIVEN = ("kind", "method", "status", "begins_on", "ends_on")


@login_required
@require_POST
@csrf_protect
def take_in(request: HttpRequest) -> HttpResponse:
    """Register what was looked at."""
    access_imports(request.user)
    try:
        held = signing.loads(request.POST.get("held", ""), salt=SALT, max_age=HOLD_S)
    except signing.BadSignature as error:
        raise InvalidInput(field=_("文件"), reason=_("请重新选择文件")) from error
    assert isinstance(request.user, User)
    outcome = _take_in(
        Path(settings.MEDIA_ROOT) / held["path"],
        held["name"],
        _assumed(request.POST),
        Choices.from_json(held["choices"]),
        actor=request.user,
        dry_run=False,
    )
    messages.success(
        request,
        ngettext(
            "已登记 {n} 个排除范围，{unchanged} 个原已登记，{rejected} 个拒绝。",
            "已登记 {n} 个排除范围，{unchanged} 个原已登记，{rejected} 个拒绝。",
            outcome.registered,
        ).format(n=outcome.registered, unchanged=outcome.unchanged, rejected=len(outcome.rejected)),
    )
    return redirect("parcels:exclusions")


@login_required
@require_POST
@csrf_protect
def move(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """Planned → registered → ended."""
    access_imports(request.user)
    exclusion = ExclusionArea.objects.standing().filter(key=key).first()
    if exclusion is None:
        raise NotFound()
    wanted = request.POST.get("status", "")
    if wanted not in ExclusionArea.Status.values:
        raise InvalidInput(field=_("状态"), reason=wanted)
    assert isinstance(request.user, User)
    move_exclusion(exclusion=exclusion, status=ExclusionArea.Status(wanted), actor=request.user)
    return redirect("parcels:exclusions")


def _take_in(
    path: Path,
    name: str,
    assumed: Assumed,
    choices: Choices,
    *,
    actor: User | None,
    dry_run: bool,
) -> TakenIn:
    return take_in_exclusions(
        path=path,
        actor=actor,
        file_name=name,
        assumed=assumed,
        choices=choices,
        limits=web_limits(),
        dry_run=dry_run,
    )


def _assumed(given: Any) -> Assumed:
    def choice(name: str, values: list[str]) -> str | None:
        value = given.get(name, "")
        if value and value not in values:
            raise InvalidInput(field=name, reason=value)
        return value or None

    kind = choice("kind", ExclusionArea.Kind.values)
    method = choice("method", ExclusionArea.Method.values)
    status = choice("status", ExclusionArea.Status.values)
    return Assumed(
        kind=ExclusionArea.Kind(kind) if kind else None,
        method=ExclusionArea.Method(method) if method else None,
        status=ExclusionArea.Status(status) if status else None,
        begins_on=parse_day(given.get("begins_on"), _("首日")),
        ends_on=parse_day(given.get("ends_on"), _("末日")),
    )
