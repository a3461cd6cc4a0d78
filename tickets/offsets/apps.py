from django.apps import AppConfig


class OffsetsConfig(AppConfig):
    name = "tickets.offsets"
    label = "offsets"
    verbose_name = "抵消"
