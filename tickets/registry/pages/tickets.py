"""The public register, a ticket's page, its face, and the table of states for the map."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department, Mandate, Role
from portal.accounts.queries import (
    AnyUser,
    acts_for_any,
    has_role,
    is_staff_reader,
    parties_acted_for,
    works_in,
)
from portal.base.addresses import public_url
from portal.base.answers import answer_refused, pressed_once, sent_once
from portal.base.clock import today
from portal.base.errors import NotFound, PortalError
from portal.base.negotiation import has_etag, pack, packing
from portal.base.numbers import grouped_code
from portal.base.parameters import only
from portal.base.policy import policy_text
from portal.casework.models import Document
from portal.casework.stage import sketch_config
from tickets.registry.access import (
    access_held_ticket,
    access_ticket,
    may_read_registration,
    may_read_request,
    may_see_exactly,
    owners_of,
    readable_registrations,
)
from tickets.registry.acts import ACTS
from tickets.registry.errors import RegistryError
from tickets.registry.face.paper import face_pdf
from tickets.registry.models import (
    CarbonTicket,
    Debt,
    FreezeOrder,
    PrintedFace,
    PrintReturn,
    Registration,
    TicketPrint,
    TicketShare,
)
from tickets.registry.moments import parse_moment
from tickets.registry.moves import BlockState
from tickets.registry.operations import Kind
from tickets.registry.operations.asking import SUBJECT, mark_paper, print_ticket, take_in_paper
from tickets.registry.panels import panels_of
from tickets.registry.quantities import tonnes
from tickets.registry.queries import (
    TicketState,
    acts_on,
    bodies_acted_for,
    claim_may_end,
    days_left,
    debts,
    family_of,
    issued_with,
    marks_due,
    newest_entry,
    ordered_by,
    orders_in_force,
    outstanding_prints,
    register_totals,
    register_version,
    retired_by,
    running_notices,
    state_columns,
    state_of,
    state_table,
    stream_of,
)
from tickets.registry.querysets import standing_at
from tickets.registry.ranks import ranks_on
from tickets.registry.showing import (
    act_line,
    area_facts,
    bars,
    big_words,
    debt_rows,
    face_kg,
    face_kg_of_all,
    flows_by_entry,
    holders,
    holders_of_all,
    issued_on,
    order_line,
    period_of,
)
from tickets.registry.stream import stream_svg

ROWS = 30
ACT_ROWS = 50
FAMILY_ROWS = 100  # Before a ticket, and after it: a pool of retail may have thousands.
# What an owner may ask for on a ticket's page, and what the office alone registers.
OWNERS_ACTS = (
    Kind.SALE, Kind.GIFT, Kind.INHERITANCE, Kind.MERGER, Kind.COMPANY_DIVISION, Kind.DIVIDE,
    Kind.PLEDGE, Kind.LOSS, Kind.CORRECT, Kind.CHANGE, Kind.RENUMBER,
)  # fmt: skip
OFFICE_ACTS = (Kind.COURT, Kind.FREEZE)


def moment_of(request: HttpRequest) -> datetime | None:
    """``?at=`` a day (its end in Shanghai) or a moment; None is now."""
    return parse_moment(request.GET.get("at", "").strip())


# --- the register -------------------------------------------------------------------------------
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Every ticket, searched by number or project, with the sums of the register; mine first."""
    at = moment_of(request)
    found = CarbonTicket.objects.select_related("issuance__filing__application__project").order_by(
        "-year", "-serial"
    )
    if at is not None:
        found = found.filter(opened_at__lte=at)
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    if words:
        found = found.filter(number__icontains=words) | found.filter(
            issuance__filing__application__project__name__icontains=words
        )
    mine = "mine" in request.GET and request.user.is_authenticated
    if mine:
        own = TicketShare.objects.filter(standing_at(at), party__in=parties_acted_for(request.user))
        found = found.filter(pk__in=own.values("ticket"))
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    states = {row.key: row for row in state_table(at, [ticket.pk for ticket in page])}
    owners = holders_of_all({ticket.pk: ticket for ticket in page}, at, masked=True)
    totals = register_totals(at)
    context = {
        "page": page,
        "rows": [
            {
                "ticket": ticket,
                "state": states.get(ticket.pk),
                "words": big_words(states[ticket.pk]) if ticket.pk in states else "",
                "bars": bars(states[ticket.pk]) if ticket.pk in states else [],
                "tonnes": tonnes(states[ticket.pk].total_kg) if ticket.pk in states else "0",
                "project": ticket.issuance.filing.application.project,
                "holders": owners[ticket.pk],
            }
            for ticket in page
        ],
        "totals": [(name, tonnes(kilograms)) for name, kilograms in _named(totals)],
        "q": words,
        "mine": mine,
        "at": request.GET.get("at", ""),
        "notices": running_notices(),
    }
    return render(request, "registry/register.html", context)


