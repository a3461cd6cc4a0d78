"""Addresses of casework."""

from django.urls import path

from portal.casework import views

app_name = "casework"
urlpatterns = [
    path("desk/", views.desk, name="desk"),
    path("messages/", views.inbox, name="messages"),
    path("notices/", views.notices, name="notices"),
    path("notices/<uuid:key>/", views.notice, name="notice"),
    path("objections/", views.find_objection, name="objection-find"),
    path("objections/<str:code>/", views.objection, name="objection"),
    path("documents/<uuid:key>/", views.document, name="document"),
    path("cases/moves/", views.moves, name="moves"),
]
