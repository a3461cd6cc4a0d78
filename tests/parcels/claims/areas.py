"""Project areas and claims for tests: squares on the metre grid of ``tests.factories.land``."""

from __future__ import annotations

import uuid
from datetime import date

from django.contrib.gis.geos import MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims.exclusions import ExclusionFacts, register_exclusion
from parcels.claims.queries import days
from parcels.models import Claim, ExclusionArea, ProjectArea, ProjectAreaVersion
from portal.accounts.models import User

PERIOD = days(date(2021, 1, 1), date(2025, 12, 31))
NEXT_PERIOD = days(date(2026, 1, 1), date(2030, 12, 31))


def somebody() -> User:
    """A user without any role."""
    return User.objects.create(username=uuid.uuid4().hex)


def area_at(geom: MultiPolygon) -> ProjectAreaVersion:
    """A project area with one version."""
    area = ProjectArea.objects.create(name="测试项目")
    return ProjectAreaVersion.objects.create(area=area, number=1, geom=geom, because="drawing")


def claim_at(geom: MultiPolygon, *, period: DateRange = PERIOD, state: str = "pending") -> Claim:
    """A claim on a new area."""
    claim = Claim.objects.create(
        version=area_at(geom), period=period, state=state, number=f"YN-P-{uuid.uuid4().hex[:12]}"
    )
    claim.refresh_from_db()
    return claim


def make_live(*claims: Claim) -> None:
    """All in one statement."""
    Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(state="live")


def exclusion_at(
    geom: MultiPolygon,
    *,
    kind: str = "ccer",
    method: str = "",
    status: str = "registered",
    begins_on: date = date(2022, 1, 1),
    ends_on: date | None = date(2041, 12, 31),
) -> ExclusionArea:
    """Another programme's project, or a harvest."""
    facts = ExclusionFacts(
        kind=ExclusionArea.Kind(kind),
        status=ExclusionArea.Status(status),
        method=method,
        number=f"X-{uuid.uuid4().hex[:8]}",
        begins_on=begins_on,
        ends_on=ends_on,
    )
    return register_exclusion(facts=facts, geom=geom, actor=None)
