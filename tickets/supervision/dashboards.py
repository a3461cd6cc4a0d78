"""The figures that each department answers for, and its acts by month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department
from portal.base.clock import today
from portal.casework.queries import overdue, steps_of_department
from tickets.market.models import RetailOrder
from tickets.market.queries import (
    deposits_in_hand,
    market_figures,
    refunds_in_hand,
    unsettled_trades,
    waiting_listings,
)
from tickets.offsets.models import OffsetRequest
from tickets.registry.models import CarbonTicket, Pledge
from tickets.registry.moves import EntryKind
from tickets.registry.quantities import tonnes
from tickets.registry.queries import register_totals, used_up_tickets, waiting_registrations
from tickets.supervision.models import Complaint, Inspection, JusticeCase
from tickets.supervision.queries import fallen_through, served_cases

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with what it means; ``bad`` when somebody has to act."""

    label: str | Promise
    value: str
    bad: bool = False


def figures_of(department: Department) -> list[Figure]:
    """What is in hand and late everywhere, then the department's own."""
    steps = steps_of_department(department)
    complaints = Complaint.objects.filter(department=department).exclude(
        state=Complaint.State.ANSWERED
    )
    late = overdue(steps).count()
    late_complaints = Complaint.objects.filter(department=department).overdue().count()
    return [
        Figure(_("在办环节"), str(steps.count())),
        Figure(_("逾期环节"), str(late), bad=late > 0),
        Figure(_("待答复举报"), str(complaints.count())),
        Figure(_("逾期举报"), str(late_complaints), bad=late_complaints > 0),
        *_OWN[department](),
    ]


def _forestry() -> list[Figure]:
    totals = register_totals()
    waiting = waiting_registrations(Department.FORESTRY).count()
    due = Inspection.objects.filter(state=Inspection.State.ORDERED)
    late = Inspection.objects.overdue().count()
    used_up = used_up_tickets().count()
    unmended = Inspection.objects.measures_overdue().count()
    return [
        Figure(_("有效碳票（张）"), str(CarbonTicket.objects.standing().count())),
        Figure(_("在册减排量（吨）"), tonnes(
            totals["held"] + totals["listed"] + totals["pledged"])),
        Figure(_("待审批登记"), str(waiting)),
        Figure(_("用尽待注销（张）"), str(used_up), bad=used_up > 0),
        Figure(_("待检查"), str(due.count())),
        Figure(_("逾期检查"), str(late), bad=late > 0),
        Figure(_("逾期整改"), str(unmended), bad=unmended > 0),
    ]  # fmt: skip


def _natural_resources() -> list[Figure]:
    areas = CarbonTicket.objects.standing().values("issuance").distinct().count()
    return [Figure(_("已制发项目范围"), str(areas))]


def _ecology() -> list[Figure]:
    waiting = OffsetRequest.objects.filter(state__in=["asked", "prepared"]).count()
    return [
        Figure(_("已抵消（吨）"), tonnes(register_totals()["offset"])),
        Figure(_("待办抵消申请"), str(waiting)),
    ]


def _development_reform() -> list[Figure]:
    market = market_figures()
    price = f"{market['price_fen'] / 100:.2f}" if market["price_fen"] else "—"
    return [
        Figure(_("成交（笔）"), str(market["trades"])),
        Figure(_("成交量（吨）"), tonnes(market["quantity_kg"])),
        Figure(_("均价（元/吨）"), price),
        Figure(_("挂牌中（吨）"), tonnes(market["listed_kg"])),
        *_trading_centre(),
    ]


def _trading_centre() -> list[Figure]:
    """What waits at the centre that development-reform supervises (article 15)."""
    trades = unsettled_trades()
    disputed = trades.filter(disputed_at__isnull=False).count()
    refunds = len(refunds_in_hand())
    return [
        Figure(_("待审批挂牌"), str(waiting_listings().count())),
        Figure(_("待处理保证金"), str(deposits_in_hand().count())),
        Figure(_("待结算成交"), str(trades.count())),
        Figure(_("待处理争议"), str(disputed), bad=disputed > 0),
        Figure(_("待退款"), str(refunds), bad=refunds > 0),
    ]


