"""What an owner does with land: splitting, merging, changing a verified title, keeping lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely

from parcels.models import (
    Parcel,
    ParcelLineage,
    ParcelVersion,
    Right,
    RightKind,
    TakeoverConflict,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.errors import ParcelShared, ReviewLandReplaced, ReviewMoveNotAllowed
from parcels.reviews.models import Outcome
from parcels.reviews.operations import (
    open_takeover_case,
    sign_review,
    submit_title,
    withdraw_review,
)
from parcels.reviews.repairs import degrees, plane
from parcels.reviews.shapes import as_shapely, current_shapes
from parcels.titles.errors import ChangeOpen, NotVerifiedYet, NumberInUse
from parcels.titles.land import Land
from parcels.titles.operations import (
    CertificateFacts,
    merge_parcels,
    register_title,
    request_change,
    split_parcel,
)
from portal.accounts.errors import MandateMissing
from portal.accounts.models import Party, User
from portal.casework.models import Message
from tests.factories.files import feature, geojson, polygon
from tests.factories.land import parcel_at, square, title_on
from tests.parcels.reviews.bench import (
    approver,
    clerk,
    owner,
    proposed,
    seen,
    submitted,
    title_of,
    verified,
)
from tests.parcels.test_import_command import import_parcels

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: Any) -> dict[str, Any]:
    user, party = owner()
    return {"user": user, "party": party, "clerk": clerk(), "approver": approver()}


def through_the_middle(version: ParcelVersion) -> shapely.LineString:
    west, south, east, north = plane(as_shapely(version.geom)).bounds
    middle = (west + east) / 2
    line = degrees(shapely.LineString([(middle, south - 5), (middle, north + 5)]))
    assert isinstance(line, shapely.LineString)
    return line


def test_a_registered_parcel_is_split_at_once_and_its_rights_go_with_it(
    people: dict[str, Any],
) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    [parent] = current_shapes(review)
    children = split_parcel(
        review=review, parcel=parent.parcel, line=through_the_middle(parent), actor=people["user"]
    )
    assert Parcel.objects.in_being().count() == 2
    assert set(ParcelLineage.objects.values_list("parent", "child", "because")) == {
        (parent.parcel_id, child.pk, "split") for child in children
    }
    assert set(
        Right.objects.filter(certificate=review.certificate).values_list("parcel", flat=True)
    ) == {child.pk for child in children}
    merged = merge_parcels(review=review, parcels=children, actor=people["user"])
    assert [one.parcel_id for one in current_shapes(review)] == [merged.pk]
    assert current_shapes(review)[0].area_m2 == pytest.approx(parent.area_m2, rel=1e-6)


def test_a_verified_title_changes_only_by_a_new_case_and_stands_until_it_is_signed(
    people: dict[str, Any],
) -> None:
    former = verified(
        title_of(people["user"], people["party"], square(0, 0)), people["clerk"],
        people["approver"],
    ).certificate  # fmt: skip
    change = request_change(
        certificate=former, reason="分割经营", party=people["party"], actor=people["user"]
    )
    with pytest.raises(ChangeOpen):
        request_change(
            certificate=former, reason="又一次", party=people["party"], actor=people["user"]
        )
    [parent] = current_shapes(change)
    split_parcel(
        review=change, parcel=parent.parcel, line=through_the_middle(parent), actor=people["user"]
    )
    assert ParcelVersion.objects.standing().get() == parent  # The pieces are proposals.
    change = submit_title(review=change, actor=people["user"])
    assert change.run is not None
    assert change.run.verdict == "clear"  # What it replaces is no neighbour.
    change = proposed(change, people["clerk"])
    sign_review(review=change, seen=seen(change), actor=people["approver"])
    former.refresh_from_db()
    assert former.state == "superseded"
    assert VerifiedTitle.objects.filter(ended_at__isnull=True).count() == 2
    assert set(ParcelVersion.objects.standing().values_list("parcel", flat=True)) == set(
        parent.parcel.children.values_list("child", flat=True)
    )


def test_a_change_needs_a_verified_title_and_a_mandate(people: dict[str, Any]) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    with pytest.raises(NotVerifiedYet):
        request_change(
            certificate=review.certificate, reason="x", party=people["party"], actor=people["user"]
        )
    stranger, _party = owner("li")
    with pytest.raises(MandateMissing):
        request_change(
            certificate=review.certificate, reason="x", party=people["party"], actor=stranger
        )


def test_the_same_number_is_registered_once_by_a_party(people: dict[str, Any]) -> None:
    title_of(people["user"], people["party"], square(0, 0))
    with pytest.raises(NumberInUse):
        title_of(people["user"], people["party"], square(500, 0))


def test_a_title_that_was_withdrawn_or_rejected_is_registered_again(people: dict[str, Any]) -> None:
    user, party = people["user"], people["party"]
    withdraw_review(review=title_of(user, party, square(0, 0)), actor=user)
    review = proposed(
        submitted(title_of(user, party, square(0, 0))), people["clerk"], Outcome.REJECTED,
        reason="权属不清", article="第四条",
    )  # fmt: skip
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    again = title_of(user, party, square(0, 0))
    assert again.state == "draft"
    with pytest.raises(NumberInUse):
        title_of(user, party, square(0, 0))


def test_a_parcel_with_another_certificate_is_not_changed_alone(people: dict[str, Any]) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    [version] = current_shapes(review)
    party = people["party"]
    other = title_on(number="另一本")
    Right.objects.create(certificate=other, parcel=version.parcel, kind="land_use", party=party)
    with pytest.raises(ParcelShared):
        split_parcel(
            review=review,
            parcel=version.parcel,
            line=through_the_middle(version),
            actor=people["user"],
        )


def test_owner_and_holder_are_told_of_the_decision(people: dict[str, Any]) -> None:
    verified(
        title_of(people["user"], people["party"], square(0, 0)), people["clerk"],
        people["approver"],
    )  # fmt: skip
    assert "审核通过" in Message.objects.get(user=people["user"]).subject


def test_a_takeovers_conflict_becomes_a_case_by_office(people: dict[str, Any]) -> None:
    certificate = title_on(parcel_at(square(0, 0)))
    assert not TakeoverConflict.objects.exists()
    review = open_takeover_case(certificate=certificate, actor=people["clerk"])
    assert (review.state, len(current_shapes(review))) == ("preparing", 1)
    review = proposed(review, people["clerk"])
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert TitleCertificate.objects.get(pk=certificate.pk).state == "verified"
    with pytest.raises(ReviewMoveNotAllowed):
        open_takeover_case(certificate=certificate, actor=people["clerk"])
    assert submitted(title_of(people["user"], people["party"], square(900, 0))).case is not None
    assert TitleReview.objects.count() == 2


def tapped(user: User, party: Party, parcel: Parcel) -> TitleReview:
    """A draft on land that is registered already."""
    return register_title(
        party=party,
        facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number="一"),
        kinds=[RightKind.TREE_OWNERSHIP],
        land=[Land(parcel=parcel)],
        actor=user,
    )


def test_land_that_an_import_changed_after_the_proposal_is_not_signed(
    people: dict[str, Any], tmp_path: Path
) -> None:
    parcel = parcel_at(square(0, 0), unit_number="654002001001JC00001")
    review = proposed(submitted(tapped(people["user"], people["party"], parcel)), people["clerk"])
    ring = [list(point) for point in square(0, 0, 120).coords[0][0]]
    path = tmp_path / "地块.geojson"
    geojson(path, [feature(polygon(ring), BDCDYH=parcel.unit_number)])
    assert import_parcels(path).answer["changed"] == 1
    with pytest.raises(ReviewLandReplaced) as told:
        sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert (told.value.facts["seen"], told.value.facts["now"]) == ("1", "2")
    review.refresh_from_db()
    assert (review.state, review.proposal) == ("approving", "verified")
    assert not VerifiedTitle.objects.exists()


def test_land_that_another_draft_split_after_the_proposal_is_not_signed(
    people: dict[str, Any],
) -> None:
    parcel = parcel_at(square(0, 0))
    other = tapped(*owner("li"), parcel)
    review = proposed(submitted(tapped(people["user"], people["party"], parcel)), people["clerk"])
    [version] = current_shapes(other)
    split_parcel(review=other, parcel=parcel, line=through_the_middle(version), actor=other.made_by)
    with pytest.raises(ReviewLandReplaced):
        sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert not VerifiedTitle.objects.exists()
