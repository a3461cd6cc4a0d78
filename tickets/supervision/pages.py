"""Addresses of subjects, for casework and messages."""

from __future__ import annotations

import uuid

from django.urls import reverse


def complaint_page(key: uuid.UUID) -> str:
    return reverse("supervision:complaint-case", args=[key])


def inspection_page(key: uuid.UUID) -> str:
    return reverse("supervision:inspection", args=[key])


def justice_page(key: uuid.UUID) -> str:
    return reverse("supervision:justice-case", args=[key])