def _named(totals: dict[str, int]) -> list[tuple[str, int]]:
    return [(str(BlockState(state).label), kilograms) for state, kilograms in totals.items()]


# --- one ticket ---------------------------------------------------------------------------------
@require_safe
@never_cache
def ticket_page(request: HttpRequest, number: str) -> HttpResponse:
    """Facts, map, state, and the stream of its kilograms; the holder masked for the public."""
    return _ticket_shown(request, access_ticket(number))


def _ticket_shown(
    request: HttpRequest, ticket: CarbonTicket, refusal: PortalError | None = None
) -> HttpResponse:
    """The ticket's page, as it stands when an act on its papers was refused too."""
    at = moment_of(request)
    if at is not None and ticket.opened_at > at:
        raise NotFound()
    exact = may_see_exactly(ticket, request.user)
    facts = _facts(ticket, at, exact)
    context = {
        "panels": panels_of(ticket, request.user),
        "ticket": ticket,
        "exact": exact,
        "at": request.GET.get("at", ""),
        **facts,
        **_history(request, ticket, at),
        "notice": policy_text("notice.not_ccer"),
        # What is done is done today.
        **({} if at else _dealings(request, ticket, facts["state"], exact)),
        "refusal": refusal,
    }
    return answer_refused(render(request, "registry/ticket.html", context), refusal)


def _facts(ticket: CarbonTicket, at: datetime | None, exact: bool) -> dict[str, Any]:
    """What the ticket says and how it stands; the land to a tenth of a hectare for the public."""
    state = state_of(ticket, at)
    version = ticket.area_version
    shape = version.geom if exact else version.shown_to_all
    filing = ticket.issuance.filing
    hectares, mu = area_facts(version.area_m2)
    first, last = period_of(ticket)
    return {
        "state": state,
        "words": big_words(state) if state else "",
        "bars": bars(state) if state else [],
        "frozen": tonnes(state.frozen_kg) if state and state.frozen_kg else "",
        "face_tonnes": tonnes(face_kg(ticket)),
        "holders": holders(ticket, at, masked=not exact),
        "project": filing.application.project,
        "filing": filing,
        "hectares": hectares if exact else f"{version.area_m2 / 10_000:,.1f}",
        "mu": mu if exact else f"{round(version.area_m2 / 10_000, 1) * 15:,.1f}",
        "first": first,
        "last": last,
        "issued_on": issued_on(ticket),
        "code": grouped_code(ticket.code),
        "verify": reverse("site:verify", args=[ticket.code]),
        "sketch_config": sketch_config([json.loads(shape.json)]),
    }


