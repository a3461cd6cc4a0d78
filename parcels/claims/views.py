"""Exclusion areas on the web: the list, a file looked at before it is taken in, their status."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_GET, require_POST

from parcels.claims.exclusions import (
    LABELS,
    Assumed,
    TakenIn,
    move_exclusion,
    propose_columns,
    take_in_exclusions,
)
from parcels.claims.queries import last_day
from parcels.imports.access import access_imports
from parcels.imports.errors import UploadMissing
from parcels.imports.held import Held, held_file, hold_file, reading_of, refuse_guesses
from parcels.imports.uploads import receive_upload
from parcels.imports.views import parse_choices, parse_columns, upload_limit_mib, web_limits
from parcels.intake.reader import Choices, inspect_file
from parcels.models import ExclusionArea
from portal.accounts.models import User
from portal.base.answers import sent_once, typed_into
from portal.base.errors import InvalidInput, NotFound
from portal.base.parameters import parse_day

SAID = ("kind", "method", "status", "begins_on", "ends_on")
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
    """What a file would register, row by row, and how it was read, before anything is written.

    It is looked at again as often as somebody chooses another way to read it.
    """
    access_imports(request.user)
    held = _held(request)
    assumed, choices = _assumed(request.POST), parse_choices(request.POST)
    found = inspect_file(held.path, choices=choices, limits=web_limits())
    columns = parse_columns(request.POST, found, facts=LABELS, propose=propose_columns)
    context = {
        "outcome": _take_in(held, assumed, choices, columns, actor=None, dry_run=True),
        "facts": [(fact, label, columns.get(fact, "")) for fact, label in LABELS.items()],
        "names": [field.name for field in found.fields],
        "file_name": held.name,
        "held": held.word,
        "reading": reading_of(found),
        "given": request.POST.dict(),  # A QueryDict has an encoding of its own.
        "kept": {name: request.POST.get(name, "") for name in (*SAID, "seven_parameters")},
        "request_key": uuid.uuid4(),
    }
    return render(request, "parcels/exclusions/look.html", context)


def _held(request: HttpRequest) -> Held:
    """The file of the form, kept; or the one that waits."""
    if word := request.POST.get("held", ""):
        return held_file(word)
    sent = request.FILES.get("file")
    if sent is None:
        raise UploadMissing()
    with receive_upload(sent) as path:
        return hold_file(path, str(sent.name))


@login_required
@require_POST
@csrf_protect
def take_in(request: HttpRequest) -> HttpResponse:
    """Register what was looked at; CoordinateSystemOpen or EncodingOpen where it was a guess."""
    access_imports(request.user)
    held = held_file(request.POST.get("held", ""))
    assumed, choices = _assumed(request.POST), parse_choices(request.POST)
    found = inspect_file(held.path, choices=choices, limits=web_limits())
    refuse_guesses(found)
    columns = parse_columns(request.POST, found, facts=LABELS, propose=propose_columns)
    user = request.user
    assert isinstance(user, User)

    def act() -> dict[str, int]:
        outcome = _take_in(held, assumed, choices, columns, actor=user, dry_run=False)
        return {
            "n": outcome.registered,
            "unchanged": outcome.unchanged,
            "rejected": len(outcome.rejected),
        }

    counts = sent_once(
        request, "take_in_exclusions", typed_into(request), act, actor_key=user.key
    ).body
    messages.success(
        request,
        ngettext(
            "已登记 {n} 个排除范围，{unchanged} 个原已登记，{rejected} 个拒绝。",
            "已登记 {n} 个排除范围，{unchanged} 个原已登记，{rejected} 个拒绝。",
            counts["n"],
        ).format(**counts),
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
    held: Held,
    assumed: Assumed,
    choices: Choices,
    columns: dict[str, str],
    *,
    actor: User | None,
    dry_run: bool,
) -> TakenIn:
    return take_in_exclusions(
        path=held.path,
        actor=actor,
        file_name=held.name,
        assumed=assumed,
        choices=choices,
        columns=columns,
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
