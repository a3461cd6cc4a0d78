from django.apps import AppConfig


class ParcelsConfig(AppConfig):
    name = "parcels"
    label = "parcels"
    verbose_name = "宗地与权属"