def _history(request: HttpRequest, ticket: CarbonTicket, at: datetime | None) -> dict[str, Any]:
    """The tree of its kin, the stream of their kilograms, and one page of its acts."""
    flows = stream_of(ticket.issuance, at)
    issued = issued_with(ticket, at)
    family = family_of(ticket, issued)
    kin = {one.pk for one in family}
    nearest = _nearest(family, ticket)
    numbers: dict[Any, str] = {key: one.number for key, one in issued.items()}
    mine = [flow for flow in flows if flow.from_ticket in kin or flow.to_ticket in kin]
    pages = Paginator(acts_on(ticket, at), ACT_ROWS)
    page = pages.get_page(request.GET.get("page") or pages.num_pages)  # The newest first seen.
    acts = list(page)
    moved, retired, orders = flows_by_entry(flows), retired_by(acts), ordered_by(acts)
    return {
        "tree": family_tree(nearest, ticket, at),
        "more_family": len(family) - len(nearest),
        # Our own SVG: every text in it went through ElementTree.
        "stream": mark_safe(stream_svg(mine, numbers, subject=ticket.pk)),  # noqa: S308
        "acts": [
            (
                entry,
                act_line(entry, moved.get(entry.pk, ()), numbers),
                retired.get(entry.pk),
                order_line(orders[entry.pk]) if entry.pk in orders else "",
            )
            for entry in acts
        ],
        "page": page,
        "readable": readable_registrations([entry.registration for entry in acts], request.user),
    }


def _nearest(family: list[CarbonTicket], subject: CarbonTicket) -> list[CarbonTicket]:
    """The tickets that the subject comes from last, it itself, and the first that came of it."""
    place = next(at for at, one in enumerate(family) if one.pk == subject.pk)
    return family[max(0, place - FAMILY_ROWS) : place + 1 + FAMILY_ROWS]


