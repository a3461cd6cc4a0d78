"""Addresses of casework."""

from django.urls import path

from portal.casework import api, views

app_name = "casework"
urlpatterns = [
    path("desk/", views.desk, name="desk"),
    path("messages/", views.inbox, name="messages"),
    path("api/inbox/", api.Inbox.as_view(), name="api-inbox"),
    path("api/inbox/<uuid:key>/read/", api.InboxRead.as_view(), name="api-inbox-read"),
    path("messages/webhook/", views.webhook, name="webhook"),
    path("notices/", views.notices, name="notices"),
    path("notices/<uuid:key>/", views.notice, name="notice"),
    path("objections/", views.find_objection, name="objection-find"),
    path("objections/<str:code>/", views.objection, name="objection"),
    path("documents/<uuid:key>/", views.document, name="document"),
    path("cases/moves/", views.moves, name="moves"),
]
