"""Addresses of the register."""

from django.urls import path

from tickets.registry import api
from tickets.registry.pages import (
    loss_notices,
    registrations,
    successions,
    tickets,
    verification,
    work,
)

app_name = "registry"
urlpatterns = [
    path("tickets/", tickets.register, name="register"),
    path("tickets/<str:number>/", tickets.ticket_page, name="ticket"),
    path("tickets/<str:number>/face.pdf", tickets.face, name="face"),
    path("tickets/<str:number>/prints/", tickets.make_print, name="make-print"),
    path("tickets/<str:number>/prints/marked/", tickets.mark_prints, name="mark-prints"),
    path("tickets/<str:number>/prints/taken-in/", tickets.take_in_prints, name="take-in-prints"),
    path("tickets/<str:number>/prints/<int:n>.pdf", tickets.printed, name="print"),
    path("api/tickets/states/", tickets.states, name="api-states"),
    path("api/tickets/", api.TicketList.as_view(), name="api-tickets"),
    path("api/tickets/<str:number>/", api.TicketDetail.as_view(), name="api-ticket"),
    path("api/tickets/<str:number>/entries/", api.TicketEntries.as_view(), name="api-entries"),
    path("registrations/", work.work_list, name="work"),
    path("registrations/new/<slug:kind>/<str:subject>/", registrations.ask, name="ask"),
    path("registrations/<uuid:key>/", registrations.registration_page, name="registration"),
    path("requests/<uuid:key>/", registrations.request_page, name="request"),
    path("successions/", successions.succession_list, name="successions"),
    path("successions/<uuid:key>/", successions.succession_page, name="succession"),
    path("loss-notices/<uuid:key>/", loss_notices.loss_notice, name="loss-notice"),
    path("v/keys.json", verification.keys, name="keys"),
    path("roots/", verification.roots, name="roots"),
    path("roots/register.jsonl", verification.open_export, name="open-export"),
    path("roots/verify_export.py", verification.checking_script, name="checking-script"),
]
