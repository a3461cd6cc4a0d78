from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OffsetsConfig(AppConfig):
    name = "tickets.offsets"
    label = "offsets"
    verbose_name = "抵消"

    def ready(self) -> None:
        from portal.casework.subjects import Subject, register_subject
        from tickets.offsets.access import access_offset_request
        from tickets.offsets.addresses import request_page

        register_subject(
            Subject("offset_request", _("抵消申请"), request_page, access_offset_request)
        )
