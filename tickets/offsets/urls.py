"""Addresses of offsets."""

from django.urls import URLPattern

app_name = "offsets"
urlpatterns: list[URLPattern] = []
