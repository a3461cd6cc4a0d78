from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RegistryConfig(AppConfig):
    name = "tickets.registry"
    label = "registry"
    verbose_name = "碳票登记"

    def ready(self) -> None:
        from portal.casework.subjects import Subject, register_subject
        from portal.casework.waiting import WorkList, register_work
        from tickets.registry.access import access_request, access_ticket_key
        from tickets.registry.addresses import request_page, ticket_page
        from tickets.registry.pages.work import my_turn_count

        register_subject(Subject("ticket_request", _("碳票申请"), request_page, access_request))
        register_subject(Subject("ticket", _("碳票"), ticket_page, access_ticket_key))
        register_work(WorkList(_("碳票登记"), "registry:work", my_turn_count))
