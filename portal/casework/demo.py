"""The demonstration's regulation: a version that is in force when the story begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from portal.accounts.models import User
from portal.base.clock import machine_today, today
from portal.base.story import Chapter
from portal.casework.deadlines import regulation_in_force
from portal.casework.errors import RegulationNotInForce
from portal.casework.models import Regulation


def announce_regulation(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """Where the installed version begins later: an earlier one, which it follows (article 25)."""
    day = today()
    try:
        regulation_in_force(day)
    except RegulationNotInForce:
        later = Regulation.objects.filter(valid_from__gt=day).order_by("valid_from").first()
        ends_on = later.valid_from - timedelta(days=1) if later else machine_today()
        Regulation.objects.create(
            version="示例（往期）",
            title="伊宁市林业碳票管理办法",
            announced_on=day - timedelta(days=30),
            valid_from=day,
            valid_to=ends_on,
        )


CHAPTERS = (Chapter(745, announce_regulation),)
