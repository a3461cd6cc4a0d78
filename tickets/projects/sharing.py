"""Shares of the tonnes in proportion to what each co-owner brings in (article 5)."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from portal.base.errors import InvalidInput
from tickets.projects.models import Application
from tickets.projects.operations import Share
from tickets.projects.queries import area_by_party, possible_sharers, shares_of_whole


def shares_by_area(application: Application) -> list[Share]:
    """By the part of the project's land that each co-owner's verified titles hold."""
    if application.area_version is None:
        raise InvalidInput(field=_("项目范围"), reason=_("请先选择项目范围"))
    return shares_in_proportion(application, area_by_party(application.area_version.geom))


def shares_in_proportion(application: Application, weights: Mapping[int, float]) -> list[Share]:
    """Over ``SHARE_DENOMINATOR``, for whoever may share and has a weight above zero by his key.

    Whoever brings something in is asked for his consent, so he has one part at least.
    """
    owners = [party for party in possible_sharers(application) if weights.get(party.pk, 0) > 0]
    if not owners:
        raise InvalidInput(field=_("份额"), reason=_("范围内没有共有人的已审核权属"))
    parts = shares_of_whole([weights[party.pk] for party in owners])
    for at, part in enumerate(parts):
        if part == 0:
            parts[parts.index(max(parts))] -= 1
            parts[at] = 1
    return [Share(party, part) for party, part in zip(owners, parts, strict=True)]
