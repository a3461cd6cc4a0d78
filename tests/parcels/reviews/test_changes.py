"""What an owner does with land: splitting, merging, changing a verified title, keeping lineage."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from parcels.models import (
    Parcel,
    ParcelLineage,
    ParcelVersion,
    ReviewShape,
    Right,
    TakeoverConflict,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.errors import (
    ChangeOpen,
    ConflictsRemain,
    EndedReviewHolds,
    NotItsPeople,
    NotVerifiedYet,
    ParcelLeftReview,
    ParcelShared,
    PartsOpen,
    RegisterNotAhead,
    ReviewLandReplaced,
    ReviewMoveNotAllowed,
    SidesOpen,
    VerifiedParcelFrozen,
)
from parcels.reviews.models import Outcome
from parcels.reviews.operations import (
    follow_register,
    open_takeover_case,
    propose_outcome,
    recheck_review,
    return_title,
    sign_review,
    submit_title,
    withdraw_review,
)
from parcels.reviews.queries import changed_facts, gives_way
from parcels.reviews.shapes import (
    current_shapes,
    successors,
)
from parcels.titles.errors import NumberInUse, RegisterNumbersKept
from parcels.titles.land import Place
from parcels.titles.operations import (
    CertificateFacts,
    change_facts,
    change_shares,
    correct_place,
    correct_shape,
    merge_parcels,
    request_change,
    split_parcel,
)
from parcels.titles.owners import SOLE, CoOwner, Shares
from portal.accounts.errors import MandateMissing
from portal.accounts.models import User
from portal.accounts.operations import link_party
from portal.base.guarantees import refusal_of
from portal.casework.errors import NotYourOffice
from portal.casework.models import Message
from tests.accounts.people import forestry_clerk
from tests.factories.files import feature, geojson, polygon
from tests.factories.land import imported_title_on, parcel_at, square, title_on, verify
from tests.parcels.reviews.bench import (
    cut_up,
    owner,
    proposed,
    seen,
    submitted,
    tapped,
    through_the_middle,
    title_of,
    verified,
)
from tests.parcels.test_import_command import import_parcels

pytestmark = pytest.mark.django_db
UNIT = "654002001001JC00001L00000001"


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


def change_of_a_square(people: dict[str, Any]) -> tuple[TitleReview, ParcelVersion]:
    """A change of a verified square, and the square."""
    former = verified(
        title_of(people["user"], people["party"], square(0, 0)), people["clerk"],
        people["approver"],
    ).certificate  # fmt: skip
    change = request_change(
        certificate=former, reason="分割经营", party=people["party"], actor=people["user"]
    )
    return change, current_shapes(change)[0]


def test_pieces_of_verified_land_are_changed_and_joined_again_before_any_stands(
    people: dict[str, Any],
) -> None:
    change, parent = change_of_a_square(people)
    user, standing = people["user"], ParcelVersion.objects.standing()
    first, second = split_parcel(
        review=change, parcel=parent.parcel, line=through_the_middle(parent), actor=user
    )
    piece = current_shapes(change)[0]
    correct_shape(review=change, parcel=first, geom=piece.geom, as_officer=False, actor=user)
    merged = merge_parcels(review=change, parcels=[first, second], actor=user)
    for parcel in (parent.parcel, first):  # In another tab, where it was still whole.
        with pytest.raises(ParcelLeftReview):
            correct_shape(
                review=change, parcel=parcel, geom=parent.geom, as_officer=False, actor=user
            )
        with pytest.raises(ParcelLeftReview):
            split_parcel(review=change, parcel=parcel, line=through_the_middle(parent), actor=user)
    assert standing.get() == parent
    change = submit_title(review=change, actor=user)
    assert change.run is not None
    assert change.run.verdict == "clear"
    change = proposed(change, people["clerk"])
    sign_review(review=change, seen=seen(change), actor=people["approver"])
    assert standing.get().parcel == merged
    assert list(Parcel.objects.in_being()) == [merged]


def test_raw_sql_lets_no_piece_of_verified_land_stand(people: dict[str, Any]) -> None:
    change, parent = change_of_a_square(people)
    piece = split_parcel(
        review=change, parcel=parent.parcel, line=through_the_middle(parent), actor=people["user"]
    )[0]
    for statement, refused in (
        ("UPDATE parcels_parcelversion SET stands_from = portal_now() WHERE parcel_id = %s",
         VerifiedParcelFrozen),
        ("INSERT INTO parcels_parcelversion (parcel_id, number, geom, because, stands_from) "
         "SELECT parcel_id, 2, geom, 'correction', portal_now() FROM parcels_parcelversion "
         "WHERE parcel_id = %s", VerifiedParcelFrozen),
        ("WITH loose AS (INSERT INTO parcels_parcel (key, unit_number, unit_number_key, county_code,"
         " township_code, village, compartment, subcompartment, place_name) VALUES "
         "(gen_random_uuid(), '', '', '', '', '', '', '', '') RETURNING id), standing AS ("
         "INSERT INTO parcels_parcelversion (parcel_id, number, geom, because, stands_from) "
         "SELECT loose.id, 1, geom, 'split', portal_now() FROM parcels_parcelversion, loose "
         "WHERE parcel_id = %s) INSERT INTO parcels_parcellineage (parent_id, child_id, because, "
         "made_by_id) SELECT parent_id, loose.id, 'split', made_by_id "
         "FROM parcels_parcellineage, loose LIMIT 1", VerifiedParcelFrozen),
    ):  # fmt: skip
        with (
            pytest.raises(IntegrityError) as refusal,
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [piece.pk])
        assert isinstance(refusal_of(refusal.value), refused)


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
    assert (again.state, again.run and again.run.verdict) == ("draft", "clear")
    assert ParcelVersion.objects.standing().get() == current_shapes(again)[0]
    with pytest.raises(NumberInUse):
        title_of(user, party, square(0, 0))


def test_land_that_another_holds_too_and_land_of_the_register_outlast_a_withdrawal(
    people: dict[str, Any],
) -> None:
    user, party = people["user"], people["party"]
    mine = title_of(user, party, square(0, 0))
    [shared] = current_shapes(mine)
    stranger, other = owner("li")
    theirs = tapped(stranger, other, shared.parcel)
    registered = parcel_at(square(500, 0))
    imported_title_on(registered, number="三", holder=party)
    piece = cut_up(tapped(user, party, registered), user)[0]
    withdraw_review(review=mine, actor=user)
    withdraw_review(review=TitleReview.objects.get(shapes__parcel=piece), actor=user)
    standing = ParcelVersion.objects.standing()
    assert standing.filter(parcel=shared.parcel).exists()
    assert standing.count() == 3
    withdraw_review(review=theirs, actor=stranger)
    assert not standing.filter(parcel=shared.parcel).exists()
    change, parent = change_of_a_square(people)
    cut_up(change, user)
    withdraw_review(review=change, actor=user)
    assert standing.filter(parcel=parent.parcel).exists()
    assert Parcel.objects.in_being().filter(parents__parent=parent.parcel).count() == 0


def test_raw_sql_ends_no_registration_whose_certificate_or_land_would_stay(
    people: dict[str, Any],
) -> None:
    whole, divided = (
        title_of(people["user"], people["party"], square(east_m, 0), number=number)
        for east_m, number in ((0, "一"), (500, "二"))
    )
    cut_up(divided, people["user"])
    for review, cancelled in ((whole, False), (whole, True), (divided, True)):
        refuse_withdrawal_by_sql(review, cancelled=cancelled)


def refuse_withdrawal_by_sql(review: TitleReview, *, cancelled: bool = True) -> None:
    with (
        pytest.raises(IntegrityError) as refusal,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        if cancelled:
            cursor.execute("UPDATE parcels_titlecertificate SET state = 'cancelled'")
        cursor.execute(
            "UPDATE parcels_titlereview SET state = 'withdrawn' WHERE id = %s", [review.pk]
        )
    assert isinstance(refusal_of(refusal.value), EndedReviewHolds)


def test_what_a_registration_corrected_of_the_registers_land_stands_as_before_once_it_ends(
    people: dict[str, Any],
) -> None:
    user, parcel = people["user"], parcel_at(square(0, 0))
    former = parcel.versions.get()
    review = submitted(tapped(user, people["party"], parcel))
    review = return_title(review=review, asked="x", seen=seen(review), actor=people["clerk"])
    reshaped(review, user)
    correct_shape(review=review, parcel=parcel, geom=square(0, 0, 80), as_officer=False, actor=user)
    assert ParcelVersion.objects.standing().get().number == 3
    refuse_withdrawal_by_sql(review)
    withdraw_review(review=review, actor=user)
    stands = ParcelVersion.objects.standing().get()
    assert (stands.number, stands.because) == (4, "restoration")
    assert stands.geom.equals_exact(former.geom)
    # Whoever begins there anew begins with it, and leaves it alone by leaving.
    again = tapped(user, people["party"], parcel)
    assert current_shapes(again) == [stands]
    withdraw_review(review=again, actor=user)
    assert ParcelVersion.objects.standing().get() == stands


def test_the_correction_of_a_registration_that_ended_is_not_restored(
    people: dict[str, Any],
) -> None:
    parcel = parcel_at(square(0, 0))
    former = parcel.versions.get()
    first, second = (tapped(people["user"], people["party"], parcel, number=n) for n in "一二")
    for review in (first, second):
        submitted(review)
        back = TitleReview.objects.get(pk=review.pk)
        return_title(review=back, asked="x", seen=seen(back), actor=people["clerk"])
    for review, side_m in ((first, 90), (second, 80)):
        correct_shape(
            review=review, parcel=parcel, geom=square(0, 0, side_m), as_officer=False,
            actor=people["user"],
        )  # fmt: skip
    withdraw_review(review=first, actor=people["user"])
    assert ParcelVersion.objects.standing().get().number == 3
    withdraw_review(review=second, actor=people["user"])
    assert ParcelVersion.objects.standing().get().geom.equals_exact(former.geom)


def reshaped(review: TitleReview, actor: User) -> ParcelVersion:
    [version] = current_shapes(review)
    return correct_shape(
        review=review, parcel=version.parcel, geom=square(0, 0, 90), as_officer=False, actor=actor
    )


@pytest.mark.parametrize("change", [cut_up, reshaped])
@pytest.mark.parametrize("linked", [False, True])
def test_whoever_taps_land_and_types_its_number_changes_it_only_when_it_is_proved_his(
    people: dict[str, Any], change: Any, linked: bool
) -> None:
    parcel = parcel_at(square(0, 0))
    title = imported_title_on(parcel, number="一")
    if linked:
        link_party(
            name_only=title.rights.get().party, checked=people["party"], evidence="身份证与证书",
            actor=forestry_clerk("links"),
        )  # fmt: skip
    review = tapped(people["user"], people["party"], parcel)
    if linked:
        assert change(review, people["user"])
        verified(review, people["clerk"], people["approver"])
        title.refresh_from_db()
        assert title.state == "superseded"  # The same paper, on whatever parcels its land is now.
        return
    with pytest.raises(ParcelShared) as told:
        change(review, people["user"])
    assert told.value.facts["number"] == "一"
    assert ParcelVersion.objects.get().number == 1


def test_the_registers_own_numbers_are_not_corrected_by_an_owner(
    people: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "地块.geojson"
    ring = [list(point) for point in square(0, 0).coords[0][0]]
    geojson(path, [feature(polygon(ring), BDCDYH=UNIT, ZQ_HAO="一", LQ_QLR="王")])
    assert import_parcels(path).answer["imported"] == 1
    parcel = Parcel.objects.get()
    Right.objects.update(party=people["party"])
    review = title_of(people["user"], people["party"], square(900, 0), number="二")
    own = current_shapes(review)[0].parcel
    correct_place(review=review, parcel=own, place=Place(compartment="7"), actor=people["user"])
    with pytest.raises(RegisterNumbersKept):
        correct_place(
            review=tapped(people["user"], people["party"], parcel, number="三"), parcel=parcel,
            place=Place(unit_number=""), actor=people["user"],
        )  # fmt: skip
    parcel.refresh_from_db()
    own.refresh_from_db()
    assert (parcel.unit_number, own.compartment) == (UNIT, "7")


def test_a_draft_on_tapped_land_neither_changes_it_nor_blocks_its_owner(
    people: dict[str, Any],
) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    [version] = current_shapes(review)
    stranger, party = owner("li")
    stray = tapped(stranger, party, version.parcel)
    for change in (cut_up, reshaped):
        with pytest.raises(ParcelShared):
            change(stray, stranger)
    assert reshaped(review, people["user"]).number == 2
    assert len(cut_up(review, people["user"])) == 2


@pytest.mark.parametrize("number", ["一", "二"])
def test_raw_sql_changes_no_land_that_another_title_proves(
    people: dict[str, Any], number: str
) -> None:
    stranger, party = owner("li")
    parcel = parcel_at(square(0, 0))
    imported_title_on(parcel, number=number, holder=party)
    review = tapped(people["user"], people["party"], parcel)
    newer = ParcelVersion.objects.create(
        parcel=parcel, number=2, geom=square(0, 0, 90), because="correction"
    )
    row = (
        "INSERT INTO parcels_reviewshape (review_id, parcel_id, version_id, leaves, facts, "
        "made_by_id) VALUES (%s, %s, %s, %s, '{}', %s)"
    )
    [present] = current_shapes(review)
    for version, leaves in ((newer, False), (present, True)):
        with (
            pytest.raises(IntegrityError) as refusal,
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(row, [review.pk, parcel.pk, version.pk, leaves, people["user"].pk])
        assert isinstance(refusal_of(refusal.value), ParcelShared)


def test_a_verified_certificate_beside_it_is_changed_by_its_own_review(
    people: dict[str, Any],
) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    [version] = current_shapes(review)
    other = title_on(version.parcel, number="另一本", kind="land_use")
    Right.objects.filter(certificate=other).update(party=people["party"])
    verify(other)
    with pytest.raises(ParcelShared):
        cut_up(review, people["user"])


def test_a_strangers_paper_of_the_same_number_is_not_superseded_as_ones_own(
    people: dict[str, Any],
) -> None:
    stranger, party = owner("li")
    parcel = parcel_at(square(0, 0))
    theirs = imported_title_on(parcel, number="一", holder=party)
    review = proposed(submitted(tapped(people["user"], people["party"], parcel)), people["clerk"])
    assert review.run is not None
    assert review.run.findings.filter(rule="duplicate_number").exists()
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    theirs.refresh_from_db()
    assert theirs.state == "registered"


def test_a_number_is_not_corrected_to_one_that_its_holder_uses(people: dict[str, Any]) -> None:
    title_of(people["user"], people["party"], square(0, 0), number="一")
    review = title_of(people["user"], people["party"], square(500, 0), number="二")
    for number, refusal in (("二", None), (" 一", NumberInUse), ("三", None)):
        with pytest.raises(refusal) if refusal else nullcontext():
            change_facts(
                review=review,
                facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number=number),
                as_officer=False,
                actor=people["user"],
            )
    review.certificate.refresh_from_db()
    assert review.certificate.number == "三"


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


def imported_anew(parcel: Parcel, folder: Path) -> None:
    ring = [list(point) for point in square(0, 0, 120).coords[0][0]]
    path = folder / "地块.geojson"
    geojson(path, [feature(polygon(ring), BDCDYH=parcel.unit_number)])
    assert import_parcels(path).answer["changed"] == 1


def test_land_that_an_import_changed_after_the_proposal_is_not_signed(
    people: dict[str, Any], tmp_path: Path
) -> None:
    parcel = parcel_at(square(0, 0), unit_number="654002001001JC00001")
    review = proposed(submitted(tapped(people["user"], people["party"], parcel)), people["clerk"])
    imported_anew(parcel, tmp_path)
    with pytest.raises(ReviewLandReplaced) as told:
        sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert (told.value.facts["seen"], told.value.facts["now"]) == ("1", "2")
    review.refresh_from_db()
    assert (review.state, review.proposal) == ("approving", "verified")
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        decided_by_hand(review, people["approver"])
    assert isinstance(refusal_of(refusal.value), ReviewLandReplaced)
    assert not VerifiedTitle.objects.exists()
    # The owner goes over to it, and the officers look anew.
    review = return_title(
        review=review, asked="图形已更新", seen=seen(review), actor=people["approver"]
    )
    review = follow_register(review=review, actor=people["user"])
    assert [one.number for one in current_shapes(review)] == [2]
    with pytest.raises(RegisterNotAhead):
        follow_register(review=review, actor=people["user"])
    review = submit_title(review=review, actor=people["user"])
    with pytest.raises(SidesOpen):
        propose_outcome(
            review=review, outcome=Outcome.VERIFIED, seen=seen(review), actor=people["clerk"]
        )
    review = proposed(review, people["clerk"])
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert VerifiedTitle.objects.get().version.number == 2


def decided_by_hand(review: TitleReview, officer: User) -> None:
    """As whoever writes past the operations would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE parcels_titlereview SET state = 'verified', decided_by_id = %s, "
            "decided_at = portal_now() WHERE id = %s", [officer.pk, review.pk],
        )  # fmt: skip
        cursor.execute(
            "UPDATE parcels_titlecertificate SET state = 'verified' WHERE id = %s",
            [review.certificate_id],
        )


