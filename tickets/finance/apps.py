from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "tickets.finance"
    label = "finance"
    verbose_name = "绿色金融"

    def ready(self) -> None:
        from tickets.finance.queries import insurance_of
        from tickets.registry.panels import Panel, register_panel

        register_panel(
            Panel(
                "finance/_insurance.html",
                lambda ticket, _user: {"ticket": ticket, "policies": insurance_of(ticket)},
            )
        )
