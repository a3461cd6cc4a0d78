"""Where the market's subjects have their pages."""

from __future__ import annotations

import uuid

from django.urls import reverse

from tickets.market.models import Deposit, Trade


def trade_address(key: uuid.UUID) -> str:
    number = Trade.objects.filter(key=key).values_list("number", flat=True).first()
    return reverse("market:trade", args=[number]) if number else ""


def deposit_page(key: uuid.UUID) -> str:
    deposit = Deposit.objects.select_related("listing").filter(key=key).first()
    return reverse("market:listing", args=[deposit.listing.number]) if deposit else ""
