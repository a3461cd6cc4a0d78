"""Addresses of subjects, for casework and messages."""

from __future__ import annotations

import uuid

from django.urls import reverse


def application_page(key: uuid.UUID) -> str:
    return reverse("projects:application", args=[key])


def disqualification_page(key: uuid.UUID) -> str:
    """A disqualification is shown on the page of the application that it concerns."""
    return f"{application_page(key)}#disqualification"
