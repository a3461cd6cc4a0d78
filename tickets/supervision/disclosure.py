"""What article 23 publishes, as tables: names masked, kilograms and fen as they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

from django.db import connection
from django.db.models import Case, Exists, OuterRef, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.base.clock import CITY_TIME, today
from portal.base.tables import table_bytes
from portal.casework.models import Notice
from tickets.market.queries import settled_trades
from tickets.offsets.models import Offset, Purpose
from tickets.registry.models import Block, Cancellation, CarbonTicket, FormerName
from tickets.registry.moves import EntryKind
from tickets.registry.queries import newest_entry, register_version, state_table
from tickets.registry.showing import holders_of_all
from tickets.supervision.queries import settled_orders

Row: TypeAlias = tuple[Any, ...]
_MOVED = (EntryKind.TRANSFER, EntryKind.TRADE, EntryKind.COURT, EntryKind.ENFORCE, EntryKind.DIVIDE)
_TRANSFERS = """
SELECT entry.recorded_at, entry.kind, former.number, ticket.number,
       sum(upper(block.kg) - lower(block.kg))::bigint
FROM registry_carbonticket AS ticket
JOIN registry_ledgerentry AS entry ON entry.id = ticket.opened_by_id
JOIN registry_block AS block ON block.ticket_id = ticket.key AND block.opened_by_id = entry.id
JOIN registry_carbonticket AS former ON former.key = ticket.parent_id
WHERE entry.kind = ANY(%s)
GROUP BY entry.id, former.number, ticket.number ORDER BY entry.id DESC, ticket.number
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One published table: its heads, and its rows made anew at each request.

    A file of one that reads the whole register is kept until its ``version`` changes.
    """

    label: str | Promise
    head: tuple[str | Promise, ...]
    rows: Callable[[], Sequence[Row]]
    version: Callable[[], str] | None = None

    def file(self, form: str) -> bytes:
        """As ``csv`` or ``xlsx``, in the reader's language."""
        return table_bytes(form, self.head, self.rows()[:])


class Paged(Sequence[Row]):
    """Rows of which a page reads its own alone, however many there are."""

    @abstractmethod
    def page(self, chosen: slice) -> list[Row]:
        """The rows of one page."""

    @overload
    def __getitem__(self, chosen: int) -> Row: ...
    @overload
    def __getitem__(self, chosen: slice) -> list[Row]: ...
    def __getitem__(self, chosen: int | slice) -> Row | list[Row]:
        if isinstance(chosen, int):
            return self.page(slice(chosen, chosen + 1))[0]
        return self.page(chosen)


class Holdings(Paged):
    """Every ticket on which kilograms stand, by its number."""

    def __init__(self) -> None:
        standing = Block.objects.standing().filter(ticket=OuterRef("pk"))
        self.tickets = CarbonTicket.objects.filter(Exists(standing)).order_by("year", "serial")

    def __len__(self) -> int:
        return self.tickets.count()

    def page(self, chosen: slice) -> list[Row]:
        found = {ticket.pk: ticket for ticket in self.tickets[chosen]}
        owners = holders_of_all(found, masked=True)
        return [
            (
                state.number,
                "、".join(one.name for one in owners[state.key]),
                str(state.standing.label), state.held_kg, state.listed_kg, state.pledged_kg,
                state.offset_kg, state.cancelled_kg, state.frozen_kg,
            )
            for state in state_table(tickets=found)
        ]  # fmt: skip


def holdings_version() -> str:
    """Changes with each entry, and with a name that an owner came to bear."""
    _number, newest = newest_entry()
    return f"{register_version()}-{newest.hex()}-{FormerName.objects.count()}"


def _transfers() -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(_TRANSFERS, [[kind.value for kind in _MOVED]])
        return [
            (_day(at), str(EntryKind(kind).label), former, number, kilograms)
            for at, kind, former, number, kilograms in cursor.fetchall()
        ]


_TRADE, _JUSTICE, _RETAIL = "trade", "justice", "retail"
_PAID_FOR = {_TRADE: _("交易"), _JUSTICE: _("生态司法"), _RETAIL: _("零售")}
_FACTS = (
    "ended_at", "what", "number", "listing__ticket__number", "quantity_kg", "price_fen_per_tonne",
    "amount_fen",
)  # fmt: skip


class Settlements(Paged):
    """Whatever was paid for, the newest first: trades, what visitors bought, and what eco-justice
    retired."""

    def __init__(self) -> None:
        what = Case(When(purpose=Purpose.ECO_JUSTICE, then=Value(_JUSTICE)), default=Value(_RETAIL))
        trades = settled_trades().order_by().annotate(what=Value(_TRADE))
        orders = settled_orders().order_by().annotate(what=what)
        self.length = trades.count() + orders.count()
        self.rows = trades.values_list(*_FACTS).union(orders.values_list(*_FACTS), all=True)

    def __len__(self) -> int:
        return self.length

    def page(self, chosen: slice) -> list[Row]:
        return [
            (_day(at), str(_PAID_FOR[what]), number, ticket, kilograms, price / 100, amount / 100)
            for at, what, number, ticket, kilograms, price, amount in self.rows.order_by(
                "-ended_at", "-number"
            )[chosen]
        ]


def settlements_version() -> str:
    """Changes with each deal that is settled: none is taken back."""
    return f"{settled_trades().count()}-{settled_orders().count()}"


def _offsets() -> list[Row]:
    return [
        (_day(one.signed_at), one.number, one.ticket.number, one.quantity_kg,
         one.get_purpose_display())
        for one in Offset.objects.select_related("ticket").order_by("-signed_at", "number")
    ]  # fmt: skip


def _cancellations() -> list[Row]:
    rows = Cancellation.objects.order_by("-made_at", "number")
    return [
        (_day(one.made_at), one.number, one.get_reason_display(), one.ordered_kg, one.cancelled_kg)
        for one in rows
    ]


def _notices() -> list[Row]:
    rows = Notice.objects.filter(withdrawn_at__isnull=True, opens_on__lte=today())
    return [
        (one.opens_on.isoformat(), one.closes_on.isoformat(), one.title)
        for one in rows.order_by("-opens_on", "-pk")
    ]


def _day(moment: Any) -> str:
    return str(moment.astimezone(CITY_TIME).date())


_DAY, _TICKET, _KG = _("日期"), _("碳票"), _("数量（千克）")
TABLES: dict[str, Table] = {
    "holdings": Table(
        _("持有"),
        (_TICKET, _("持有人"), _("状态"), _("持有（千克）"), _("挂牌（千克）"), _("质押（千克）"),
         _("抵消（千克）"), _("注销（千克）"), _("冻结（千克）")),
        Holdings,
        holdings_version,
    ),
    "transfers": Table(
        _("流转"), (_DAY, _("事项"), _("原碳票"), _("新碳票"), _KG), _transfers
    ),
    "prices": Table(
        _("成交与结算"),
        (_("结算日期"), _("类型"), _("编号"), _TICKET, _KG, _("单价（元/吨）"), _("金额（元）")),
        Settlements,
        settlements_version,
    ),
    "offsets": Table(_("抵消"), (_DAY, _("凭证"), _TICKET, _KG, _("用途")), _offsets),
    "cancellations": Table(
        _("注销"), (_DAY, _("编号"), _("原因"), _("应核减（千克）"), _("已核减（千克）")),
        _cancellations,
    ),
    "notices": Table(_("公示公告"), (_("起"), _("止"), _("标题")), _notices),
}  # fmt: skip
