from django.apps import AppConfig


class SupervisionConfig(AppConfig):
    name = "tickets.supervision"
    label = "supervision"
    verbose_name = "监督"
