"""Writes of project areas and claims. Who may is asked by the subject that calls."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import MultiPolygon
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.claims.errors import ClaimEndNeedsReason, ClaimMoveNotAllowed, FiledClaimStands
from parcels.models import Claim, ProjectArea, ProjectAreaVersion
from portal.accounts.models import Party, User
from portal.base.clock import PortalNow
from portal.base.errors import StateMovedOn
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

ENDS_BEFORE_FILING = frozenset(
    {
        Claim.EndedBecause.WITHDRAWN,
        Claim.EndedBecause.REJECTED,
        Claim.EndedBecause.DISQUALIFIED,
    }
)


@write_transaction
def open_project_area(
    *,
    name: str,
    geom: MultiPolygon,
    actor: User,
    party: Party | None = None,
    because: ProjectAreaVersion.Because = ProjectAreaVersion.Because.DRAWING,
) -> ProjectAreaVersion:
    """A new project area with its first version. ``geom`` is in EPSG:4490."""
    area = ProjectArea.objects.create(name=name.strip(), party=party, made_by=actor)
    return _add_version(area=area, number=1, geom=geom, because=because, actor=actor)


@write_transaction
def redraw_project_area(
    *,
    area: ProjectArea,
    geom: MultiPolygon,
    seen_number: int,
    actor: User,
    because: ProjectAreaVersion.Because = ProjectAreaVersion.Because.DRAWING,
) -> ProjectAreaVersion:
    """A newer version; the former ones, and the claims on them, stay as they are.

    StateMovedOn when a version after ``seen_number`` was saved meanwhile.
    """
    ProjectArea.objects.select_for_update(no_key=True).get(pk=area.pk)
    latest = area.versions.order_by("-number").values_list("number", flat=True).first() or 0
    if latest != seen_number:
        raise StateMovedOn(latest=latest)
    return _add_version(area=area, number=latest + 1, geom=geom, because=because, actor=actor)


def _add_version(
    *,
    area: ProjectArea,
    number: int,
    geom: MultiPolygon,
    because: ProjectAreaVersion.Because,
    actor: User,
) -> ProjectAreaVersion:
    version = ProjectAreaVersion.objects.create(
        area=area, number=number, geom=geom, because=because, made_by=actor
    )
    version.refresh_from_db()
    record_event(
        subject_kind="project_area",
        subject_key=area.key,
        verb="drawn",
        actor_key=actor.key,
        facts={"version": str(version.key), "number": number, "because": str(because)},
    )
    return version


@write_transaction
def submit_claim(
    *, version: ProjectAreaVersion, period: DateRange, number: str, actor: User
) -> Claim:
    """A pending claim from a complete submission; ``number`` is its project's (``YN-P-…``).

    ``period`` is inclusive days as ``[start, end + 1)`` (``queries.days``). It refuses nobody's
    submission and is refused by nobody's; a later determination asks.
    """
    claim = Claim.objects.create(version=version, period=period, number=number, made_by=actor)
    claim.refresh_from_db()
    _record(claim, "submitted", actor, version=str(version.key))
    return claim


@write_transaction
def determine_claim(*, claim: Claim, actor: User) -> Claim:
    """From pending to live, with the forestry bureau's determination (article 8).

    LandHasAnotherClaim when a live claim, or one submitted earlier, holds part of the land in a
    shared period. The database decides; whoever commits first holds the land.
    """
    return _move(claim, "determined", actor, now=[Claim.State.PENDING], state=Claim.State.LIVE)


@write_transaction
def file_claim(*, claim: Claim, actor: User) -> Claim:
    """Its tonnes are filed and signed: from now on the land stays claimed for ever."""
    return _move(claim, "filed", actor, now=[Claim.State.LIVE], unfiled=True, filed_at=PortalNow())


@write_transaction
def end_claim(*, claim: Claim, because: Claim.EndedBecause, actor: User) -> Claim:
    """Withdrawal, rejection or disqualification before filing gives the land free."""
    if because not in ENDS_BEFORE_FILING:
        raise ClaimEndNeedsReason(because=str(because))
    return _move(
        claim,
        "ended",
        actor,
        now=[Claim.State.PENDING, Claim.State.LIVE],
        unfiled=True,
        state=Claim.State.ENDED,
        ended_because=because,
    )


@write_transaction
def end_filed_claim(*, claim: Claim, decision: str, actor: User) -> Claim:
    """Forestry's own decision on land whose whole issuance was cancelled, none of it ever offset.

    ``decision`` is its number. That every kilogram was cancelled and none offset is asked by the
    registry, which calls this in the transaction of its decision.
    """
    if not decision.strip():
        raise ClaimEndNeedsReason()
    return _move(
        claim,
        "ended_by_decision",
        actor,
        now=[Claim.State.LIVE],
        state=Claim.State.ENDED,
        ended_because=Claim.EndedBecause.ISSUANCE_CANCELLED,
        ended_decision=decision.strip(),
    )


def _move(
    claim: Claim,
    verb: str,
    actor: User,
    *,
    now: list[Claim.State],
    unfiled: bool = False,
    **written: Any,
) -> Claim:
    """Write the columns of a claim's course, if it stands where the step begins."""
    standing = Claim.objects.select_for_update().get(pk=claim.pk)
    if standing.state not in now:
        raise ClaimMoveNotAllowed(now=standing.get_state_display())
    if unfiled and standing.filed_at is not None:
        raise FiledClaimStands(number=standing.number)
    Claim.objects.filter(pk=claim.pk).update(**written)
    standing.refresh_from_db()
    _record(standing, verb, actor)
    return standing


def _record(claim: Claim, verb: str, actor: User, **facts: str) -> None:
    record_event(
        subject_kind="claim",
        subject_key=claim.key,
        verb=verb,
        actor_key=actor.key,
        facts={"number": claim.number, "state": claim.state, **facts},
    )
