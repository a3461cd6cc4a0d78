"""``/v/CODE/``: what a QR code opens. One line for each kind of paper that carries a code."""

from __future__ import annotations

from collections.abc import Callable

from axes.helpers import get_client_ip_address
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.accounts.models import Attempt
from portal.accounts.operations import note_attempt
from portal.base.numbers import is_number, parse_code
from tickets.offsets.views import offset_verification
from tickets.projects.views import verification_page as filing
from tickets.registry.pages.verification import report_verification, ticket_verification

# Each answers its page, or None when the code is not one of its kind.
PAGES: tuple[Callable[[HttpRequest, str], HttpResponse | None], ...] = (
    ticket_verification,
    filing,
    offset_verification,
    report_verification,
)


@require_safe
def verify(request: HttpRequest, code: str) -> HttpResponse:
    """The paper's page; a code that belongs to nothing is told so plainly (404).

    Counted against its source, right or wrong: codes are not to be tried out.
    """
    # A uniqueness report has no code of its own: its number is as good.
    parsed = parse_code(code) or (code.upper() if is_number(code.upper()) else None)
    if parsed is not None and parsed != code:
        return redirect("site:verify", code=parsed)  # Where it is counted.
    note_attempt(kind=Attempt.Kind.SCAN, source=str(get_client_ip_address(request)))
    for page in PAGES if parsed else ():
        answer = page(request, code)
        if answer is not None:
            return answer
    return render(request, "site/verify.html", {"code": code}, status=404)


@require_safe
def verify_form(request: HttpRequest) -> HttpResponse:
    """Type a code from paper."""
    code = request.GET.get("code", "").strip()
    if code:
        return redirect("site:verify", code=(parse_code(code) or code)[:60])
    return render(request, "site/verify.html", {"code": ""})
