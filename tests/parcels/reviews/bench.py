"""Owners, officers and titles of the bench's tests, made by the operations themselves."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from django.contrib.gis.geos import MultiPolygon

from parcels.models import Parcel, ParcelVersion, RightKind, TitleCertificate, TitleReview
from parcels.reviews.models import Outcome, Side
from parcels.reviews.operations import (
    change_by_office,
    propose_outcome,
    sign_review,
    submit_title,
    take_review,
    tick_side,
)
from parcels.reviews.repairs import degrees, plane
from parcels.reviews.shapes import as_shapely, current_shapes, seen_mark
from parcels.titles.land import Land
from parcels.titles.operations import CertificateFacts, register_title, split_parcel
from parcels.titles.owners import SOLE, Shares
from portal.accounts.models import Department, Party, Role, User
from tests.accounts.people import accepted, forestry_clerk, officer, person_waiting


def owner(name: str = "wang") -> tuple[User, Party]:
    """Somebody with an accepted identity, who acts for himself."""
    clerk = User.objects.filter(username="identity-clerk").first() or forestry_clerk(
        "identity-clerk"
    )
    check = person_waiting(name)
    return check.applicant, accepted(check, clerk)


def clerk(name: str = "bench-clerk") -> User:
    return officer(name, Role.CLERK, Department.NATURAL_RESOURCES)


def approver(name: str = "bench-approver") -> User:
    return officer(name, Role.APPROVER, Department.NATURAL_RESOURCES)


def title_of(
    user: User,
    party: Party,
    *shapes: MultiPolygon,
    number: str = "伊市林证字（2026）第0009001号",
    area_m2: float | None = None,
    kinds: Sequence[RightKind] = (RightKind.TREE_OWNERSHIP,),
    shares: Shares = SOLE,
) -> TitleReview:
    """A draft with these shapes as new parcels."""
    return register_title(
        party=party,
        facts=CertificateFacts(
            kind=TitleCertificate.Kind.FOREST, number=number, area_m2_certified=area_m2
        ),
        kinds=kinds,
        land=[Land(wkb=bytes(shape.wkb)) for shape in shapes],
        actor=user,
        shares=shares,
    )


def tapped(
    user: User,
    party: Party,
    parcel: Parcel,
    *,
    number: str = "一",
    kinds: Sequence[RightKind] = (RightKind.TREE_OWNERSHIP,),
) -> TitleReview:
    """A draft on land that is registered already."""
    return register_title(
        party=party,
        facts=CertificateFacts(kind=TitleCertificate.Kind.FOREST, number=number),
        kinds=kinds,
        land=[Land(parcel=parcel)],
        actor=user,
    )


def through_the_middle(version: ParcelVersion) -> shapely.LineString:
    """A line that cuts a version in two from south to north."""
    west, south, east, north = plane(as_shapely(version.geom)).bounds
    middle = (west + east) / 2
    line = degrees(shapely.LineString([(middle, south - 5), (middle, north + 5)]))
    assert isinstance(line, shapely.LineString)
    return line


def cut_up(review: TitleReview, actor: User) -> list[Parcel]:
    """The parcel under review in two, along its middle."""
    [version] = current_shapes(review)
    return split_parcel(
        review=review, parcel=version.parcel, line=through_the_middle(version), actor=actor
    )


def submitted(review: TitleReview) -> TitleReview:
    return submit_title(review=review, actor=review.made_by)


def seen(review: TitleReview) -> str:
    """What an officer's page shows of the case and its versions now."""
    return seen_mark(review)


def ticked(review: TitleReview, officer: User) -> None:
    for side in Side:
        tick_side(review=review, side=side, on_map="", agrees=True, actor=officer)


def proposed(
    review: TitleReview,
    officer: User,
    outcome: Outcome = Outcome.VERIFIED,
    *,
    reason: str = "",
    article: str = "",
) -> TitleReview:
    """In hand, its four sides ticked, and an opinion given."""
    review = take_review(review=review, actor=officer)
    ticked(review, officer)
    return propose_outcome(
        review=review,
        outcome=outcome,
        seen=seen(review),
        reason=reason,
        article=article,
        actor=officer,
    )


def cancelled(title: TitleCertificate, officer: User, signer: User) -> TitleReview:
    """A verified title that is wrong as a whole, ended by both officers in a case by office."""
    case = change_by_office(certificate=title, reason="重复发证", actor=officer)
    case = proposed(case, officer, Outcome.CANCELLED, reason="重复发证", article="第四条")
    return sign_review(review=case, seen=seen(case), actor=signer)


def verified(review: TitleReview, officer: User, signer: User) -> TitleReview:
    """All the way."""
    review = proposed(submitted(review), officer)
    return sign_review(review=review, seen=seen(review), actor=signer)
