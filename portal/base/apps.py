from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "portal.base"
    label = "base"
    verbose_name = "底座"

    def ready(self) -> None:
        from portal.base import checks  # noqa: F401 - registers the system checks.
