"""Writes of project areas and claims: what is refused says why, what is done is in the journal."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date

import pytest

from parcels.claims.errors import (
    ClaimEndNeedsReason,
    ClaimMoveNotAllowed,
    ClaimPeriodInvalid,
    FiledClaimStands,
    LandHasAnotherClaim,
    ProjectAreaNeedsName,
)
from parcels.claims.operations import (
    determine_claim,
    end_claim,
    end_filed_claim,
    file_claim,
    open_project_area,
    redraw_project_area,
    submit_claim,
)
from parcels.claims.queries import days, last_day
from parcels.models import Claim, ProjectArea, ProjectAreaVersion
from portal.base.errors import PortalError, StateMovedOn
from portal.journal.models import Event
from tests.factories.land import square
from tests.parcels.claims.areas import PERIOD, somebody

pytestmark = pytest.mark.django_db
Because = Claim.EndedBecause


def verbs(kind: str, key: object) -> list[str]:
    found = Event.objects.filter(subject_kind=kind, subject_key=str(key)).order_by("seq")
    return list(found.values_list("verb", flat=True))


def submitted(east_m: float = 0) -> Claim:
    actor = somebody()
    version = open_project_area(name="一号林", geom=square(east_m, 0), actor=actor)
    return submit_claim(version=version, period=PERIOD, number="YN-P-2026-0000001-0", actor=actor)


def test_each_saved_edit_is_a_newer_version_and_the_former_stays() -> None:
    actor = somebody()
    first = open_project_area(name="一号林", geom=square(0, 0), actor=actor)
    second = redraw_project_area(area=first.area, geom=square(5, 0), seen_number=1, actor=actor)
    assert (first.number, second.number) == (1, 2)
    assert ProjectAreaVersion.objects.get(pk=first.pk).geom.equals_exact(square(0, 0))
    assert ProjectArea.objects.with_latest_number().get().latest == 2  # type: ignore[attr-defined]
    assert verbs("project_area", first.area.key) == ["drawn", "drawn"]


def test_an_edit_of_what_somebody_else_has_edited_meanwhile_is_refused() -> None:
    actor = somebody()
    first = open_project_area(name="一号林", geom=square(0, 0), actor=actor)
    redraw_project_area(area=first.area, geom=square(5, 0), seen_number=1, actor=actor)
    with pytest.raises(StateMovedOn):
        redraw_project_area(area=first.area, geom=square(9, 0), seen_number=1, actor=actor)


def test_an_area_needs_a_name() -> None:
    with pytest.raises(ProjectAreaNeedsName):
        open_project_area(name="  ", geom=square(0, 0), actor=somebody())


def test_the_public_shape_of_a_project_shows_no_exact_vertex() -> None:
    version = open_project_area(name="一号林", geom=square(0, 0), actor=somebody())
    exact = {point for part in version.geom.coords for ring in part for point in ring}
    assert version.geom_public is not None
    shown = {point for part in version.geom_public.coords for ring in part for point in ring}
    assert not exact & shown


@pytest.mark.parametrize(("east_m", "refusal"), [(100, None), (50, LandHasAnotherClaim)])
def test_determination_holds_the_land_unless_another_does(
    east_m: float, refusal: type[PortalError] | None
) -> None:
    actor = somebody()
    first = determine_claim(claim=submitted(0), actor=actor)
    assert first.state == Claim.State.LIVE
    second = submitted(east_m)
    with pytest.raises(refusal) if refusal else nullcontext() as caught:
        determine_claim(claim=second, actor=actor)
    if caught is None:
        return
    assert caught.value.facts["other_number"] == first.number
    assert caught.value.facts["shape"]["type"] == "MultiPolygon"
    assert first.number in str(caught.value)
    assert "?" not in str(caught.value)


def test_the_course_of_a_claim_is_in_its_chain() -> None:
    actor, claim = somebody(), submitted()
    determine_claim(claim=claim, actor=actor)
    file_claim(claim=claim, actor=actor)
    assert verbs("claim", claim.key) == ["submitted", "determined", "filed"]


@pytest.mark.parametrize("because", [Because.WITHDRAWN, Because.REJECTED, Because.DISQUALIFIED])
@pytest.mark.parametrize("live", [False, True])
def test_before_filing_a_claim_may_end(because: Claim.EndedBecause, live: bool) -> None:
    actor, claim = somebody(), submitted()
    if live:
        determine_claim(claim=claim, actor=actor)
    assert end_claim(claim=claim, because=because, actor=actor).state == Claim.State.ENDED


def test_after_filing_a_claim_ends_by_no_other_way() -> None:
    actor, claim = somebody(), submitted()
    determine_claim(claim=claim, actor=actor)
    file_claim(claim=claim, actor=actor)
    with pytest.raises(FiledClaimStands):
        end_claim(claim=claim, because=Because.WITHDRAWN, actor=actor)
    with pytest.raises(ClaimEndNeedsReason):
        end_claim(claim=claim, because=Because.ISSUANCE_CANCELLED, actor=actor)
    with pytest.raises(ClaimEndNeedsReason):
        end_filed_claim(claim=claim, decision=" ", actor=actor)
    assert Claim.objects.live().count() == 1


def test_a_wrong_step_says_what_the_state_is() -> None:
    actor, claim = somebody(), submitted()
    with pytest.raises(ClaimMoveNotAllowed, match="待审定"):
        file_claim(claim=claim, actor=actor)
    with pytest.raises(FiledClaimStands):  # Not filed: the database refuses the decision.
        end_filed_claim(claim=determine_claim(claim=claim, actor=actor), decision="决", actor=actor)
    end_claim(claim=claim, because=Because.WITHDRAWN, actor=actor)
    with pytest.raises(ClaimMoveNotAllowed, match="已终止"):
        determine_claim(claim=claim, actor=actor)


def test_days_are_inclusive() -> None:
    period = days(date(2021, 1, 1), date(2025, 12, 31))
    assert period.upper == date(2026, 1, 1)
    assert last_day(period) == date(2025, 12, 31)
    with pytest.raises(ClaimPeriodInvalid):
        days(date(2021, 1, 2), date(2021, 1, 1))


def test_claims_are_found_by_land_and_period() -> None:
    claim = submitted(0)
    assert Claim.objects.standing().during(PERIOD).overlapping(square(50, 0)).get() == claim
    assert not Claim.objects.standing().overlapping(square(100, 0)).exists()
    later = days(date(2026, 1, 1), date(2030, 12, 31))
    assert not Claim.objects.standing().during(later).exists()
