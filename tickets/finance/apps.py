from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "tickets.finance"
    label = "finance"
    verbose_name = "绿色金融"
