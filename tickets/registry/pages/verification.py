"""What ``/v/CODE/`` shows of tickets and uniqueness reports, the bureau's keys, the daily roots."""

from __future__ import annotations

import json

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from parcels.models import RuleRun
from portal.base.clock import now
from portal.base.numbers import grouped_code, parse_code
from portal.base.policy import policy_text
from portal.casework.stage import sketch_config
from portal.journal.models import Seal
from portal.journal.operations import record_event
from tickets.registry.face.signature import public_keys, signature_of
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import tonnes
from tickets.registry.queries import Standing, state_of
from tickets.registry.showing import bars, big_words, issued_on, period_of
from tickets.registry.verification.export import export_file

ROWS = 60
# What an outsider runs on the export: the standard library alone, explained in docs/verify.md.
SCRIPT = settings.ROOT / "docs" / "verify_export.py"
# How loud a state is said: whether the paper in hand is worth what it says.
TONES = {
    Standing.VALID: "valid",
    Standing.PARTLY_USED: "valid",
    Standing.LISTED: "held",
    Standing.PLEDGED: "held",
    Standing.FROZEN: "held",
    Standing.LOST: "held",
}


def find_ticket(code: str) -> CarbonTicket | None:
    """The ticket that a code means, forgiving how it was typed."""
    parsed = parse_code(code)
    return CarbonTicket.objects.filter(code=parsed).first() if parsed else None


def ticket_verification(request: HttpRequest, code: str) -> HttpResponse | None:
    """Today's state in large letters; no personal data. The page's script checks the signature."""
    ticket = find_ticket(code)
    if ticket is None:
        return None
    record_scan("ticket", ticket.pk)
    state = state_of(ticket)
    if state is None:
        return None
    version = ticket.area_version
    shape = version.shown_to_all
    first, last = period_of(ticket)
    signed = signature_of(ticket)
    context = {
        "ticket": ticket,
        "code": ticket.code,
        "grouped": grouped_code(ticket.code),
        "words": big_words(state),
        "tone": TONES.get(state.standing, "broken"),
        "standing": state.standing,
        "bars": bars(state),
        "frozen": tonnes(state.frozen_kg) if state.frozen_kg else "",
        "face_tonnes": tonnes(signed.quantity_kg),
        "issued_on": issued_on(ticket),
        "first": first,
        "last": last,
        "area_ha": f"{version.area_m2 / 10_000:,.1f}",
        "project": ticket.issuance.filing.application.project,
        "asked_at": now(),
        # Whoever closed it: a court, an order and a trade ask nobody for the paper, the register prevails.
        "papers_void": not ticket.is_open and ticket.prints.exists(),
        "notice": policy_text("notice.not_ccer"),
        "keys": public_keys(),
        "sketch_config": sketch_config([json.loads(shape.json)]),
    }
    return render(request, "registry/verify.html", context)


def report_verification(request: HttpRequest, code: str) -> HttpResponse | None:
    """A uniqueness report by its number (article 24)."""
    run = RuleRun.objects.filter(number=code.strip().upper()).exclude(number="").first()
    if run is None or run.subject != RuleRun.Subject.PROJECT:
        return None
    record_scan("uniqueness_report", run.key)
    shape = run.area_version.geom_public if run.area_version else None
    context = {
        "run": run,
        "filing": run.filings.first(),
        "sketch_config": sketch_config([json.loads(shape.json)] if shape else []),
        "notice": policy_text("notice.not_ccer"),
    }
    return render(request, "registry/report.html", context)


def record_scan(kind: str, key: object) -> None:
    """Every scan is an event of what was scanned; nothing of who scanned is kept."""
    record_event(subject_kind=kind, subject_key=str(key), verb="scanned", actor_key=None, facts={})


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The public halves of the keys that the bureau signs with."""
    return JsonResponse({"keys": public_keys()}, headers={"Access-Control-Allow-Origin": "*"})


@require_safe
def roots(request: HttpRequest) -> HttpResponse:
    """One root a day over every chain: who notes it can prove later that nothing was rewritten."""
    page = Paginator(Seal.objects.order_by("-day"), ROWS).get_page(request.GET.get("page"))
    rows = [
        {
            "day": seal.day,
            "sealed_at": seal.sealed_at,
            "heads": seal.heads,
            "root": bytes(seal.root).hex(),
            "previous": bytes(seal.previous_root).hex(),
        }
        for seal in page
    ]
    if "application/json" in request.headers.get("Accept", "") or "json" in request.GET:
        return JsonResponse({"roots": rows})
    return render(request, "registry/roots.html", {"page": page, "rows": rows})


@require_safe
def open_export(request: HttpRequest) -> FileResponse:
    """Every entry with its hash and the proofs up to the daily roots; keys, no names."""
    path = export_file()
    return FileResponse(path.open("rb"), as_attachment=True, content_type="application/jsonl")


@require_safe
def checking_script(request: HttpRequest) -> FileResponse:
    """The script that checks an export."""
    return FileResponse(SCRIPT.open("rb"), as_attachment=True, content_type="text/x-python")