def test_a_takeovers_conflict_goes_over_to_land_that_was_imported_anew(
    people: dict[str, Any], tmp_path: Path
) -> None:
    parcel = parcel_at(square(0, 0), unit_number="654002001001JC00001")
    certificate = imported_title_on(parcel, number="一")
    review = open_takeover_case(certificate=certificate, actor=people["clerk"])
    imported_anew(parcel, tmp_path)
    with pytest.raises(ReviewLandReplaced):
        proposed(review, people["clerk"])
    with pytest.raises(NotYourOffice):
        follow_register(review=review, actor=people["approver"])
    review = proposed(follow_register(review=review, actor=people["clerk"]), people["clerk"])
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert VerifiedTitle.objects.get().version.number == 2


def test_a_paper_of_another_name_gives_way_only_before_the_officers_eyes(
    people: dict[str, Any],
) -> None:
    parcel = parcel_at(square(0, 0))
    theirs = imported_title_on(parcel, number="一")
    review = submitted(tapped(people["user"], people["party"], parcel))
    assert review.run is not None
    assert {finding.rule for finding in review.run.findings.all()} == {
        "duplicate_number", "rival_title",
    }  # fmt: skip
    [former] = gives_way(review)
    assert (former.certificate, former.holders, former.is_ones_own) == (theirs, "张三", False)
    review = proposed(review, people["clerk"])
    assert review.case is not None
    said = review.case.steps.get().verdicts.order_by("pk").last()
    assert said is not None
    assert said.facts["gives_way"] == [str(theirs.key)]


