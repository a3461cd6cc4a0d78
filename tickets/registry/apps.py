from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "tickets.registry"
    label = "registry"
    verbose_name = "碳票登记"
