"""Verified titles that are wrong as a whole: cancelled by two officers, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, OperationalError
from django.test import Client
from django.urls import reverse

from parcels.models import (
    Parcel,
    ParcelVersion,
    RightKind,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.errors import (
    CancelledByOffice,
    ChangeNotSigned,
    ClaimsStand,
    EndedReviewHolds,
    ReasonMissing,
    SignedByAnother,
)
from parcels.reviews.models import Outcome
from parcels.reviews.operations import change_by_office, sign_review, withdraw_review
from portal.base.guarantees import refusal_of
from portal.casework.models import Message
from tests.conftest import app_connection
from tests.factories.land import imported_title_on, parcel_at, square, title_on, verify
from tests.parcels.claims.areas import claim_at
from tests.parcels.reviews.bench import (
    cancelled,
    owner,
    proposed,
    seen,
    submitted,
    tapped,
    title_of,
    verified,
)

pytestmark = pytest.mark.django_db
WHY = {"reason": "与林地使用权证书重复发证", "article": "第四条"}


@pytest.fixture
def wrong(people: dict[str, Any]) -> TitleReview:
    """A title that was verified on land that its owner drew."""
    return verified(
        title_of(people["user"], people["party"], square(0, 0)), people["clerk"], people["approver"]
    )


def opened(title: TitleReview, people: dict[str, Any]) -> TitleReview:
    return change_by_office(
        certificate=title.certificate, reason="群众反映重复发证", actor=people["clerk"]
    )


def refused(*statements: tuple[str, list[Any]]) -> Any:
    """What the database refuses of these, in one transaction."""
    with (
        pytest.raises(IntegrityError) as refusal,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        for statement, values in statements:
            cursor.execute(statement, values)
    return refusal_of(refusal.value)


def test_a_title_that_is_wrong_as_a_whole_is_cancelled_by_two_people_and_its_history_stays(
    people: dict[str, Any], wrong: TitleReview
) -> None:
    case = opened(wrong, people)
    for missing in ("reason", "article"):
        with pytest.raises(ReasonMissing), transaction.atomic():
            proposed(case, people["clerk"], Outcome.CANCELLED, **{**WHY, missing: " "})
    case = proposed(case, people["clerk"], Outcome.CANCELLED, **WHY)
    with pytest.raises(SignedByAnother):
        sign_review(review=case, seen=seen(case), actor=people["clerk"])
    assert VerifiedTitle.objects.get(ended_at=None).certificate == wrong.certificate
    browser = Client()
    browser.force_login(people["approver"])
    address = reverse("parcels:bench-case", args=[case.key])
    assert "注销原证书" in browser.get(address).content.decode()
    sign_review(review=case, seen=seen(case), actor=people["approver"])
    for one in (case, case.certificate, wrong.certificate):
        one.refresh_from_db()
    assert (case.state, wrong.certificate.state) == ("rejected", "cancelled")
    assert case.certificate.state == "cancelled"
    hold = VerifiedTitle.objects.get()
    assert (hold.certificate, hold.ended_at is not None) == (wrong.certificate, True)
    assert not Parcel.objects.in_being().exists()
    assert "已注销" in browser.get(address).content.decode()
    first = browser.get(reverse("parcels:bench-case", args=[wrong.key])).content.decode()
    assert "已注销" in first
    assert "已冻结" not in first
    told = Message.objects.get(user=people["user"], body=WHY["reason"])
    assert wrong.certificate.number in told.subject
    browser.force_login(people["user"])
    mine = browser.get(reverse("parcels:my-titles")).content.decode()
    assert "证书已由主管部门注销" in mine
    assert "可在此林地上申请碳票项目" not in mine
    again = title_of(people["user"], people["party"], square(0, 0))
    assert again.run is not None
    assert again.run.verdict == "clear"


def test_land_that_another_title_holds_or_the_register_brought_outlasts_a_cancelled_title(
    people: dict[str, Any],
) -> None:
    parcel = parcel_at(square(0, 0))
    title = imported_title_on(parcel, number="一", holder=people["party"])
    drawn = verified(
        title_of(people["user"], people["party"], square(500, 0), number="二"), people["clerk"],
        people["approver"],
    )  # fmt: skip
    shared = Parcel.objects.get(rights__certificate=drawn.certificate)
    title_on(shared, kind=RightKind.LAND_USE)
    verify(title)
    for wrong in (title, drawn.certificate):
        cancelled(wrong, people["clerk"], people["approver"])
    standing = ParcelVersion.objects.standing()
    assert {version.parcel for version in standing} == {parcel, shared}
    assert set(Parcel.objects.in_being()) == {parcel, shared}


@pytest.fixture
def later(people: dict[str, Any], wrong: TitleReview) -> TitleReview:
    """A registration of somebody else's on the same drawn land, whose first title was cancelled."""
    user, party = owner("li")
    review = tapped(user, party, Parcel.objects.get(), kinds=[RightKind.LAND_USE])
    cancelled(wrong.certificate, people["clerk"], people["approver"])
    assert ParcelVersion.objects.standing().exists()
    return review