def test_land_that_is_verified_for_another_is_not_verified_twice(people: dict[str, Any]) -> None:
    stranger, party = owner("li")
    verified(title_of(stranger, party, square(0, 0)), people["clerk"], people["approver"])
    review = submitted(tapped(people["user"], people["party"], Parcel.objects.get()))
    with pytest.raises(ConflictsRemain):
        proposed(review, people["clerk"])
    review = recheck_review(review=review, actor=people["clerk"])
    assert review.run is not None
    assert review.run.findings.get(severity="conflict").rule == "rival_title"


def test_a_co_owner_whom_a_change_leaves_out_is_told_and_the_officers_see_it(
    people: dict[str, Any],
) -> None:
    other, party = owner("li")
    together = Shares(own=1, of=2, others=[CoOwner(name=party.name, share=1, key=str(party.key))])
    review = title_of(people["user"], people["party"], square(0, 0))
    Right.objects.filter(certificate=review.certificate).update(share_denominator=2)
    right = review.certificate.rights.get()
    Right.objects.create(
        certificate=review.certificate, parcel=right.parcel, kind=right.kind, party=party,
        share_denominator=2,
    )  # fmt: skip
    former = verified(review, people["clerk"], people["approver"]).certificate
    change = request_change(
        certificate=former, reason="分户", party=people["party"], actor=people["user"]
    )
    change_shares(review=change, party=people["party"], shares=together, actor=people["user"])
    assert [fact.agrees for fact in changed_facts(change)] == [True]
    change_shares(review=change, party=people["party"], shares=SOLE, actor=people["user"])
    subjects = list(
        Message.objects.filter(user=other).order_by("pk").values_list("subject", flat=True)
    )
    assert [subject.partition("：")[0] for subject in subjects[-3:]] == [
        "已提出权属变更", "权利人和份额已更正", "权利人和份额已更正",
    ]  # fmt: skip
    [holders] = changed_facts(change)
    assert (holders.agrees, "1/2" in holders.on_paper, "1/2" in holders.on_land) == (
        False, True, False,
    )  # fmt: skip
    change = proposed(submit_title(review=change, actor=people["user"]), people["clerk"])
    sign_review(review=change, seen=seen(change), actor=people["approver"])
    told = Message.objects.filter(user=other).latest("pk")
    assert told.subject.startswith("权属已审核通过")


