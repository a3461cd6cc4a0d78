"""The result of a bidding, computed from the journal alone, and its protocol as PDF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.accounts.models import Party
from portal.base.clock import CITY_TIME
from portal.base.pdf import compile_pdf
from portal.journal.models import Event
from tickets.market.errors import BiddingRuns, DealTooSmall, SellerCannotBuy
from tickets.market.journal import LISTING
from tickets.market.models import Listing
from tickets.market.prices import amount_of, yuan
from tickets.registry.quantities import tonnes

TEMPLATE = Path(__file__).parent / "protocol.typ"
# What may stand in the way of a trade by a bid that was right when it was placed.
REFUSING = (DealTooSmall, SellerCannotBuy)


@dataclass(frozen=True, slots=True)
class JournalBid:
    """A bid as the journal tells it."""

    key: str
    number: int
    bidder: str
    price_fen_per_tonne: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What a bidding came to: bids in their rank, and who won (None: not sold).

    ``missing_kg`` had left the list at the close by a court's transfer: a bid is for the whole.
    ``refused`` is the code of what stood in the way of a trade by the highest bid.
    """

    opening: dict[str, Any]
    ranking: tuple[JournalBid, ...]
    winner: JournalBid | None
    missing_kg: int
    refused: str
    reserve_fen_per_tonne: int | None
    extensions: tuple[datetime, ...]
    closed_at: datetime
    said_winner: str | None
    head: bytes

    @property
    def agrees(self) -> bool:
        """Whether the result that was announced is the one that the bids make."""
        return self.said_winner == (self.winner.key if self.winner else None)


def result_of(listing: Listing) -> Result:
    """Recomputed from the listing's chain of events; BiddingRuns while it is not closed."""
    events = list(
        Event.objects.filter(subject_kind=LISTING, subject_key=str(listing.pk)).order_by("seq")
    )
    by_verb: dict[str, list[Event]] = {}
    for event in events:
        by_verb.setdefault(event.verb, []).append(event)
    if "closed" not in by_verb or "opened" not in by_verb:
        raise BiddingRuns()
    [closed], [opened] = by_verb["closed"], by_verb["opened"]
    bids = [
        JournalBid(
            event.facts["bid"],
            event.facts["number"],
            event.facts["bidder"],
            event.facts["price_fen_per_tonne"],
            datetime.fromisoformat(event.facts["at"]),
        )
        for event in by_verb.get("bid", [])
    ]
    ranking = sorted(bids, key=lambda bid: (-bid.price_fen_per_tonne, bid.at, bid.number))
    reserve = closed.facts["reserve_fen_per_tonne"]
    winner = ranking[0] if ranking else None
    if winner is not None and reserve is not None and winner.price_fen_per_tonne < reserve:
        winner = None
    missing_kg = int(closed.facts.get("missing_kg", 0))
    refused = str(closed.facts.get("refused", ""))
    if missing_kg or refused:
        winner = None
    return Result(
        opening=opened.facts,
        ranking=tuple(ranking),
        winner=winner,
        missing_kg=missing_kg,
        refused=refused,
        reserve_fen_per_tonne=reserve,
        extensions=tuple(
            datetime.fromisoformat(event.facts["closes_at"])
            for event in by_verb.get("extended", [])
        ),
        closed_at=closed.recorded_at,
        said_winner=closed.facts["winner"],
        head=bytes(closed.hash),
    )


def aliases_of(listing: Listing) -> dict[int, str]:
    """How bidders are called in public: by the order of their deposits."""
    bidders = listing.deposits.order_by("pk").values_list("bidder_id", flat=True)
    aliases: dict[int, str] = {}
    for bidder in bidders:
        aliases.setdefault(bidder, _("竞买人 {n}").format(n=len(aliases) + 1))
    return aliases


def protocol_pdf(listing: Listing) -> bytes:
    """The protocol; the same bytes each time, made of the journal."""
    result = result_of(listing)
    return compile_pdf(
        TEMPLATE, facts=_content(listing, result), pictures={}, dated=result.closed_at
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _content(listing: Listing, result: Result) -> dict[str, Any]:
    keys = {bid.bidder for bid in result.ranking}
    aliases = aliases_of(listing)
    names = {
        str(party.key): aliases.get(party.pk, "—") for party in Party.objects.filter(key__in=keys)
    }
    opening = result.opening
    reserve = result.reserve_fen_per_tonne
    quantity_kg = int(opening["kg"])
    return {
        "lang": (get_language() or "zh")[:2],
        "title": _("单向竞价结果记录"),
        "subtitle": f"{listing.number} · {listing.ticket.number}",
        "facts": [
            [_("数量"), f"{tonnes(quantity_kg)} t"],
            [_("起始价"), f"{yuan(opening['price_fen_per_tonne'])} {_('元/吨')}"],
            [_("加价幅度"), f"{yuan(opening['step_fen_per_tonne'])} {_('元/吨')}"],
            [_("保留价"), f"{yuan(reserve)} {_('元/吨')}" if reserve is not None else _("无")],
            [_("保证金"), f"{yuan(opening['deposit_fen'])} {_('元')}"],
            [_("竞价开始"), _moment(datetime.fromisoformat(opening["opens_at"]))],
            [_("原定截止"), _moment(datetime.fromisoformat(opening["closes_at"]))],
            [_("延时"), "、".join(_moment(at) for at in result.extensions[-3:]) or _("无")],
            [_("确定结果"), _moment(result.closed_at)],
        ],
        "result": _outcome(result, names, quantity_kg),
        "rule": _("价格优先；价格相同，时间在先者优先；时间相同，序号在先者优先（第十五条）。"),
        "head": [_("名次"), _("竞买人"), _("报价（元/吨）"), _("时间"), _("序号")],
        "bids": [
            [
                str(rank),
                names.get(bid.bidder, "—"),
                yuan(bid.price_fen_per_tonne),
                _moment(bid.at),
                str(bid.number),
            ]
            for rank, bid in enumerate(result.ranking, start=1)
        ],
        "chain": f"{_('日志摘要')} {result.head.hex()}",
        "note": _("本记录由日志逐条重算得出；任何人持日志均可复核。"),
    }


def _outcome(result: Result, names: dict[str, str], quantity_kg: int) -> str:
    """Sold to whom for how much, or why not."""
    if result.winner is not None:
        price_fen = result.winner.price_fen_per_tonne
        return _("成交：{name}，每吨 {price} 元，共 {amount} 元").format(
            name=names.get(result.winner.bidder, "—"),
            price=yuan(price_fen),
            amount=yuan(amount_of(price_fen, quantity_kg)),
        )
    return why_failed(result.missing_kg, result.refused) or _("未成交：没有报价达到成交条件")


def why_failed(missing_kg: int, refused: str) -> str:
    """Of a bidding whose kilograms a court's decision took, or whose highest bid makes no trade."""
    if missing_kg:
        return _("未成交：其中 {tonnes} 吨已由生效裁判转移，不足整宗数量，竞价终止").format(
            tonnes=tonnes(missing_kg)
        )
    said = "".join(str(error.message) for error in REFUSING if error.code == refused)
    return _("未成交：最高报价不能成交。{reason}").format(reason=said) if said else ""