def family_tree(
    family: list[CarbonTicket], subject: CarbonTicket, at: datetime | None
) -> list[dict[str, Any]]:
    """Parents before children, each with its depth and what is left on it."""
    states = {row.key: row for row in state_table(at, [one.pk for one in family])}
    faces = face_kg_of_all(family)
    depth: dict[Any, int] = {}
    rows = []
    for one in family:
        depth[one.pk] = depth.get(one.parent_id, -1) + 1
        rows.append({"ticket": one, "here": one.pk == subject.pk, "parent": one.parent_id,
                     "depth": min(depth[one.pk], 8), "words": big_words(states[one.pk]),
                     "tonnes": tonnes(faces[one.pk])})  # fmt: skip
    return _in_order(rows)


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Depth first, so that a list with indents reads as a tree; however often a ticket was passed on."""
    under: dict[Any, list[dict[str, Any]]] = {}
    keys = {row["ticket"].pk for row in rows}
    for row in rows:
        under.setdefault(row["parent"] if row["parent"] in keys else None, []).append(row)
    found: list[dict[str, Any]] = []
    left = under.pop(None, [])[::-1]
    while left:
        row = left.pop()
        found.append(row)
        left += under.pop(row["ticket"].pk, [])[::-1]
    return found


def _dealings(
    request: HttpRequest, ticket: CarbonTicket, state: TicketState | None, exact: bool
) -> dict[str, Any]:
    """What the reader may see and do besides: pledges, orders, papers, forms."""
    user = request.user
    owns = acts_for_any(user, owners_of(ticket), Mandate.Scope.APPLY)
    clerk = has_role(user, Role.CLERK, Department.FORESTRY)
    kinds = [*(OWNERS_ACTS if owns else ()), *(OFFICE_ACTS if clerk else ())]
    notice = ticket.loss_notices.order_by("-pk").first()
    orders = orders_in_force(ticket)
    return {
        "owns": owns and ticket.is_open,
        "clerk": clerk,
        "asks": [ACTS[kind] for kind in kinds] if ticket.is_open else [],
        "claim_may_end": clerk and claim_may_end(ticket.issuance),
        "pledges": _pledges_shown(user, ticket, exact),
        "orders": orders if exact else [],
        "debts": debt_rows(_debts_shown(user, ticket)),
        "loss": notice if notice and ticket.is_open and notice.order in orders else None,
        "loss_days": days_left(notice.ends_on, today()) if notice else 0,
        **_papers(ticket, exact, clerk),
        "request_key": uuid.uuid4(),
        "may_print": exact and (owns or works_in(user, Department.FORESTRY)),
        "prints_now": ticket.is_open
        and not any(order.kind == FreezeOrder.Kind.LOSS for order in orders)
        and not (state and state.listed_kg),
        **_under_way(user, ticket, exact),
    }


def _pledges_shown(user: AnyUser, ticket: CarbonTicket, exact: bool) -> list[dict[str, Any]]:
    """The ranks on the ticket, for who sees it exactly and for the banks that hold one of them."""
    ranks = ranks_on(ticket)
    if not ranks:
        return []
    banks = bodies_acted_for(user, Mandate.Scope.APPLY)
    if not exact and not any(rank.pledge.pledgee_id in banks for rank in ranks):
        return []
    return [
        {
            "pledge": rank.pledge,
            "tonnes": tonnes(rank.standing_kg),
            "live": rank.standing_kg > 0,
            "waits": tonnes(rank.waiting_kg) if rank.waiting_kg else "",
            "mine": rank.pledge.pledgee_id in banks,
        }
        for rank in ranks
    ]


def _papers(ticket: CarbonTicket, exact: bool, clerk: bool) -> dict[str, Any]:
    """The printings, and what the clerk may take in or mark of them."""
    due = marks_due(ticket) if clerk else []
    prints = ticket.prints.select_related("made_by", "taken_in").prefetch_related("marks__entry")
    return {
        "prints": prints.order_by("number") if exact else [],
        "takes_in": PrintReturn.State.choices if clerk and outstanding_prints(ticket) else [],
        "marks_due": due,
        "acts_due": list(dict.fromkeys(entry for _printing, entry in due)),
    }


def _under_way(user: AnyUser, ticket: CarbonTicket, exact: bool) -> dict[str, Any]:
    """What was asked for and waits, as far as the reader may open it, and the papers that came with it."""
    prepared = ticket.registrations.filter(state=Registration.State.PREPARED)
    waiting = ticket.requests.filter(state="waiting")
    documents = Document.objects.filter(
        subject_kind=SUBJECT, subject_key__in=ticket.requests.values("key")
    )
    return {
        "registrations": [
            one for one in prepared.select_related("ticket") if may_read_registration(one, user)
        ],
        "requests": [
            one
            for one in waiting.select_related("ticket", "pledgee")
            if may_read_request(one, user)
        ],
        "documents": documents.order_by("pk") if exact else [],
    }


def _debts_shown(user: AnyUser, ticket: CarbonTicket) -> list[Debt]:
    """What orders on its issuance left owed: all for those who serve, else the reader's own."""
    found = list(debts(cancellation__issuance=ticket.issuance_id))
    if not found or is_staff_reader(user):
        return found
    bodies = bodies_acted_for(user)
    return [debt for debt in found if debt.party_id in bodies]


# --- the face -----------------------------------------------------------------------------------
@login_required
@require_safe
@never_cache
def face(request: HttpRequest, number: str) -> HttpResponse:
    """The electronic face as PDF, as it stands after the last act on the ticket."""
    ticket = access_held_ticket(number, request.user)
    entry = acts_on(ticket).last()
    if entry is None:
        raise NotFound()
    data = face_pdf(ticket, as_of=entry, address=_qr_target(request, ticket))
    return _pdf(data, f"{ticket.number}.pdf")


@login_required
@require_POST
def make_print(request: HttpRequest, number: str) -> HttpResponse:
    """A numbered printing, which gives the same bytes whenever it is opened."""
    user = signed_in(request)
    ticket = access_held_ticket(number, user)
    entry = acts_on(ticket).last()
    if entry is None:
        raise NotFound()
    answer = sent_once(
        request,
        "print_ticket",
        ticket.number,
        lambda: (
            print_ticket(
                ticket=ticket, as_of=entry, address=_qr_target(request, ticket), actor=user
            ).number
        ),
        actor_key=user.key,
    )
    messages.success(request, _("已登记第 {n} 次印制。").format(n=answer.body))
    return redirect("registry:ticket", number=ticket.number)


