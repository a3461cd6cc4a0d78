"""What the report counts: acts by the one clock's year in Asia/Shanghai, without a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from portal.base.clock import CITY_TIME, now
from tickets.finance.models import FinanceRow, InsuranceClaim, InsurancePolicy
from tickets.market.models import Listing, RetailOrder, Trade
from tickets.market.prices import yuan
from tickets.market.queries import average_price
from tickets.offsets.models import Offset, Purpose
from tickets.registry.models import Cancellation, Pledge
from tickets.registry.moves import BlockState, EntryKind
from tickets.registry.quantities import tonnes
from tickets.registry.queries import register_totals
from tickets.supervision.models import Inspection
from tickets.supervision.queries import complaint_figures, justice_figures

# Kilograms of an act: what it brought onto another ticket, into another state, or under an order.
_ACTS = """
SELECT entry.kind, count(DISTINCT entry.id)::bigint,
       coalesce(sum(upper(part) - lower(part)) FILTER (
         WHERE (was.ticket_id, was.state, was.because_id, was.freezes)
               IS DISTINCT FROM (became.ticket_id, became.state, became.because_id, became.freezes)
       ), 0)::bigint
FROM registry_ledgerentry AS entry
LEFT JOIN registry_block AS became ON became.opened_by_id = entry.id
LEFT JOIN registry_block AS was ON was.closed_by_id = entry.id
     AND was.issuance_id = became.issuance_id AND was.kg && became.kg
CROSS JOIN LATERAL (SELECT coalesce(was.kg * became.kg, became.kg) AS part) AS cut
WHERE entry.recorded_at >= %(first)s AND entry.recorded_at < %(after)s
GROUP BY entry.kind
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the report; every cell a text."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Year:
    """A calendar year of the city, up to now where it is not over."""

    number: int

    @property
    def first(self) -> datetime:
        return datetime(self.number, 1, 1, tzinfo=CITY_TIME)

    @property
    def after(self) -> datetime:
        return datetime(self.number + 1, 1, 1, tzinfo=CITY_TIME)

    @property
    def counted_to(self) -> datetime:
        """The moment whose state the report shows."""
        return min(self.after, now().astimezone(CITY_TIME))

    def within(self, column: str) -> Q:
        return Q(**{f"{column}__gte": self.first, f"{column}__lt": self.after})


def sections_of(year: Year) -> list[Section]:
    """Every table, in the order of the regulation's chapters."""
    return [
        _register(year),
        _states(year),
        _market(year),
        _offsets(year),
        _cancellations(year),
        _finance(year),
        _justice(year),
        _complaints(year),
        _inspections(year),
    ]


def _register(year: Year) -> Section:
    with connection.cursor() as cursor:
        cursor.execute(_ACTS, {"first": year.first, "after": year.after})
        found = {kind: (count, kilograms) for kind, count, kilograms in cursor.fetchall()}
    rows = [
        (str(kind.label), str(count), tonnes(kilograms))
        for kind in EntryKind
        for count, kilograms in (found.get(kind.value, (0, 0)),)
        if count
    ]
    return Section(_("登记事项"), (_("事项"), _("件"), _("吨")), rows)


def _states(year: Year) -> Section:
    before, after = register_totals(year.first), register_totals(year.counted_to)
    rows = [
        (str(state.label), tonnes(before[state.value]), tonnes(after[state.value]))
        for state in BlockState
    ]
    return Section(_("减排量去向"), (_("状态"), _("年初（吨）"), _("年末（吨）")), rows)


def _market(year: Year) -> Section:
    trades = {
        method: (count, kilograms, fen)
        for method, count, kilograms, fen in Trade.objects.filter(
            year.within("ended_at"), state=Trade.State.SETTLED
        )
        .values_list("listing__method")
        .annotate(Count("pk"), Sum("quantity_kg"), Sum("amount_fen"))
    }
    orders = RetailOrder.objects.filter(
        year.within("ended_at"), state=RetailOrder.State.SETTLED
    ).aggregate(count=Count("pk"), kilograms=Sum("quantity_kg"), fen=Sum("amount_fen"))
    if orders["count"]:
        trades[Listing.Method.RETAIL.value] = tuple(orders.values())
    rows = [
        (str(method.label), str(count), tonnes(kilograms), yuan(average_price(fen, kilograms)),
         yuan(fen))
        for method in Listing.Method
        for count, kilograms, fen in (trades.get(method.value, (0, 0, 0)),)
    ]  # fmt: skip
    head = (_("方式"), _("成交（笔）"), _("吨"), _("均价（元/吨）"), _("金额（元）"))
    return Section(_("交易"), head, rows)


