from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "portal.journal"
    label = "journal"
    verbose_name = "日志"
