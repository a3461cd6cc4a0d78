from django.apps import AppConfig


class CaseworkConfig(AppConfig):
    name = "portal.casework"
    label = "casework"
    verbose_name = "案件"

    def ready(self) -> None:
        from portal.casework import checks  # noqa: F401 - registers the system checks.
