"""The market for everyone, and everybody's own work on it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.access import signed_in
from portal.accounts.models import Department
from portal.accounts.queries import works_in
from portal.base.tables import table_file
from tickets.market.access import in_centre, oversees
from tickets.market.chart import price_chart
from tickets.market.models import Listing, RetailPool
from tickets.market.operations import pool_left_kg
from tickets.market.prices import FEN_PER_YUAN
from tickets.market.queries import (
    deposits_in_hand,
    listings_of,
    market_figures,
    months,
    open_listings,
    open_pools,
    refunds_in_hand,
    settled_trades,
    tickets_to_offer,
    trades_of,
    unsettled_trades,
    waiting_listings,
    waiting_orders,
)

ROWS, RECENT = 50, 12


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """What is offered, what was dealt, at what price: without names."""
    series = months()
    page = Paginator(open_listings(), ROWS).get_page(request.GET.get("page"))
    context = {
        "figures": market_figures(),
        "page": page,
        "listings": [(listing, listing.left_kg()) for listing in page],
        "trades": settled_trades()[:RECENT],
        "pools": [(pool, pool_left_kg(pool)) for pool in open_pools()],
        "months": series,
        "chart": price_chart(series),
    }
    return render(request, "market/home.html", context)


@require_safe
@never_cache
def prices(request: HttpRequest, form: str) -> HttpResponse:
    """The price history to keep: as a drawing, or its numbers as a table."""
    series = months()
    if form == "svg":
        picture = render_to_string("market/_prices.html", {"chart": price_chart(series)})
        return HttpResponse(picture, content_type="image/svg+xml")
    head = [
        _("月份"),
        _("成交（笔）"),
        _("数量（千克）"),
        _("均价（元/吨，不含零售）"),
        _("金额（元）"),
    ]
    rows = [
        (f"{one.month:%Y-%m}", one.trades, one.quantity_kg,
         one.price_fen_per_tonne / FEN_PER_YUAN, one.amount_fen / FEN_PER_YUAN)
        for one in series
    ]  # fmt: skip
    return table_file("market-prices", form, head, rows)


@login_required
@require_safe
@never_cache
def work(request: HttpRequest) -> HttpResponse:
    """The centre's desk, and my own listings and trades."""
    user = signed_in(request)
    desk, wanted = oversees(user), request.GET.get("page")
    mine = Paginator(listings_of(user), ROWS).get_page(wanted)
    trades = Paginator(trades_of(user), ROWS).get_page(wanted)
    context = {
        "desk": desk,
        "serves": in_centre(user),
        "waiting": waiting_listings() if desk else [],
        "deposits": deposits_in_hand() if desk else [],
        "unsettled": unsettled_trades() if desk else [],
        "orders": waiting_orders() if desk else [],
        "refunds": refunds_in_hand() if desk else [],
        "ecology": works_in(user, Department.ECOLOGY),
        "pools": RetailPool.objects.filter(state__in=["prepared", "open"]).select_related(
            "listing"
        ),
        "poolless": Listing.objects.filter(method=Listing.Method.RETAIL, state="open").exclude(
            pools__state__in=["prepared", "open"]
        ),
        "tickets": [
            (ticket, ticket.blocks.free().quantity_kg()) for ticket in tickets_to_offer(user)[:ROWS]
        ],
        "mine": mine,
        "trades": trades,
        # One pager for both lists: the longer one's.
        "page": mine if mine.paginator.num_pages > trades.paginator.num_pages else trades,
    }
    return render(request, "market/work.html", context)
