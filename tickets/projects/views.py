"""Pages of projects and applications."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tickets.projects.access import access_application
from tickets.projects.checklist import latest_result, period_text


@login_required
@require_safe
@never_cache
def application_page(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """One application: what was put forward and where it stands."""
    application = access_application(key, request.user)
    context = {
        "application": application,
        "project": application.project,
        "period": period_text(application.period),
        "result": latest_result(application),
        "steps": application.case.steps.order_by("order", "pk") if application.case else [],
    }
    return render(request, "projects/application.html", context)
