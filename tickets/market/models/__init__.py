"""The market's tables: what is offered, who bids, what was agreed."""

from tickets.market.models.listings import Bid, Deposit, Listing
from tickets.market.models.trades import Trade

__all__ = ["Bid", "Deposit", "Listing", "Trade"]
