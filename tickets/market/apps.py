"""Listings, bids, trades and retail (articles 11, 12, 15)."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MarketConfig(AppConfig):
    name = "tickets.market"
    label = "market"
    verbose_name = "交易"

    def ready(self) -> None:
        from portal.casework.subjects import Subject, register_subject
        from tickets.market.access import access_deposit, access_trade_by_key
        from tickets.market.journal import DEPOSIT, TRADE
        from tickets.market.pages.addresses import deposit_page, trade_address
        from tickets.market.verification import ASKED, SETTLED
        from tickets.registry.verification.checks import register_check

        register_subject(Subject(TRADE, _("成交"), trade_address, access_trade_by_key))
        register_subject(Subject(DEPOSIT, _("竞买保证金"), deposit_page, access_deposit))
        for check in (ASKED, SETTLED):
            register_check(check)
