from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "portal.base"
    label = "base"
    verbose_name = "底座"

    def ready(self) -> None:
        # Both register themselves: the system checks, and how the OpenAPI document shows features.
        from portal.base import checks, geojson_schema  # noqa: F401
