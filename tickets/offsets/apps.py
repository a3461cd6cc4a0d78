from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OffsetsConfig(AppConfig):
    name = "tickets.offsets"
    label = "offsets"
    verbose_name = "抵消"

    def ready(self) -> None:
        from portal.casework.subjects import Subject, register_subject
        from portal.casework.waiting import WorkList, register_work
        from tickets.offsets.access import access_offset_request
        from tickets.offsets.addresses import request_page
        from tickets.offsets.queries import my_turn_count, open_requests_on
        from tickets.offsets.verification import AGREED, CERTIFICATES, RETIRED, SIGNED
        from tickets.registry.panels import Panel, register_panel
        from tickets.registry.verification.checks import register_check

        register_subject(
            Subject("offset_request", _("抵消申请"), request_page, access_offset_request)
        )
        register_work(WorkList(_("抵消"), "offsets:offsets", my_turn_count))
        for check in (CERTIFICATES, RETIRED, AGREED, SIGNED):
            register_check(check)
        register_panel(
            Panel(
                "offsets/_open_requests.html",
                lambda ticket, user: {"open_requests": open_requests_on(ticket, user)},
            )
        )