def test_drawn_land_of_a_cancelled_title_ends_with_the_last_certificate_on_it(
    later: TitleReview,
) -> None:
    end = [
        ("UPDATE parcels_titlecertificate SET state = 'cancelled' WHERE id = %s",
         [later.certificate_id]),
        ("UPDATE parcels_titlereview SET state = 'withdrawn' WHERE id = %s", [later.pk]),
    ]  # fmt: skip
    assert isinstance(refused(*end), EndedReviewHolds)
    withdraw_review(review=later, actor=later.made_by)
    assert not ParcelVersion.objects.standing().exists()
    assert not Parcel.objects.in_being().exists()


def test_no_title_is_cancelled_while_a_claim_stands_on_its_land(
    people: dict[str, Any], wrong: TitleReview
) -> None:
    claim_at(square(100, 0))  # It borders on it.
    case = opened(wrong, people)
    with transaction.atomic():
        claim = claim_at(square(50, 0))
        with pytest.raises(ClaimsStand) as told:
            proposed(case, people["clerk"], Outcome.CANCELLED, **WHY)
        assert told.value.facts["numbers"] == claim.number
        transaction.set_rollback(True)
    case = proposed(TitleReview.objects.get(pk=case.pk), people["clerk"], Outcome.CANCELLED, **WHY)
    claim_at(square(50, 0))
    with pytest.raises(ClaimsStand):
        sign_review(review=case, seen=seen(case), actor=people["approver"])


def test_a_title_that_proves_no_claim_is_cancelled_below_one(people: dict[str, Any]) -> None:
    kinds = [RightKind.LAND_USE]
    title = verified(
        title_of(people["user"], people["party"], square(0, 0), kinds=kinds),
        people["clerk"],
        people["approver"],
    )
    claim_at(square(50, 0))
    assert cancelled(title.certificate, people["clerk"], people["approver"]).state == "rejected"


def test_nobody_proposes_to_cancel_what_an_owner_handed_in(people: dict[str, Any]) -> None:
    theirs = submitted(title_of(people["user"], people["party"], square(0, 0)))
    with pytest.raises(CancelledByOffice):
        proposed(theirs, people["clerk"], Outcome.CANCELLED, **WHY)


def test_raw_sql_cancels_no_verified_title(people: dict[str, Any], wrong: TitleReview) -> None:
    cancel = (
        "UPDATE parcels_titlecertificate SET state = 'cancelled' WHERE id = %s",
        [wrong.certificate_id],
    )
    propose = "UPDATE parcels_titlereview SET proposal = 'cancelled', reason = 'x', article = 'x' "
    case = opened(wrong, people)
    assert isinstance(refused(cancel), CancelledByOffice)
    theirs = submitted(title_of(people["user"], people["party"], square(500, 0), number="二"))
    assert isinstance(refused((propose + "WHERE id = %s", [theirs.pk])), CancelledByOffice)
    assert isinstance(refused((propose + "WHERE id = %s", [case.pk]), cancel), CancelledByOffice)
    case = proposed(case, people["clerk"], Outcome.CANCELLED, **WHY)
    assert isinstance(refused(cancel), CancelledByOffice)
    sign = (
        "UPDATE parcels_titlereview SET state = 'rejected', decided_by_id = %s, "
        "decided_at = portal_now() WHERE id = %s",
        [people["approver"].pk, case.pk],
    )
    end = (
        "UPDATE parcels_titlecertificate SET state = 'cancelled' WHERE id = %s",
        [case.certificate_id],
    )
    claim_at(square(50, 0))
    assert isinstance(refused(end, sign, cancel), ClaimsStand)


def test_a_title_is_not_cancelled_while_a_claim_of_its_land_is_being_written(
    people: dict[str, Any], wrong: TitleReview
) -> None:
    case = proposed(opened(wrong, people), people["clerk"], Outcome.CANCELLED, **WHY)

    def by_sql() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE parcels_titlecertificate SET state = 'cancelled' WHERE id = %s",
                [wrong.certificate_id],
            )

    def signed() -> None:
        sign_review(review=case, seen=seen(case), actor=people["approver"])

    with app_connection() as writer:
        # As the trigger of claims does until its transaction ends.
        writer.execute(
            "SELECT lock_land(2, ARRAY[ST_GeomFromEWKB(%s)])", [bytes(square(50, 0).ewkb)]
        )
        for act in (by_sql, signed):
            with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '100ms'")
                act()
    signed()


def test_raw_sql_supersedes_no_verified_title(people: dict[str, Any], wrong: TitleReview) -> None:
    case = opened(wrong, people)
    supersede = (
        "UPDATE parcels_titlecertificate SET state = 'superseded' WHERE id = %s",
        [wrong.certificate_id],
    )
    assert isinstance(refused(supersede), ChangeNotSigned)
    case = proposed(case, people["clerk"])
    assert isinstance(refused(supersede), ChangeNotSigned)
    sign_review(review=case, seen=seen(case), actor=people["approver"])
    wrong.certificate.refresh_from_db()
    assert wrong.certificate.state == "superseded"
