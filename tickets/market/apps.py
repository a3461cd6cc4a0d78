from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "tickets.market"
    label = "market"
    verbose_name = "交易"
