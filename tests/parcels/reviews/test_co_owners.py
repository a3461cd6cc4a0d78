"""Titles of several holders: shares of one whole, who is found by number, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.urls import reverse

from parcels.errors import RightNotWhole
from parcels.models import Right, TitleReview
from parcels.reviews.access import own_reviews
from parcels.reviews.operations import sign_review
from parcels.reviews.shapes import current_shapes
from parcels.titles.operations import request_change, split_parcel
from parcels.titles.owners import CoOwner, Shares
from portal.accounts.models import Party, User
from portal.base.guarantees import refusal_of
from tests.accounts.people import accepted, person_number, person_waiting
from tests.factories.land import parcel_at, square, title_on, verify
from tests.parcels.reviews.bench import (
    approver,
    clerk,
    owner,
    proposed,
    seen,
    submitted,
    through_the_middle,
    title_of,
    verified,
)
from tests.parcels.reviews.test_pages import as_user, form

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(db: Any) -> dict[str, Any]:
    user, party = owner()
    return {"user": user, "party": party}


def person_with(number: str) -> tuple[User, Party]:
    """Somebody with this number, checked; every person of the tests has the same name."""
    check = person_waiting("li", number=number)
    return check.applicant, accepted(check, User.objects.get(username="identity-clerk"))


def shares_of(review: TitleReview) -> list[tuple[str, str, str]]:
    return [
        (right.party.name, right.party.kind, f"{right.share_numerator}/{right.share_denominator}")
        for right in Right.objects.filter(certificate=review.certificate).order_by("pk")
    ]


def register(people: dict[str, Any], *co_owners: dict[str, str], **more: Any) -> Any:
    given = form(people, co_owners=json.dumps(co_owners), share="1", share_of="3", **more)
    return as_user(people["user"]).post(reverse("parcels:title-register"), given)


def someone(name: str = "阿依古丽", number: str = "", share: str = "2") -> dict[str, str]:
    return {"name": name, "number": number, "share": share}


def test_a_co_owner_is_known_by_name_or_found_by_name_and_number(people: dict[str, Any]) -> None:
    number = person_number()
    user, party = person_with(number)
    co_owners = (
        someone(party.name, f"{number[:6]} {number[6:]}", "1"),
        someone(party.name, "", "1"),
    )
    answer = register(people, *co_owners)
    assert answer.status_code == 201
    review = TitleReview.objects.get()
    assert shares_of(review) == [
        ("王建国", "person", "1/3"), ("王建国", "person", "1/3"), ("王建国", "name_only", "1/3"),
    ]  # fmt: skip
    assert list(own_reviews(user)) == [review]
    assert Party.objects.filter(pk=party.pk, rights__certificate=review.certificate).exists()
    page = as_user(people["user"]).get(answer.json()["url"]).content.decode()
    assert "王建国 1/3、王建国 1/3、王建国 1/3" in page


@pytest.mark.parametrize(
    ("co_owners", "code"),
    [
        ([someone(share="1")], "shares_not_whole"),
        ([someone(share="3")], "shares_not_whole"),
        ([someone(share="0")], "invalid_input"),
        ([someone(share="-1")], "invalid_input"),
        ([someone(share="二")], "invalid_input"),
        ([someone(share="9" * 30)], "invalid_input"),
        ([someone(" ")], "invalid_input"),
        ([someone("王建国", person_number(999))], "co_owner_unknown"),
        ([someone("王建国", "123")], "co_owner_unknown"),
        ([{"name": "x"}], "invalid_input"),
        (["x"], "invalid_input"),
    ],
)
def test_shares_that_are_wrong_are_told_and_nobody_is_written(
    people: dict[str, Any], co_owners: list[Any], code: str
) -> None:
    before = Party.objects.count()
    answer = register(people, *co_owners)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not TitleReview.objects.exists()
    assert Party.objects.count() == before


def test_another_name_with_the_number_answers_like_an_unknown_number(
    people: dict[str, Any],
) -> None:
    number = person_number()
    person_with(number)
    told = [register(people, someone("李四", which)).json() for which in (number, person_number())]
    assert told[0] == told[1]


def test_one_holder_has_one_share(people: dict[str, Any]) -> None:
    number = person_number()
    _user, party = person_with(number)
    answer = register(people, someone(party.name, number, "1"), someone(party.name, number, "1"))
    assert (answer.status_code, answer.json()["code"]) == (422, "co_owner_twice")


def test_shares_go_with_a_split_and_a_change(people: dict[str, Any]) -> None:
    user, party = people["user"], people["party"]
    shares = Shares(own=1, of=4, others=[CoOwner(name="阿依古丽", share=3)])
    review = title_of(user, party, square(0, 0), shares=shares)
    [version] = current_shapes(review)
    split_parcel(review=review, parcel=version.parcel, line=through_the_middle(version), actor=user)
    assert [share for _name, _kind, share in shares_of(review)] == ["1/4", "3/4"] * 2
    review = verified(review, clerk(), approver())
    change = request_change(certificate=review.certificate, reason="换证", party=party, actor=user)
    assert shares_of(change) == shares_of(review)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE parcels_right SET share_denominator = 2 WHERE certificate_id = %s",
        "INSERT INTO parcels_right (certificate_id, parcel_id, kind, party_id, share_numerator, "
        "share_denominator) SELECT certificate_id, parcel_id, kind, {other}, 1, 1 "
        "FROM parcels_right WHERE certificate_id = %s",
        "INSERT INTO parcels_right (certificate_id, parcel_id, kind, party_id, share_numerator, "
        "share_denominator) SELECT certificate_id, parcel_id, kind, {other}, 1, 2 "
        "FROM parcels_right WHERE certificate_id = %s",
    ],
)
def test_no_title_is_verified_whose_shares_are_not_the_whole(change: str) -> None:
    sound, title = title_on(parcel_at(square(0, 0))), title_on(parcel_at(square(500, 0)))
    other = Party.objects.create(kind=Party.Kind.NAME_ONLY, name="李四")
    with connection.cursor() as cursor:
        cursor.execute(change.format(other=other.pk), [title.pk])
    with pytest.raises(IntegrityError) as refused:
        verify(sound, title)
    assert isinstance(refusal_of(refused.value), RightNotWhole)


def test_the_signer_is_told_when_shares_changed_under_the_review(people: dict[str, Any]) -> None:
    review = proposed(submitted(title_of(people["user"], people["party"], square(0, 0))), clerk())
    Right.objects.filter(certificate=review.certificate).update(share_denominator=2)
    with pytest.raises(RightNotWhole):
        sign_review(review=review, seen=seen(review), actor=approver())


def correct(people: dict[str, Any], review: TitleReview, *rows: dict[str, str], of: str) -> Any:
    return as_user(people["user"]).post(
        reverse("parcels:my-title-owners", args=[review.key]),
        {"co_owners": json.dumps(rows), "share": "1", "share_of": of},
    )


def test_co_owners_are_corrected_while_the_title_is_with_its_owner(people: dict[str, Any]) -> None:
    number = person_number()
    _user, li = person_with(number)
    register(people, someone(li.name, number, "1"), someone("阿依古丽", "", "1"))
    review = TitleReview.objects.get()
    page = as_user(people["user"]).get(reverse("parcels:my-title", args=[review.key]))
    rows = page.context["co_owners"]
    assert [(row["name"], row["number"], row["share"]) for row in rows] == [
        (li.name, "", "1"), ("阿依古丽", "", "1"),
    ]  # fmt: skip
    kept = {**rows[0], "share": "2"}  # Who was found by number stays that party.
    answer = correct(people, review, kept, someone("古丽娜尔", "", "3"), of="6")
    assert answer.status_code == 200, answer.content
    assert shares_of(review) == [
        ("王建国", "person", "1/6"), (li.name, "person", "2/6"), ("古丽娜尔", "name_only", "3/6"),
    ]  # fmt: skip
    assert Party.objects.filter(pk=li.pk, rights__certificate=review.certificate).exists()
    assert correct(people, review, of="").status_code == 200
    assert shares_of(review) == [("王建国", "person", "1/1")]


@pytest.mark.parametrize(
    ("rows", "of", "code"),
    [
        ([someone(share="1")], "3", "shares_not_whole"),
        ([someone("王建国", person_number(998), "1")], "2", "co_owner_unknown"),
        ([{**someone(share="1"), "key": "of nobody"}], "2", "invalid_input"),
        ([{**someone(share="1"), "key": 5}], "2", "invalid_input"),
    ],
)
def test_a_wrong_correction_leaves_the_shares_as_they_are(
    people: dict[str, Any], rows: list[Any], of: str, code: str
) -> None:
    review = title_of(people["user"], people["party"], square(0, 0))
    answer = correct(people, review, *rows, of=of)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert shares_of(review) == [("王建国", "person", "1/1")]


def test_co_owners_are_not_corrected_under_the_bureaus_hands(people: dict[str, Any]) -> None:
    review = submitted(title_of(people["user"], people["party"], square(0, 0)))
    answer = correct(people, review, someone(share="1"), of="2")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_with_owner")


def test_looking_holders_up_by_number_is_limited(people: dict[str, Any]) -> None:
    tapped = {"way": "tap", "parcel": str(parcel_at(square(0, 0)).key)}  # No shape to be read.
    for _time in range(20):
        told = register(people, someone("王建国", person_number()), **tapped)
        assert told.json()["code"] == "co_owner_unknown"
    assert register(people, someone("王建国", person_number()), **tapped).status_code == 429
    assert register(people, someone("王建国", share="2"), **tapped).status_code == 201  # By name.
