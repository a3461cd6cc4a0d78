"""The course of a title's review: who may say what, when, on which version."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError

from parcels.models import (
    BoundaryMessage,
    Finding,
    ParcelVersion,
    ReviewShape,
    SideCheck,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.boundaries import write_about_boundary
from parcels.reviews.errors import (
    ConflictsRemain,
    DifferenceNeedsReason,
    DifferenceTooSmall,
    NotWithOwner,
    OwnTitle,
    ReasonMissing,
    ReviewMoveNotAllowed,
    ReviewVersionChanged,
    SideDiffers,
    SidesOpen,
    TakenByColleague,
)
from parcels.reviews.models import (
    Outcome,
    Side,
)
from parcels.reviews.moves import MOVES
from parcels.reviews.operations import (
    propose_outcome,
    recheck_review,
    return_title,
    say_in_review,
    send_back,
    sign_review,
    submit_title,
    take_review,
    tick_side,
    withdraw_review,
)
from parcels.reviews.repairs import RepairKind
from parcels.reviews.shapes import current_shapes
from parcels.titles.operations import (
    CertificateFacts,
    change_facts,
    correct_shape,
    repair_shape,
)
from portal.accounts.models import Mandate
from portal.base.clock import today
from portal.base.errors import PortalError, StateMovedOn
from portal.base.guarantees import refusal_of
from portal.casework.errors import NotYourOffice
from portal.casework.models import ReviewCase
from tests.accounts.people import forestry_clerk, verbs
from tests.factories.land import square
from tests.parcels.reviews.bench import (
    approver,
    clerk,
    owner,
    proposed,
    seen,
    submitted,
    ticked,
    title_of,
    verified,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(people: dict[str, Any]) -> TitleReview:
    return title_of(people["user"], people["party"], square(0, 0), area_m2=10_000)


def test_a_title_goes_from_draft_to_verified_by_two_officers(
    people: dict[str, Any], draft: TitleReview
) -> None:
    assert draft.state == "draft"
    review = proposed(submitted(draft), people["clerk"])
    assert (review.state, review.case and review.case.steps.get().status) == (
        "approving",
        "prepared",
    )
    review = sign_review(review=review, seen=seen(review), actor=people["approver"])
    review.certificate.refresh_from_db()
    assert (review.state, review.certificate.state) == ("verified", "verified")
    assert review.case is not None
    assert ReviewCase.objects.get(pk=review.case.pk).state == "approved"
    assert VerifiedTitle.objects.get().version == current_shapes(review)[0]
    assert verbs("title_review", review.key) == [
        "registered", "submitted", "taken", *["side_checked"] * 4, "proposed", "verified",
    ]  # fmt: skip


def test_a_title_that_overlaps_a_verified_one_is_not_verified(people: dict[str, Any]) -> None:
    verified(
        title_of(people["user"], people["party"], square(0, 0), number="一"),
        people["clerk"],
        people["approver"],
    )
    other, party = owner("li")
    review = submitted(title_of(other, party, square(97, 0), number="二"))
    with pytest.raises(ConflictsRemain):
        proposed(review, people["clerk"])
    assert review.run is not None
    [finding] = review.run.findings.filter(severity="conflict")
    assert finding.rule == "overlap_title"
    assert finding.area_m2 == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize(
    ("area_m2", "outcome", "reason", "refusal"),
    [
        (10_300, Outcome.VERIFIED, "", None),
        (10_700, Outcome.VERIFIED, "", DifferenceNeedsReason),
        (10_700, Outcome.VERIFIED_WITH_DIFFERENCE, " ", DifferenceNeedsReason),
        (10_700, Outcome.VERIFIED_WITH_DIFFERENCE, "证载为目估面积，现场复核无误。", None),
        (10_300, Outcome.VERIFIED_WITH_DIFFERENCE, "无", DifferenceTooSmall),
        (None, Outcome.VERIFIED, "", None),
        (10_000, Outcome.REJECTED, "", ReasonMissing),
    ],
)
def test_more_than_five_percent_between_paper_and_map_needs_a_written_reason(
    people: dict[str, Any],
    area_m2: float | None,
    outcome: Outcome,
    reason: str,
    refusal: type[Exception] | None,
) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0), area_m2=area_m2))
    if refusal is None:
        assert proposed(review, people["clerk"], outcome, reason=reason).state == "approving"
        return
    with pytest.raises(refusal):
        proposed(review, people["clerk"], outcome, reason=reason)
    review.refresh_from_db()
    assert review.state == "preparing"


def test_the_four_sides_are_ticked_before_a_title_is_verified(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = submitted(draft)
    with pytest.raises(SidesOpen):
        propose_outcome(
            review=review, outcome=Outcome.VERIFIED, seen=seen(review), actor=people["clerk"]
        )
    ticked(review, people["clerk"])
    assert SideCheck.objects.filter(review=review).count() == 4


def test_a_side_that_differs_is_explained_or_nothing_is_verified(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = take_review(review=submitted(draft), actor=people["clerk"])
    ticked(review, people["clerk"])
    tick_side(review=review, side=Side.EAST, on_map="河", agrees=False, actor=people["clerk"])
    asked = {"outcome": Outcome.VERIFIED, "seen": seen(review), "actor": people["clerk"]}
    with pytest.raises(SideDiffers) as told:
        propose_outcome(review=review, **asked)
    assert told.value.facts["sides"] == "东至"
    review = propose_outcome(review=review, reason="河道改移，现场复核无误。", **asked)
    with (
        pytest.raises(IntegrityError) as refusal,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE parcels_titlereview SET state = 'verified', decided_by_id = %s, reason = '', "
            "decided_at = portal_now() WHERE id = %s", [people["approver"].pk, review.pk],
        )  # fmt: skip
    assert isinstance(refusal_of(refusal.value), SideDiffers)
    assert sign_review(review=review, seen=seen(review), actor=people["approver"]).reason


def test_two_parcels_of_one_certificate_do_not_overlap(people: dict[str, Any]) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0), square(97, 0)))
    with pytest.raises(ConflictsRemain):
        proposed(review, people["clerk"])
    review = recheck_review(review=review, actor=people["clerk"])
    assert review.run is not None
    [finding] = review.run.findings.all()
    assert finding.rule == "overlap_within"
    assert finding.area_m2 == pytest.approx(300, rel=0.01)


@pytest.mark.parametrize("changed", ["shape", "paper"])
def test_a_new_shape_and_other_words_on_the_paper_need_new_ticks(
    people: dict[str, Any], draft: TitleReview, changed: str
) -> None:
    review = proposed(submitted(draft), people["clerk"])
    review = return_title(
        review=review, asked="请更正", seen=seen(review), actor=people["approver"]
    )
    if changed == "shape":
        correct_shape(
            review=review, parcel=current_shapes(review)[0].parcel, geom=square(0, 0, 99),
            as_officer=False, actor=people["user"],
        )  # fmt: skip
    else:
        facts = CertificateFacts(
            kind=TitleCertificate.Kind.FOREST, number=review.certificate.number, side_east="河"
        )
        change_facts(review=review, facts=facts, as_officer=False, actor=people["user"])
    review = submit_title(review=TitleReview.objects.get(pk=review.pk), actor=people["user"])
    with pytest.raises(SidesOpen) as told:
        propose_outcome(
            review=review, outcome=Outcome.VERIFIED, seen=seen(review), actor=people["clerk"]
        )
    assert told.value.facts["sides"] == ("东至、南至、西至、北至" if changed == "shape" else "东至")
    assert proposed(review, people["clerk"]).state == "approving"


def test_raw_sql_verifies_no_title_whose_present_shape_has_no_ticks(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = proposed(submitted(draft), people["clerk"])
    [version] = current_shapes(review)
    ReviewShape.objects.create(
        review=review, parcel=version.parcel, version=version, made_by=people["clerk"]
    )
    with (
        pytest.raises(IntegrityError) as refusal,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE parcels_titlereview SET state = 'verified', decided_by_id = %s, "
            "decided_at = portal_now() WHERE id = %s", [people["approver"].pk, review.pk],
        )  # fmt: skip
    assert isinstance(refusal_of(refusal.value), SidesOpen)


def test_acts_beside_the_verdicts_are_an_officers_who_has_no_part_in_the_matter(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = submitted(draft)
    agent = clerk("agent")
    Mandate.objects.create(
        user=agent, party=people["party"], scope="view", valid_from=today(), given_by=people["user"]
    )
    parcel = current_shapes(review)[0].parcel
    acts = (
        lambda actor: ticked(review, actor),
        lambda actor: recheck_review(review=review, actor=actor),
        lambda actor: repair_shape(
            review=review, parcel=parcel, kind=RepairKind.SIMPLIFY, metres=1, as_officer=True,
            actor=actor,
        ),
        lambda actor: say_in_review(
            review=review, text="x", place=None, internal=True, as_officer=True, actor=actor
        ),
        lambda actor: write_about_boundary(
            review=review, finding=Finding(), kind=BoundaryMessage.Kind.REPORT_ERROR, text="x",
            as_officer=True, actor=actor,
        ),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(NotYourOffice):
            act(forestry_clerk(f"f{id(act)}"))
        with pytest.raises(OwnTitle):
            act(agent)


def test_a_case_that_a_colleague_took_is_not_taken_from_him(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = take_review(review=submitted(draft), actor=people["clerk"])
    with pytest.raises(TakenByColleague):
        take_review(review=review, actor=clerk("another"))
    assert take_review(review=review, actor=people["clerk"]).taken_by == people["clerk"]


def test_a_verdict_on_a_version_that_has_changed_is_told_so_and_loses_nothing(
    people: dict[str, Any],
) -> None:
    verified(
        title_of(people["user"], people["party"], square(100, 0), number="一"),
        people["clerk"],
        people["approver"],
    )
    other, party = owner("li")
    review = submitted(title_of(other, party, square(0, 0, 100.04), number="二"))
    before = seen(review)
    repair_shape(
        review=review,
        parcel=current_shapes(review)[0].parcel,
        kind=RepairKind.SNAP,
        metres=0.5,
        as_officer=True,
        actor=people["clerk"],
    )
    ticked(review, people["clerk"])
    with pytest.raises(ReviewVersionChanged) as told:
        propose_outcome(review=review, outcome=Outcome.VERIFIED, seen=before, actor=people["clerk"])
    assert (told.value.facts["seen"], told.value.facts["now"]) == ("1", "2")
    review.refresh_from_db()
    assert review.state == "preparing"
    assert ParcelVersion.objects.filter(parcel=current_shapes(review)[0].parcel).count() == 2


def test_what_was_not_seen_is_not_signed(people: dict[str, Any], draft: TitleReview) -> None:
    """The same shapes, but another outcome, or other words of the paper, since the page was opened."""
    review = proposed(submitted(draft), people["clerk"])
    opened = seen(review)
    review = send_back(
        review=review, reason="请核对", seen=opened, actor=approver("second-approver")
    )
    review = proposed(review, people["clerk"], Outcome.REJECTED, reason="重叠", article="第四条")
    given: dict[str, Any] = {"review": review, "seen": opened, "actor": people["approver"]}
    for act in (
        partial(sign_review, **given),
        partial(send_back, reason="x", **given),
        partial(return_title, asked="x", **given),
    ):
        with pytest.raises(StateMovedOn):
            act()
    review.refresh_from_db()
    assert (review.state, review.proposal) == ("approving", "rejected")
    opened = seen(review)
    review = return_title(review=review, asked="更正", seen=opened, actor=people["approver"])
    review = proposed(submit_title(review=review, actor=people["user"]), people["clerk"])
    with pytest.raises(StateMovedOn):
        sign_review(review=review, seen=opened, actor=people["approver"])


def test_what_was_returned_is_corrected_and_comes_back_on_the_same_case(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = submitted(draft)
    returned = return_title(
        review=review, asked="请与邻界对齐。", seen=seen(review), actor=people["clerk"]
    )
    assert returned.state == "returned"
    assert returned.case is not None
    assert ReviewCase.objects.get(pk=returned.case.pk).state == "stopped"
    again = submit_title(review=returned, actor=people["user"])
    assert (again.state, again.case_id) == ("preparing", returned.case_id)


def test_while_the_bureau_has_it_the_owner_changes_nothing(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = submitted(draft)
    with pytest.raises(NotWithOwner):
        repair_shape(
            review=review,
            parcel=current_shapes(review)[0].parcel,
            kind=RepairKind.SIMPLIFY,
            metres=1,
            as_officer=False,
            actor=people["user"],
        )


def test_a_verdict_without_the_office_twice_or_out_of_order_is_refused(
    people: dict[str, Any], draft: TitleReview
) -> None:
    with pytest.raises(ReviewMoveNotAllowed):
        return_title(review=draft, asked="x", seen=seen(draft), actor=people["clerk"])
    review = submitted(draft)
    with pytest.raises(ReviewMoveNotAllowed):
        sign_review(review=review, seen=seen(review), actor=people["approver"])
    with pytest.raises(NotYourOffice):
        return_title(review=review, asked="x", seen=seen(review), actor=forestry_clerk("somebody"))
    with pytest.raises(NotYourOffice):  # The office comes before what is still to be done.
        propose_outcome(
            review=review, outcome=Outcome.VERIFIED, seen=seen(review), actor=people["approver"]
        )
    review = proposed(review, people["clerk"])
    with pytest.raises(PortalError) as alone:
        sign_review(review=review, seen=seen(review), actor=people["clerk"])
    assert alone.value.code in ("signed_by_another", "same_person_decides")
    with pytest.raises(ReviewMoveNotAllowed):
        propose_outcome(
            review=review, outcome=Outcome.VERIFIED, seen=seen(review), actor=people["clerk"]
        )
    sign_review(review=review, seen=seen(review), actor=people["approver"])
    given: dict[str, Any] = {"review": review, "seen": seen(review), "actor": people["approver"]}
    for again in (
        partial(sign_review, **given),
        partial(send_back, reason="x", **given),
        partial(withdraw_review, review=review, actor=people["user"]),
    ):
        with pytest.raises(ReviewMoveNotAllowed):
            again()


def test_nobody_reviews_an_own_title(people: dict[str, Any], draft: TitleReview) -> None:
    review = submitted(draft)
    with pytest.raises(OwnTitle):
        take_review(review=review, actor=people["user"])


def test_a_proposal_sent_back_is_prepared_anew(people: dict[str, Any], draft: TitleReview) -> None:
    review = proposed(submitted(draft), people["clerk"])
    review = send_back(
        review=review, reason="请补充四至说明", seen=seen(review), actor=people["approver"]
    )
    assert (review.state, review.proposal, review.prepared_by) == ("preparing", "", None)
    assert proposed(review, people["clerk"]).state == "approving"


def test_a_rejection_names_its_article_and_ends_what_was_registered(
    people: dict[str, Any], draft: TitleReview
) -> None:
    review = proposed(
        submitted(draft), people["clerk"], Outcome.REJECTED, reason="权属不清", article="第四条"
    )
    review = sign_review(review=review, seen=seen(review), actor=people["approver"])
    review.certificate.refresh_from_db()
    assert (review.state, review.certificate.state) == ("rejected", "cancelled")
    assert not ParcelVersion.objects.standing().exists()


def test_the_database_moves_reviews_by_the_same_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'title_review_moves'")
        text = cursor.fetchone()[0]
    table = text.partition("(OLD.state, NEW.state) NOT IN")[2].partition("THEN")[0]
    rows = set(re.findall(r"\('(\w+)', '(\w+)'\)", table))
    assert rows == {(before.value, after.value) for (before, _move), after in MOVES.items()}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parcels_titlereview SET state = 'preparing' WHERE id = {review}",
        "UPDATE parcels_titlereview SET reason = 'x' WHERE id = {review}",
        "DELETE FROM parcels_titlereview WHERE id = {review}",
        "UPDATE parcels_reviewshape SET version_id = version_id",
        "DELETE FROM parcels_sidecheck",
        "UPDATE parcels_titlecertificate SET side_east = 'x' WHERE id = {certificate}",
        "UPDATE parcels_titlecertificate SET state = 'registered' WHERE id = {certificate}",
        "UPDATE parcels_right SET share_denominator = 2 WHERE certificate_id = {certificate}",
        "UPDATE parcels_parcelversion SET geom = ST_Translate(geom, 0.001, 0)",
        "UPDATE parcels_parcel SET unit_number = 'x'",
        "INSERT INTO parcels_titlereview (key, certificate_id, because, state, made_by_id, "
        "request_reason, asked, proposal, reason, article) SELECT gen_random_uuid(), "
        "certificate_id, because, 'verified', made_by_id, '', '', '', '', '' "
        "FROM parcels_titlereview",
    ],
)
def test_raw_sql_cannot_change_a_decided_title(
    people: dict[str, Any], draft: TitleReview, statement: str
) -> None:
    review = verified(draft, people["clerk"], people["approver"])
    with (
        pytest.raises((IntegrityError, ProgrammingError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(review=review.pk, certificate=review.certificate_id))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parcels_titlereview SET decided_by_id = prepared_by_id, decided_at = portal_now(), "
        "state = 'verified' WHERE id = {review}",
        "UPDATE parcels_titlereview SET state = 'verified' WHERE id = {review}",
        "UPDATE parcels_titlereview SET proposal = 'rejected' WHERE id = {review}",
        "UPDATE parcels_titlereview SET proposal = '' WHERE id = {review}",
        "UPDATE parcels_titlereview SET state = 'draft' WHERE id = {review}",
    ],
)
def test_raw_sql_cannot_decide_alone_or_out_of_order(
    people: dict[str, Any], draft: TitleReview, statement: str
) -> None:
    review = proposed(submitted(draft), people["clerk"])
    with (
        pytest.raises((IntegrityError, ProgrammingError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(review=review.pk))
