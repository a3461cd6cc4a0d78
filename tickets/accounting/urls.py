"""Addresses of accounting."""

from django.urls import URLPattern

app_name = "accounting"
urlpatterns: list[URLPattern] = []