def test_land_that_another_draft_split_after_the_proposal_is_not_signed(
    people: dict[str, Any],
) -> None:
    parcel = parcel_at(square(0, 0))
    holder, party = owner("li")
    imported_title_on(parcel, number="三", holder=party)
    other = tapped(holder, party, parcel)
    review = proposed(submitted(tapped(people["user"], people["party"], parcel)), people["clerk"])
    kept, left = cut_up(other, holder)
    with pytest.raises(ReviewLandReplaced):
        sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert not VerifiedTitle.objects.exists()
    # Its owner goes over to the part that is his; the officers look anew.
    review = return_title(
        review=review, asked="宗地已分割", seen=seen(review), actor=people["approver"]
    )
    for parts in ([], [kept.key, uuid.uuid4()]):
        with pytest.raises(PartsOpen):
            follow_register(review=review, parts=parts, actor=people["user"])
    assert [one.version.parcel for one in successors(review)] == [kept, left]
    review = follow_register(review=review, parts=[kept.key], actor=people["user"])
    assert [one.parcel for one in current_shapes(review)] == [kept]
    assert [right.parcel for right in review.certificate.rights.all()] == [kept]
    review = proposed(submit_title(review=review, actor=people["user"]), people["clerk"])
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert VerifiedTitle.objects.get().parcel == kept


