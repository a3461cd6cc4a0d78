"""The page of each department's figures, with the map beside."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from parcels.models import ProjectAreaVersion
from portal.accounts.access import signed_in
from portal.accounts.models import Department, Role
from portal.accounts.queries import AnyUser, has_role
from portal.base.errors import NotFound
from portal.base.tables import table_file
from portal.casework.stage import sketch_config
from tickets.registry.models import CarbonTicket
from tickets.supervision.access import departments_of
from tickets.supervision.dashboards import figures_of, months_of

SHAPES = 300


def readable(user: AnyUser) -> list[Department]:
    """The departments whose figures the user may see: the own ones; the auditor's, all."""
    return list(Department) if has_role(user, Role.AUDITOR) else departments_of(user)


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the first department of the user."""
    mine = readable(signed_in(request))
    if not mine:
        raise NotFound()
    return redirect("supervision:dashboard", department=mine[0].value)


@login_required
@require_safe
@never_cache
def dashboard(request: HttpRequest, department: str) -> HttpResponse:
    """Figures, acts by month as a chart and as a table, and the issued forests."""
    mine = readable(signed_in(request))
    shown = next((one for one in mine if one.value == department), None)
    if shown is None:
        raise NotFound()
    versions = ProjectAreaVersion.objects.filter(
        pk__in=CarbonTicket.objects.standing().values("area_version")
    ).order_by("-pk")[:SHAPES]
    context = {
        "department": shown,
        "departments": mine,
        "figures": figures_of(shown),
        "months": months_of(shown),
        "sketch_config": sketch_config(
            [json.loads(one.geom_public.json) for one in versions if one.geom_public]
        ),
    }
    return render(request, "supervision/dashboard.html", context)


@login_required
@require_safe
def export(request: HttpRequest, department: str, form: str) -> HttpResponse:
    """The page's numbers as a file."""
    shown = next((one for one in readable(signed_in(request)) if one.value == department), None)
    if shown is None:
        raise NotFound()
    rows: list[tuple[str, str, str]] = [
        (str(one.label), one.value, "") for one in figures_of(shown)
    ]  # fmt: skip
    rows += [(f"{one.month:%Y-%m}", str(one.acts), str(one.steps)) for one in months_of(shown)]
    head = [_("指标或月份"), _("数值或登记事项"), _("办结环节")]
    return table_file(f"dashboard-{department}", form, head, rows)
