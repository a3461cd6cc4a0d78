"""The live check: one question, one JSON answer; nothing is written."""

from __future__ import annotations

import orjson
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from parcels.rules.bodies import read_body
from parcels.rules.live import answer, read_question


@csrf_exempt  # It changes nothing, and its answer is no other site's to read.
@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """``POST /api/rules/check/``: what every rule says of a shape that is being drawn."""
    question = read_question(read_body(request), request.user)
    return HttpResponse(
        orjson.dumps(answer(question, request.user)),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
