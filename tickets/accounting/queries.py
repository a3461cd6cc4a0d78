"""Reads of methods, parameters and reports, as sentences."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Self

from django.contrib.gis.db import models
from django.db.models import Q

from portal.accounts.models import User

if TYPE_CHECKING:
    from tickets.accounting.models import AccountingReport  # noqa: F401


class VersionedQuerySet(models.QuerySet[Any]):
    """Methods, parameter sets, equations."""

    def in_force(self, on: date) -> Self:
        """The newest version of each code that is valid on a day."""
        return (
            self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on)
            .order_by("code", "-version")
            .distinct("code")
        )


class ReportQuerySet(models.QuerySet["AccountingReport"]):
    """Reports."""

    def signed(self) -> Self:
        return self.filter(state="signed")

    def newest(self) -> Self:
        """The newest version of each series."""
        return self.order_by("series", "-version").distinct("series")

    def worked_on_by(self, user: User) -> Self:
        """Opened by, entrusted to or signed by ``user``."""
        return self.filter(Q(opened_by=user) | Q(verifier=user) | Q(signed_by=user))