@login_required
@require_POST
def take_in_prints(request: HttpRequest, number: str) -> HttpResponse:
    """The clerk notes that the outstanding papers came back, or were marked."""
    user = signed_in(request)
    ticket = access_held_ticket(number, user)
    state = request.POST.get("state", "")
    if state not in PrintReturn.State.values:
        raise NotFound()
    try:
        pressed_once(
            request,
            "take_in_paper",
            lambda: len(take_in_paper(ticket=ticket, state=PrintReturn.State(state), actor=user)),
            actor_key=user.key,
        )
    except RegistryError as refusal:
        return _ticket_shown(request, ticket, refusal)
    messages.success(request, _("已登记纸质碳票的交回或标记。"))
    return redirect("registry:ticket", number=ticket.number)


@login_required
@require_POST
def mark_prints(request: HttpRequest, number: str) -> HttpResponse:
    """The clerk notes that the acts that the page showed are on the papers."""
    user = signed_in(request)
    ticket = access_held_ticket(number, user)
    shown = [_mark_shown(value) for value in request.POST.getlist("mark")]
    try:
        pressed_once(
            request,
            "mark_paper",
            lambda: len(mark_paper(ticket=ticket, shown=shown, actor=user)),
            actor_key=user.key,
        )
    except RegistryError as refusal:
        return _ticket_shown(request, ticket, refusal)
    messages.success(request, _("已登记纸质碳票的批注。"))
    return redirect("registry:ticket", number=ticket.number)


@login_required
@require_safe
@never_cache
def printed(request: HttpRequest, number: str, n: int) -> HttpResponse:
    """One printing again."""
    ticket = access_held_ticket(number, request.user)
    made = TicketPrint.objects.filter(ticket=ticket, number=n).select_related("as_of").first()
    if made is None:
        raise NotFound()
    kept = PrintedFace.objects.filter(printing=made).first()
    data = bytes(kept.pdf) if kept is not None else face_pdf(
        ticket, as_of=made.as_of, address=_qr_target(request, ticket), print_number=n
    )  # fmt: skip
    return _pdf(data, f"{ticket.number}-{n}.pdf")


def _mark_shown(value: str) -> tuple[int, int]:
    """A paper's number and an act's, as the form carries them."""
    found = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,18})", value)
    if found is None:
        raise NotFound()
    return int(found[1]), int(found[2])


def _qr_target(request: HttpRequest, ticket: CarbonTicket) -> str:
    return public_url(request, reverse("site:verify", args=[ticket.code]))


def _pdf(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type="application/pdf")
    header = content_disposition_header(False, name)
    if header:
        response.headers["Content-Disposition"] = header
    return response


# --- the map's table of states ------------------------------------------------------------------
@require_safe
def states(request: HttpRequest) -> HttpResponse:
    """Every ticket's kilograms by state, column by column, now or ``?at=``; the same until the next entry.

    Which shape a ticket is on is in the map's facts, and does not change.
    """
    at = parse_moment(only(request.GET, ("at",)).get("at", ""))
    version, encoding = register_version(at), packing(request)
    moment = "now" if at is None else int(at.timestamp())
    headers = {
        "ETag": f'"{version}-{moment}-{encoding}"',
        "Cache-Control": "public, no-cache",
        "Vary": "Accept-Encoding",
    }
    if has_etag(request, headers["ETag"]):
        return HttpResponseNotModified(headers=headers)
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    body = packed_states(at, version, newest_entry(at), encoding)
    return HttpResponse(body, content_type="application/json", headers=headers)


@lru_cache(maxsize=64)
def packed_states(
    at: datetime | None, version: int, newest: tuple[int, bytes], encoding: str
) -> bytes:
    """The table as it travels, made once for each version of the register and its newest entry."""
    body = {
        "at": at.isoformat() if at else None,
        "entry": newest[0],
        "totals": register_totals(at),
        "tickets": state_columns(at),
    }
    return pack(orjson.dumps(body), encoding)
