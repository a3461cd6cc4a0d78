"""The page for developers: what is open, what a token opens, with examples that work as they stand."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from layers.registry import PUBLIC_LAYERS
from portal.accounts.models import ApiToken
from portal.base.policy import policy_number


@require_safe
def developers(request: HttpRequest) -> HttpResponse:
    """Examples carry this portal's own address, so that they can be copied."""
    context = {
        "root": request.build_absolute_uri("/").rstrip("/"),
        "layers": PUBLIC_LAYERS.values(),
        "scopes": ApiToken.Scope.choices,
        "requests_per_minute": int(policy_number("api.requests_per_minute")),
    }
    return render(request, "layers/developers.html", context)
