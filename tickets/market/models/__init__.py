"""The market's tables: what is offered, who bids, what was agreed."""

from tickets.market.models.listings import Bid, Deposit, Listing
from tickets.market.models.payments import BankPayment
from tickets.market.models.reserve import PremiumShare, ReserveContract, ReservePurchase
from tickets.market.models.retail import ContactKey, RetailOrder, RetailPool
from tickets.market.models.trades import Trade

__all__ = [
    "BankPayment",
    "Bid",
    "ContactKey",
    "Deposit",
    "Listing",
    "PremiumShare",
    "ReserveContract",
    "ReservePurchase",
    "RetailOrder",
    "RetailPool",
    "Trade",
]
