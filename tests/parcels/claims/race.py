"""Rounds of sessions that claim land at once, judged afterwards by shapely alone."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import psycopg
import shapely
from django.contrib.gis.geos import MultiPolygon
from pyproj import Transformer

from parcels.claims.queries import days
from parcels.models import Claim
from tests.base.sessions import at_once, constraint_of
from tests.conftest import app_connection
from tests.factories.land import square
from tests.parcels.claims.areas import area_at

SESSIONS = 8
REFUSAL = "land_has_one_claim_at_a_time"
Points = np.ndarray[tuple[Any, ...], np.dtype[np.float64]]
TO_PLANE = Transformer.from_crs(4490, 4536, always_xy=True).transform
INSERT = (
    "INSERT INTO parcels_claim (key, number, version_id, period, geom, state, ended_because, "
    "ended_decision) SELECT gen_random_uuid(), %(number)s, version.id, %(period)s::daterange, "
    "version.geom, %(state)s, '', '' FROM parcels_projectareaversion AS version "
    "WHERE version.id = %(version)s RETURNING id"
)


@dataclass(frozen=True)
class Wish:
    """One session's claim: where, when, and whether at once or by way of a pending one."""

    shape: MultiPolygon
    first: date
    last: date
    at_once: bool
    number: str

    def conflicts(self, other: Wish) -> bool:
        """domain.md, "Overlap, sliver, gap", in shapely and EPSG:4536."""
        if self.first > other.last or other.first > self.last:
            return False
        return conflict_area_m2(self.shape, other.shape) > 0


def in_plane(shape: MultiPolygon) -> shapely.Geometry:
    """EPSG:4490 → EPSG:4536 by pyproj."""
    return shapely.transform(shapely.from_wkb(bytes(shape.wkb)), to_plane)


def to_plane(points: Points) -> Points:
    """Longitudes and latitudes → eastings and northings, metres."""
    return np.column_stack(TO_PLANE(points[:, 0], points[:, 1]))


def conflict_area_m2(a: MultiPolygon, b: MultiPolygon) -> float:
    """The area of the parts of an overlap that are no slivers, m² in the plane."""
    shared = shapely.intersection(in_plane(a), in_plane(b), grid_size=0.0001)
    return sum(
        float(part.area)
        for part in shapely.get_parts(shared)
        if part.geom_type == "Polygon"
        and part.area > 1
        and not shapely.buffer(part, -0.025).is_empty
    )


def random_wish(dice: random.Random, north_m: float) -> Wish:
    """A rectangle on a field of 300 m: some overlap, some touch, some miss; some years differ."""
    east, north = dice.randrange(0, 300, 50), dice.randrange(0, 300, 50)
    nudge = dice.choice([0, 0, 0, 0.02, 0.5])
    shape = square(east + nudge, north_m + north, dice.choice([50, 100, 150]), 100)
    first = date(dice.choice([2016, 2021, 2021, 2021, 2026]), 1, 1)
    return Wish(
        shape=shape,
        first=first,
        last=first.replace(year=first.year + 5) - timedelta(days=1),
        at_once=dice.random() < 0.5,
        number=f"W-{uuid.uuid4().hex[:10]}",
    )


def claims_of(wish: Wish) -> Callable[[], str]:
    """A session of the application's role that writes the wish: ``live`` or ``refused``."""
    version = area_at(wish.shape)
    values = {
        "number": wish.number,
        "period": str_range(wish),
        "version": version.pk,
        "state": "live" if wish.at_once else "pending",
    }

    def act() -> str:
        with app_connection(autocommit=True) as session:
            try:
                row = session.execute(INSERT, values).fetchone()
                if not wish.at_once:
                    assert row is not None
                    session.execute(
                        "UPDATE parcels_claim SET state = 'live' WHERE id = %s", [row[0]]
                    )
            except psycopg.errors.ExclusionViolation as refusal:
                return "refused" if constraint_of(refusal) == REFUSAL else str(refusal)
        return "live"  # A deadlock or anything else fails the round.

    return act


def str_range(wish: Wish) -> str:
    period = days(wish.first, wish.last)
    return f"[{period.lower},{period.upper})"


def race(wishes: list[Wish]) -> list[str]:
    """All at once; the outcome of each."""
    return at_once([claims_of(wish) for wish in wishes])


def assert_land_has_one_claim(wishes: list[Wish], outcomes: list[str]) -> None:
    """No two that live conflict, and nobody was refused without a rival."""
    assert set(outcomes) <= {"live", "refused"}
    live = [wish for wish, outcome in zip(wishes, outcomes, strict=True) if outcome == "live"]
    for place, one in enumerate(live):
        for other in live[place + 1 :]:
            assert not one.conflicts(other), (one, other)
    for wish, outcome in zip(wishes, outcomes, strict=True):
        if outcome == "refused":
            assert any(wish.conflicts(rival) for rival in wishes if rival is not wish), wish
    stored = dict(
        Claim.objects.filter(number__in=[wish.number for wish in wishes]).values_list(
            "number", "state"
        )
    )
    for wish, outcome in zip(wishes, outcomes, strict=True):
        assert (stored.get(wish.number) == "live") == (outcome == "live")


def random_round(seed: int, north_m: float) -> None:
    """Eight sessions, eight wishes of one seed."""
    dice = random.Random(seed)
    wishes = [random_wish(dice, north_m) for _ in range(SESSIONS)]
    assert_land_has_one_claim(wishes, race(wishes))
