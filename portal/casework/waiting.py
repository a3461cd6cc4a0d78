"""Work that waits elsewhere: lists of other apps, counted on the desk.

Each app names its lists in its ``AppConfig.ready``, as it does its subjects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise

from portal.accounts.models import User


@dataclass(frozen=True, slots=True)
class WorkList:
    """``count`` is how much of the list at ``page`` is this user's turn; None: not a list of theirs."""

    label: str | Promise
    page: str  # The name of its address.
    count: Callable[[User], int | None]


_LISTS: dict[str, WorkList] = {}


def register_work(work: WorkList) -> None:
    """Make a list known; the last registration of a page stands."""
    _LISTS[work.page] = work


def waiting_elsewhere(user: User) -> list[tuple[str, str, int]]:
    """(label, address, count) of the lists that are the user's."""
    counted = ((work, work.count(user)) for work in _LISTS.values())
    return [
        (str(work.label), reverse(work.page), count) for work, count in counted if count is not None
    ]
