"""The market's acts, one module for each theme."""

from tickets.market.operations.bidding import (
    close_bidding,
    close_due_biddings,
    decide_deposit,
    place_bid,
    ranked_bids,
    show_deposit,
)
from tickets.market.operations.listings import (
    AgreementTerms,
    BiddingTerms,
    LotTerms,
    approve_listing,
    ask_listing,
    confirm_agreement,
    end_due_listings,
    prepare_listing,
    refuse_listing,
    retract_listing,
    withdraw_listing,
)
from tickets.market.operations.trades import (
    buy,
    decide_dispute,
    lapse_overdue_trades,
    raise_dispute,
    refuse_payment,
    settle_trade,
    show_payment,
)

__all__ = [
    "AgreementTerms",
    "BiddingTerms",
    "LotTerms",
    "approve_listing",
    "ask_listing",
    "buy",
    "close_bidding",
    "close_due_biddings",
    "confirm_agreement",
    "decide_deposit",
    "decide_dispute",
    "end_due_listings",
    "lapse_overdue_trades",
    "place_bid",
    "prepare_listing",
    "raise_dispute",
    "ranked_bids",
    "refuse_listing",
    "refuse_payment",
    "retract_listing",
    "settle_trade",
    "show_deposit",
    "show_payment",
    "withdraw_listing",
]