def _offsets(year: Year) -> Section:
    found = {
        purpose: (count, kilograms)
        for purpose, count, kilograms in Offset.objects.filter(year.within("signed_at"))
        .values_list("purpose")
        .annotate(Count("pk"), Sum("quantity_kg"))
    }
    rows = [
        (str(purpose.label), str(count), tonnes(kilograms))
        for purpose in Purpose
        for count, kilograms in (found.get(purpose.value, (0, 0)),)
    ]
    return Section(_("抵消"), (_("用途"), _("凭证"), _("吨")), rows)


def _cancellations(year: Year) -> Section:
    found = (
        Cancellation.objects.filter(year.within("made_at"))
        .values_list("reason")
        .annotate(Count("pk"), Sum("cancelled_kg"))
        .order_by("reason")
    )
    labels = dict(Cancellation._meta.get_field("reason").flatchoices)
    rows = [
        (str(labels.get(reason, reason)), str(count), tonnes(kilograms or 0))
        for reason, count, kilograms in found
    ]
    return Section(_("核减注销"), (_("原因"), _("件"), _("吨")), rows)


def _finance(year: Year) -> Section:
    days = (year.first.date(), year.counted_to.date())
    pledges = Pledge.objects.filter(begins_on__range=days).aggregate(
        count=Count("pk"), fen=Sum("amount_fen")
    )
    rows = [(_("质押贷款"), str(pledges["count"]), yuan(pledges["fen"] or 0))]
    products = FinanceRow.objects.filter(confirmed_by__isnull=False, begins_on__range=days)
    for kind in FinanceRow.Kind:
        sums = products.filter(kind=kind).aggregate(count=Count("pk"), fen=Sum("amount_fen"))
        rows.append((str(kind.label), str(sums["count"]), yuan(sums["fen"] or 0)))
    policies = InsurancePolicy.objects.filter(begins_on__range=days).aggregate(
        count=Count("pk"), fen=Sum("sum_fen")
    )
    claims = InsuranceClaim.objects.filter(year.within("made_at"), state="paid").aggregate(
        count=Count("pk"), fen=Sum("paid_fen")
    )
    rows.append((_("保险"), str(policies["count"]), yuan(policies["fen"] or 0)))
    rows.append((_("保险赔付"), str(claims["count"]), yuan(claims["fen"] or 0)))
    return Section(_("绿色金融"), (_("产品"), _("笔"), _("金额（元）")), rows)


def _justice(year: Year) -> Section:
    rows = [
        (_("办结案件"), str(one.cases), str(one.by_court), tonnes(one.quantity_kg))
        for one in justice_figures()
        if one.year == year.number
    ]
    head = (_("生态司法"), _("案件"), _("其中法院裁判"), _("抵消（吨）"))
    return Section(_("生态司法"), head, rows)


def _complaints(year: Year) -> Section:
    rows = [
        (one.label, str(one.received), str(one.answered), str(one.upheld), str(one.in_time))
        for one in complaint_figures(year.within("received_at"))
    ]
    head = (_("事由"), _("收到"), _("已答复"), _("属实"), _("按期答复"))
    return Section(_("举报"), head, rows)


def _inspections(year: Year) -> Section:
    signed = Inspection.objects.filter(year.within("signed_at"))
    rows = []
    for outcome in Inspection.Outcome:
        sums = signed.filter(outcome=outcome).aggregate(
            count=Count("pk"), kilograms=Sum("affected_kg")
        )
        rows.append((str(outcome.label), str(sums["count"]), tonnes(sums["kilograms"] or 0)))
    mended = signed.filter(mended=True).count()
    rows.append((_("整改已落实"), str(mended), ""))
    return Section(_("现场检查"), (_("结论"), _("次"), _("受影响（吨）")), rows)
