"""The demonstration's story: chapters with their days, told with the one clock moving forward.

A new demonstration's clock is set back by ``STORY_SPAN`` before anything is in its database
(``migrate --story``). ``seed_demo`` then plays the chapters in the order of their days and ends at
the machine's own time, so that nothing ever lies in the future and nothing was written with a date
of its own choice.

**How a chapter gets its date.** Each package's ``demo.py`` lists ``CHAPTERS``: how many days before
the present, and the function that plays it. Before a chapter the clock goes to ten in the morning of
the first working day on or after that date. Within a chapter ``advance_clock`` may move it on, by
less than the days until the next chapter. Chapters of one day follow each other as ``seed_demo``
lists the packages. A chapter is one transaction, told once: it finds what the earlier ones left by
name (of a project, of a user), and asks for nothing that a later one brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

# Two years of acts, and some weeks in which land and titles come first.
STORY_SPAN = timedelta(days=750)

Play = Callable[[dict[str, Any], Callable[[str], object]], None]


class Chapter(NamedTuple):
    """What happens ``days_ago`` before the story's end: the demo users by name, and who is told."""

    days_ago: int
    play: Play

    @property
    def name(self) -> str:
        """What the journal knows it by: a function may play on several days."""
        return f"{self.play.__module__}.{self.play.__qualname__} {self.days_ago}"


def in_order(*parts: Iterable[Chapter]) -> list[Chapter]:
    """All chapters by their days; those of one day in the order of the packages."""
    chapters = [chapter for part in parts for chapter in part]
    return sorted(chapters, key=lambda chapter: -chapter.days_ago)
