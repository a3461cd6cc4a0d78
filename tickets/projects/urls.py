"""Addresses of projects."""

from django.urls import path

from tickets.projects import views

app_name = "projects"
urlpatterns = [
    path("applications/<uuid:key>/", views.application_page, name="application"),
]