def _finance() -> list[Figure]:
    waiting = waiting_registrations(Department.FINANCE).count()
    standing = Pledge.objects.filter(cause__blocks__closed_by__isnull=True).distinct()
    return [
        Figure(_("质押中（吨）"), tonnes(register_totals()["pledged"])),
        Figure(_("有效质押（笔）"), str(standing.count())),
        Figure(_("待审批登记"), str(waiting)),
    ]


def _justice() -> list[Figure]:
    served = served_cases()
    in_hand = JusticeCase.objects.exclude(state=JusticeCase.State.REFUSED).exclude(pk__in=served)
    to_end = in_hand.filter(fallen_through()).count()
    return [
        Figure(_("办结案件"), str(served.count())),
        Figure(_("在办案件"), str(in_hand.count())),
        Figure(_("等待付款"), str(in_hand.filter(order__state=RetailOrder.State.WAITING).count())),
        Figure(_("认购未成、待处理"), str(to_end), bad=to_end > 0),
        Figure(_("生态司法抵消（吨）"), tonnes(
            sum(served.values_list("quantity_kg", flat=True)))),
    ]  # fmt: skip


_OWN: dict[Department, Callable[[], list[Figure]]] = {
    Department.FORESTRY: _forestry,
    Department.NATURAL_RESOURCES: _natural_resources,
    Department.ECOLOGY: _ecology,
    Department.DEVELOPMENT_REFORM: _development_reform,
    Department.FINANCE: _finance,
    Department.JUSTICE: _justice,
}
# Whose acts the ledger's entries are; natural resources has none of its own there.
_ACTS: dict[Department, tuple[EntryKind, ...]] = {
    Department.FORESTRY: (EntryKind.ISSUE, EntryKind.TRANSFER, EntryKind.DIVIDE, EntryKind.FREEZE,
                          EntryKind.LIFT, EntryKind.CANCEL, EntryKind.REISSUE, EntryKind.CLOSE),
    Department.NATURAL_RESOURCES: (),
    Department.ECOLOGY: (EntryKind.OFFSET,),
    Department.DEVELOPMENT_REFORM: (EntryKind.LIST, EntryKind.UNLIST, EntryKind.TRADE),
    Department.FINANCE: (EntryKind.PLEDGE, EntryKind.RELEASE, EntryKind.ENFORCE),
    Department.JUSTICE: (EntryKind.COURT,),
}  # fmt: skip
_BY_MONTH = """
SELECT date_trunc('month', happened AT TIME ZONE 'Asia/Shanghai')::date,
       count(*) FILTER (WHERE what = 'act'), count(*) FILTER (WHERE what = 'step')
FROM (
  SELECT recorded_at AS happened, 'act' AS what FROM registry_ledgerentry WHERE kind = ANY(%(kinds)s)
  UNION ALL
  SELECT decided_at, 'step' FROM casework_reviewstep
  WHERE department = %(department)s AND decided_at IS NOT NULL
) AS done
GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Month:
    """A month's decided steps and registered acts, and their bars in a chart 100 high."""

    month: date
    acts: int
    steps: int
    acts_height: float = 0
    steps_height: float = 0

    @property
    def acts_top(self) -> float:
        return 100 - self.acts_height

    @property
    def steps_top(self) -> float:
        return 100 - self.steps_height


def months_of(department: Department) -> list[Month]:
    """The last twelve months, empty ones included."""
    values: dict[str, Any] = {
        "kinds": [kind.value for kind in _ACTS[department]],
        "department": department.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BY_MONTH, values)
        found = {month: (acts, steps) for month, acts, steps in cursor.fetchall()}
    day = today().replace(day=1)
    wanted = [_months_before(day, back) for back in reversed(range(MONTHS))]
    highest = max((max(found.get(month, (0, 0))) for month in wanted), default=0) or 1
    return [
        Month(month, acts, steps, 100 * acts / highest, 100 * steps / highest)
        for month in wanted
        for acts, steps in (found.get(month, (0, 0)),)
    ]


def _months_before(day: date, back: int) -> date:
    number = day.year * 12 + day.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)
