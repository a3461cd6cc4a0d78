"""What happened on one area: its acts in order, its tickets as a tree, what to read and check."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from layers.ticket_map.views import cacheable
from portal.base.clock import CITY_TIME
from portal.base.errors import NotFound
from portal.base.parameters import only
from tickets.offsets.models import Offset
from tickets.registry.models import CarbonTicket, Issuance
from tickets.registry.moments import parse_moment
from tickets.registry.moves import EntryKind
from tickets.registry.queries import (
    Flow,
    last_entry_number,
    register_version,
    state_table,
    stream_of,
)

MOST_ACTS = 40
DEEPEST = 6


@require_safe
def story(request: HttpRequest, area: uuid.UUID) -> HttpResponse:
    """``?at=``. The newest acts first; everyone may know all of it."""
    at = parse_moment(only(request.GET, ("at",)).get("at", ""))
    issuance = Issuance.objects.filter(filing__area_version__key=area).first()
    if issuance is None or (at is not None and issuance.made_at > at):
        raise NotFound()
    tag = f"story-{area}-{register_version()}-{last_entry_number(at)}-{get_language()}"
    headers, held = cacheable(request, tag)
    if held:
        return HttpResponseNotModified(headers=headers)
    tickets = CarbonTicket.objects.filter(issuance=issuance).order_by("opened_by", "year", "serial")
    if at is not None:
        tickets = tickets.filter(opened_at__lte=at)
    acts = acts_of(stream_of(issuance, at))
    body = {
        "acts": acts[:MOST_ACTS],
        "more": max(0, len(acts) - MOST_ACTS),
        "family": family_rows(list(tickets), at),
        "documents": documents(list(tickets), at),
    }
    return JsonResponse(body, headers=headers)


def acts_of(flows: list[Flow]) -> list[dict[str, Any]]:
    """One line an entry, the newest first."""
    found: dict[int, dict[str, Any]] = {}
    for flow in flows:
        act = found.setdefault(
            flow.entry,
            {
                "entry": flow.entry,
                "day": flow.recorded_at.astimezone(CITY_TIME).date().isoformat(),
                "kind": flow.kind,
                "label": str(EntryKind(flow.kind).label),
                "kg": 0,
            },
        )
        act["kg"] += flow.quantity_kg
    return sorted(found.values(), key=lambda act: -act["entry"])


def family_rows(tickets: list[CarbonTicket], at: datetime | None) -> list[dict[str, Any]]:
    """Depth first, so that a list with indents reads as a tree."""
    states = {row.key: row for row in state_table(at, [one.pk for one in tickets])}
    children: dict[uuid.UUID | None, list[CarbonTicket]] = defaultdict(list)
    for one in tickets:
        children[one.parent_id].append(one)
    found: list[dict[str, Any]] = []
    # A chain of a thousand transfers is deeper than Python likes to call itself.
    waiting = [(one, 0) for one in reversed(children[None])]
    while waiting:
        one, depth = waiting.pop()
        state = states[one.pk]
        found.append(
            {
                "number": one.number,
                "depth": min(depth, DEEPEST),
                "state": state.standing.value,
                "label": str(state.standing.label),
                "kg": state.total_kg,
            }
        )
        waiting += [(child, depth + 1) for child in reversed(children[one.pk])]
    return found


def documents(tickets: list[CarbonTicket], at: datetime | None) -> list[dict[str, str]]:
    """What everyone may open: the check of each ticket that is in circulation, and certificates."""
    found = [
        {
            "label": _("查验 {number}").format(number=one.number),
            "url": reverse("site:verify", args=[one.code]),
        }
        for one in tickets
        if one.closed_at is None or (at is not None and one.closed_at > at)
    ]
    offsets = Offset.objects.filter(ticket__in=tickets).order_by("number")
    if at is not None:
        offsets = offsets.filter(signed_at__lte=at)
    found += [
        {
            "label": _("抵消凭证 {number}").format(number=one.number),
            "url": reverse("offsets:offset", args=[one.number]),
        }
        for one in offsets
    ]
    return found
