"""What Django says when a production counts on days that nobody confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from portal.base.checks import production
from portal.casework.queries import unconfirmed_regulations

_MIGRATED = """
SELECT EXISTS (SELECT FROM pg_attribute WHERE attname = 'days_confirmed' AND NOT attisdropped
               AND attrelid = to_regclass('casework_regulation'))
"""


@register(Tags.database)
def check_days_of_the_regulation(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Article 25 counts from the day of the announcement, which only the administrator knows."""
    if not production() or "default" not in (databases or []):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute(_MIGRATED)
        if not cursor.fetchone()[0]:
            return []
    return [
        Warning(
            f"The days of the regulation's version {row.version} are placeholders.",
            hint="Set them in the administration (办法版本) and tick that they are confirmed.",
            id="casework.W001",
        )
        for row in unconfirmed_regulations()
    ]
