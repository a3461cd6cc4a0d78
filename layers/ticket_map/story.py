"""What happened on one area: its acts in order, its tickets as a tree, what to read and check."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
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
    last_entry_number,
    register_version,
    state_table,
    stream_of,
)

MOST_ACTS = 40
MOST_ROWS = 200  # Of tickets, and of documents: a pool of retail may have thousands.
DEEPEST = 6


@require_safe
def story(request: HttpRequest, area: uuid.UUID) -> HttpResponse:
    """``?at=``. All issues on the area's land, the newest acts first; everyone may know all of it."""
    at = parse_moment(only(request.GET, ("at",)).get("at", ""))
    issuances = issuances_on_land_of(area, at)
    if not issuances:
        raise NotFound()
    tag = f"story-{area}-{register_version()}-{last_entry_number(at)}-{get_language()}"
    headers, held = cacheable(request, tag)
    if held:
        return HttpResponseNotModified(headers=headers)
    found = CarbonTicket.objects.filter(issuance__in=issuances)
    if at is not None:
        found = found.filter(opened_at__lte=at)
    tickets = list(found.order_by("opened_by", "year", "serial"))
    acts = [act for issuance in issuances for act in acts_of(issuance, at)]
    acts.sort(key=lambda act: -act["entry"])
    family = family_rows(tickets, {one.pk: one.filing.number for one in issuances}, at)
    papers = documents(tickets, at)
    body = {
        "acts": acts[:MOST_ACTS],
        "more": max(0, len(acts) - MOST_ACTS),
        "family": family[:MOST_ROWS],
        "more_family": max(0, len(family) - MOST_ROWS),
        "documents": papers[:MOST_ROWS],
        "more_documents": max(0, len(papers) - MOST_ROWS),
    }
    return JsonResponse(body, headers=headers)


def issuances_on_land_of(area: uuid.UUID, at: datetime | None) -> list[Issuance]:
    """That of the identifier and those of other periods on the same land, the first one first."""
    found = Issuance.objects.filter(filing__area_version__filings__issuance__key=area)
    if at is not None:
        found = found.filter(made_at__lte=at)
    return list(found.select_related("filing").order_by("pk"))


def acts_of(issuance: Issuance, at: datetime | None) -> list[dict[str, Any]]:
    """One line an entry."""
    found: dict[int, dict[str, Any]] = {}
    for flow in stream_of(issuance, at):
        act = found.setdefault(
            flow.entry,
            {
                "entry": flow.entry,
                "filing": issuance.filing.number,
                "day": flow.recorded_at.astimezone(CITY_TIME).date().isoformat(),
                "kind": flow.kind,
                "label": str(EntryKind(flow.kind).label),
                "kg": 0,
            },
        )
        act["kg"] += flow.quantity_kg
    return list(found.values())


def family_rows(
    tickets: list[CarbonTicket], filings: Mapping[int, str], at: datetime | None
) -> list[dict[str, Any]]:
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
                "filing": filings[one.issuance_id],
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
