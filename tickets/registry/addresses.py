"""Addresses of subjects, for casework and messages."""

from __future__ import annotations

import uuid

from django.urls import reverse

from tickets.registry.models import CarbonTicket


def request_page(key: uuid.UUID) -> str:
    return reverse("registry:request", args=[key])


def ticket_page(key: uuid.UUID) -> str:
    """By the ticket's number; empty when there is none."""
    number = CarbonTicket.objects.filter(pk=key).values_list("number", flat=True).first()
    return reverse("registry:ticket", args=[number]) if number else ""
