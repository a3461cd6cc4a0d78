"""Where casework's lists lead to for a title's review, and for a certificate's documents."""

from __future__ import annotations

import uuid

from django.urls import reverse


def review_page(key: uuid.UUID) -> str:
    """The officer's page of a review."""
    return reverse("parcels:bench-case", args=[key])


def certificate_page(key: uuid.UUID) -> str:
    return reverse("parcels:title", args=[key])
