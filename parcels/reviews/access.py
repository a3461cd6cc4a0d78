"""Gates of the bench and of the owner's side; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from django.db.models import Q, QuerySet

from parcels.access import own_land
from parcels.models import (
    BoundaryMessage,
    Finding,
    Parcel,
    Right,
    TitleCertificate,
    TitleReview,
)
from parcels.reviews.shapes import own_parcels
from portal.accounts.models import Department, Mandate, Party, Role
from portal.accounts.queries import AnyUser, has_role, is_staff_reader, parties_acted_for, works_in
from portal.base.errors import NotFound, StateMovedOn


def may_use_bench(user: AnyUser) -> bool:
    """Natural resources audits titles (article 3)."""
    return works_in(user, Department.NATURAL_RESOURCES)


def may_sign(user: AnyUser) -> bool:
    return has_role(user, Role.APPROVER, Department.NATURAL_RESOURCES)


def may_prepare(user: AnyUser) -> bool:
    return has_role(user, Role.CLERK, Department.NATURAL_RESOURCES)


def access_bench(user: AnyUser) -> None:
    """The gate to the work list."""
    if not may_use_bench(user):
        raise NotFound()


def _review(key: uuid.UUID) -> TitleReview | None:
    return (
        TitleReview.objects.select_related(
            "certificate__supersedes", "case", "run", "taken_by", "prepared_by", "decided_by",
            "made_by",
        )
        .filter(key=key)
        .first()
    )  # fmt: skip


def access_review(key: uuid.UUID, user: AnyUser) -> TitleReview:
    """A review that was handed in, for the officers who work on it."""
    access_bench(user)
    review = _review(key)
    if review is None:
        raise NotFound()
    if review.case is None:
        raise NotFound()
    return review


def own_reviews(user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW) -> QuerySet[TitleReview]:
    """The reviews of certificates of every party that ``user`` acts for."""
    certificates = Right.objects.filter(party__in=parties_acted_for(user, scope)).values(
        "certificate"
    )
    return TitleReview.objects.filter(Q(certificate__in=certificates)).select_related(
        "certificate", "case", "run"
    )


def access_own_review(
    key: uuid.UUID, user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW
) -> TitleReview:
    """A review of a title of a party that ``user`` acts for in this matter."""
    if not own_reviews(user, scope).filter(key=key).exists():
        raise NotFound()
    review = _review(key)
    assert review is not None  # It was there a moment ago and is never deleted.
    return review


def access_own_certificate(key: uuid.UUID, user: AnyUser) -> tuple[TitleCertificate, Party]:
    """A certificate and the party of its rights that ``user`` applies for."""
    certificate = TitleCertificate.objects.filter(key=key).first()
    if certificate is None:
        raise NotFound()
    party = (
        parties_acted_for(user, Mandate.Scope.APPLY).filter(rights__certificate=certificate).first()
    )
    if party is None:
        raise NotFound()
    return certificate, party


def access_parcel_of(review: TitleReview, key: uuid.UUID) -> Parcel:
    """A parcel that the review is about."""
    parcel = Parcel.objects.filter(key=key, pk__in=own_parcels(review)).first()
    if parcel is None:
        raise NotFound()
    return parcel


def access_finding(review: TitleReview, number: int) -> Finding:
    """A finding of the review's newest kept run; StateMovedOn where an earlier one had it."""
    finding = Finding.objects.filter(pk=number, run__certificate=review.certificate_id).first()
    if finding is None:
        raise NotFound()
    if finding.run_id != review.run_id:
        raise StateMovedOn()
    return finding


def messages_for(
    user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW
) -> QuerySet[BoundaryMessage]:
    """What neighbours asked about land that is proved to be of the parties that ``user`` acts for."""
    return BoundaryMessage.objects.filter(
        parcel__in=own_land(user, scope), kind=BoundaryMessage.Kind.ASK_NEIGHBOUR
    ).select_related("parcel", "review__certificate")


def access_message(
    key: uuid.UUID, user: AnyUser, scope: Mandate.Scope = Mandate.Scope.VIEW
) -> BoundaryMessage:
    """A message, for the neighbour who was asked (to answer it, he applies for the holder); a
    reported error, for the bench.
    """
    message = BoundaryMessage.objects.select_related("parcel", "review").filter(key=key).first()
    if message is None:
        raise NotFound()
    if message.kind == BoundaryMessage.Kind.REPORT_ERROR and may_use_bench(user):
        return message
    if messages_for(user, scope).filter(pk=message.pk).exists():
        return message
    raise NotFound()


def may_read_certificate(key: uuid.UUID, user: AnyUser) -> None:
    """The gate to a certificate's scans: its own people, and those who serve the register."""
    if is_staff_reader(user):
        return
    certificate = TitleCertificate.objects.filter(key=key).first()
    if certificate is None:
        raise NotFound()
    if not parties_acted_for(user).filter(rights__certificate=certificate).exists():
        raise NotFound()


def may_read_review(key: uuid.UUID, user: AnyUser) -> None:
    """The gate that casework asks before it shows a case's papers."""
    if may_use_bench(user):
        access_review(key, user)
        return
    access_own_review(key, user)
