from django.apps import AppConfig


class AccountingConfig(AppConfig):
    name = "tickets.accounting"
    label = "accounting"
    verbose_name = "减排量核算"