def test_a_takeovers_conflict_goes_over_to_what_was_split_and_merged_again(
    people: dict[str, Any],
) -> None:
    parcel = parcel_at(square(0, 0))
    holder, party = owner("li")
    imported_title_on(parcel, number="三", holder=party)
    certificate = imported_title_on(parcel, number="四", holder=party)
    other = tapped(holder, party, parcel)
    pieces = cut_up(other, holder)
    whole = merge_parcels(review=other, parcels=pieces, actor=holder)
    review = open_takeover_case(certificate=certificate, actor=people["clerk"])
    with pytest.raises(PartsOpen):
        follow_register(review=review, actor=people["clerk"])
    [part] = successors(review)
    assert (part.version.parcel, part.is_part, part.lies_mostly_inside) == (whole, True, True)
    assert part.shared_m2 == pytest.approx(part.version.area_m2, rel=1e-6)
    review = follow_register(review=review, parts=[whole.key], actor=people["clerk"])
    review = proposed(review, people["clerk"])
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    assert VerifiedTitle.objects.get().parcel == whole


def test_raw_sql_lets_no_stranger_say_what_a_review_is_about(people: dict[str, Any]) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    [version] = current_shapes(review)
    stranger, _party = owner("li")
    shape = {"review": review, "parcel": version.parcel, "version": version}
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        ReviewShape.objects.create(**shape, made_by=stranger)
    assert isinstance(refusal_of(refusal.value), NotItsPeople)
    ReviewShape.objects.create(**shape, made_by=people["user"])
