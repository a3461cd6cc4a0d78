"""Reads of the market: what is offered, what was dealt, and its figures without names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import BooleanField, Case, Q, QuerySet, When

from portal.accounts.models import Mandate
from portal.accounts.queries import AnyUser, parties_acted_for
from portal.base.clock import PortalNow, today
from tickets.market.models import (
    Deposit,
    Listing,
    ReserveContract,
    RetailOrder,
    RetailPool,
    Trade,
)
from tickets.registry.models import CarbonTicket, TicketShare
from tickets.registry.quantities import KG_PER_TONNE
from tickets.registry.queries import bodies_acted_for


@dataclass(frozen=True, slots=True)
class Month:
    """One month's registered trades and certified retail orders; ``traded`` are the former alone."""

    month: date
    trades: int
    quantity_kg: int
    amount_fen: int
    traded_kg: int
    traded_fen: int

    @property
    def price_fen_per_tonne(self) -> int:
        """The trades' mean: what a visitor pays for some kilograms is no market price."""
        return average_price(self.traded_fen, self.traded_kg)


def average_price(amount_fen: int, quantity_kg: int) -> int:
    """Weighted by quantity, half a fen rounded up; 0 where nothing was dealt."""
    if quantity_kg == 0:
        return 0
    return (amount_fen * KG_PER_TONNE + quantity_kg // 2) // quantity_kg


_MONTHS = """
SELECT date_trunc('month', ended_at AT TIME ZONE 'Asia/Shanghai')::date, count(*)::bigint,
       sum(quantity_kg)::bigint, sum(amount_fen)::bigint,
       coalesce(sum(quantity_kg) FILTER (WHERE traded), 0)::bigint,
       coalesce(sum(amount_fen) FILTER (WHERE traded), 0)::bigint
FROM (SELECT ended_at, quantity_kg, amount_fen, true AS traded
      FROM market_trade WHERE state = 'settled'
      UNION ALL
      SELECT ended_at, quantity_kg, amount_fen, false
      FROM market_retailorder WHERE state = 'settled') AS dealt
WHERE %(until)s::timestamptz IS NULL OR ended_at <= %(until)s
GROUP BY 1 ORDER BY 1
"""


def months(until: datetime | None = None) -> list[Month]:
    """Price and volume by the month of registration (Asia/Shanghai), to date or to a moment."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, {"until": until})
        return [Month(*row) for row in cursor.fetchall()]


def settled_trades(since: datetime | None = None) -> QuerySet[Trade]:
    """What was registered, the newest first."""
    found = Trade.objects.filter(state=Trade.State.SETTLED).select_related("listing__ticket")
    if since is not None:
        found = found.filter(ended_at__gte=since)
    return found.order_by("-ended_at", "-pk")


_OVERDUE = Q(paid_at__isnull=False, disputed_at__isnull=True, confirm_by__lt=PortalNow())


def market_figures() -> dict[str, int]:
    """Sum of everything dealt, retail included; the trades' mean and the last one's price, as the chart
    has them; what is offered."""
    series = months()
    quantity_kg = sum(month.quantity_kg for month in series)
    amount_fen = sum(month.amount_fen for month in series)
    last = settled_trades().first()
    return {
        "trades": sum(month.trades for month in series),
        "quantity_kg": quantity_kg,
        "amount_fen": amount_fen,
        "price_fen": average_price(
            sum(month.traded_fen for month in series), sum(month.traded_kg for month in series)
        ),
        "last_fen": last.price_fen_per_tonne if last else 0,
        "listed_kg": _listed_kg(),
    }


def _listed_kg() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(upper(kg) - lower(kg)), 0)::bigint FROM registry_block "
            "WHERE state = 'listed' AND closed_by_id IS NULL"
        )
        found: int = cursor.fetchone()[0]
    return found


def open_listings() -> QuerySet[Listing]:
    """What everyone may see on offer, what ends first above."""
    return (
        Listing.objects.filter(state=Listing.State.OPEN)
        .exclude(method=Listing.Method.AGREEMENT)
        .select_related("ticket", "cause")
        .order_by("closes_at")
    )


def waiting_listings() -> QuerySet[Listing]:
    """What waits for the centre, the oldest first."""
    return (
        Listing.objects.filter(state__in=[Listing.State.ASKED, Listing.State.PREPARED])
        .select_related("ticket", "asked_by", "prepared_by", "buyer")
        .order_by("asked_at")
    )


def open_pools() -> QuerySet[RetailPool]:
    """Where small amounts may be bought today."""
    day = today()
    return (
        RetailPool.objects.filter(
            state=RetailPool.State.OPEN,
            begins_on__lte=day,
            ends_on__gte=day,
            listing__state=Listing.State.OPEN,
        )
        .select_related("listing__ticket")
        .order_by("pk")
    )


def waiting_orders() -> QuerySet[RetailOrder]:
    """Orders that wait for the cashier."""
    return (
        RetailOrder.objects.filter(state=RetailOrder.State.WAITING)
        .select_related("listing", "beneficiary")
        .order_by("pay_by")
    )


def refunds_in_hand() -> list[RetailOrder | Trade]:
    """Deals whose money is looked for, or is to be given back, what ended first above."""
    orders = RetailOrder.objects.filter(state=RetailOrder.State.REFUND)
    trades = Trade.objects.filter(state=Trade.State.REFUND)
    found: list[RetailOrder | Trade] = [
        *orders.select_related("beneficiary"),
        *trades.select_related("buyer"),
    ]
    return sorted(found, key=lambda deal: deal.ended_at or deal.pay_by)


def contracts_of(user: AnyUser) -> QuerySet[ReserveContract]:
    """Reserve contracts of either side that ``user`` acts for, or that merged into such a one."""
    parties = bodies_acted_for(user)
    return (
        ReserveContract.objects.filter(Q(body__in=parties) | Q(owner__in=parties))
        .select_related("body", "owner")
        .order_by("-proposed_at")
    )


def deposits_in_hand() -> QuerySet[Deposit]:
    """What waits for the centre: evidence to confirm, and what is to be returned after a bidding."""
    waiting = Q(state=Deposit.State.WAITING)
    over = Q(state=Deposit.State.ACCEPTED, listing__state=Listing.State.ENDED)
    found = Q(state=Deposit.State.REFUSED) & ~Q(payment_number="")
    return (
        Deposit.objects.filter(waiting | over | found)
        .select_related("listing", "bidder")
        .order_by("pk")
    )


def unsettled_trades() -> QuerySet[Trade]:
    """What waits for payment, receipt or a decision; first what the cashier let wait too long."""
    overdue = Case(When(_OVERDUE, then=True), default=False, output_field=BooleanField())
    return (
        Trade.objects.filter(state=Trade.State.AGREED)
        .annotate(is_overdue=overdue)
        .select_related("listing__ticket", "buyer")
        .order_by("-is_overdue", "pay_by")
    )


def overdue_trades() -> QuerySet[Trade]:
    """Paid, say their buyers, and not looked at within the cashier's term."""
    return Trade.objects.filter(_OVERDUE, state=Trade.State.AGREED)


def unpaid_in_time(listing: Listing) -> QuerySet[Trade]:
    """Whose term of payment passed, even if money came later."""
    states = [Trade.State.LAPSED, Trade.State.REFUND, Trade.State.REFUNDED]
    return Trade.objects.filter(listing=listing, state__in=states, disputed_at__isnull=True)


def tickets_to_offer(user: AnyUser) -> QuerySet[CarbonTicket]:
    """Open tickets of the parties that ``user`` disposes for."""
    parties = parties_acted_for(user, Mandate.Scope.DISPOSE)
    shares = TicketShare.objects.filter(party__in=parties, closed_by__isnull=True)
    return CarbonTicket.objects.standing().filter(pk__in=shares.values("ticket")).order_by("number")


def listings_of(user: AnyUser) -> QuerySet[Listing]:
    """Listings whose seller or named buyer ``user`` acts for, in the place of one that ceased too, the
    newest first."""
    parties = bodies_acted_for(user)
    shares = TicketShare.objects.filter(party__in=parties)
    selling = Listing.objects.filter(ticket__in=shares.values("ticket"))
    buying = Listing.objects.filter(buyer__in=parties)
    return (selling | buying).select_related("ticket", "buyer").distinct().order_by("-asked_at")


def trades_of(user: AnyUser) -> QuerySet[Trade]:
    """Trades of either side that ``user`` acts for, in the place of one that ceased too, the newest
    first."""
    parties = bodies_acted_for(user)
    shares = TicketShare.objects.filter(party__in=parties)
    return (
        (
            Trade.objects.filter(buyer__in=parties)
            | Trade.objects.filter(listing__ticket__in=shares.values("ticket"))
        )
        .select_related("listing__ticket", "buyer")
        .distinct()
        .order_by("-agreed_at")
    )
