"""What a decision does to the land: it stands, or what was drawn for nothing ends."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import BooleanField, Exists, Func, OuterRef, Q, QuerySet

from parcels.models import Parcel, ParcelVersion, Right, TitleCertificate, TitleReview
from parcels.reviews.holding import former_papers
from parcels.reviews.operations.refusals import refuse_cancellation
from parcels.reviews.shapes import (
    ancestors_of,
    current_shapes,
    own_corrections,
    own_parcels,
    restore_shape,
)
from portal.accounts.models import User
from portal.base.clock import now


class LandWasDrawn(Func):
    """Whether people drew a parcel and all that it came from: nothing of it is the register's."""

    function = "land_was_drawn"
    output_field = BooleanField()


class LandIsNobodys(Func):
    """Whether no certificate that is registered or verified has a right on a parcel."""

    function = "land_is_nobodys"
    output_field = BooleanField()


def make_them_stand(reviews: Sequence[TitleReview]) -> None:
    """Former certificates and shapes give way, the reviewed ones stand, the titles are verified."""
    moment = now()
    former = [review.certificate.supersedes_id for review in reviews]
    TitleCertificate.objects.filter(
        pk__in=[pk for pk in former if pk is not None], state="verified"
    ).update(state="superseded")
    shapes = {version.pk: version for review in reviews for version in current_shapes(review)}
    for version in shapes.values():
        if version.stands_from is None:
            ParcelVersion.objects.standing().filter(parcel=version.parcel_id).update(
                stands_to=moment
            )
            ParcelVersion.objects.filter(pk=version.pk).update(stands_from=moment)
    parents = ancestors_of(version.parcel for version in shapes.values())
    ParcelVersion.objects.standing().filter(parcel__in=parents).update(stands_to=moment)
    Parcel.objects.filter(pk__in=parents, ended_at__isnull=True).update(ended_at=moment)
    for review in reviews:
        former_papers(review).update(state="superseded")
    TitleCertificate.objects.filter(pk__in=[review.certificate_id for review in reviews]).update(
        state="verified"
    )


def let_go(review: TitleReview, actor: User) -> None:
    """A registration or change that comes to nothing ends its certificate, its proposed pieces, and
    drawn land that nobody holds any more: it would stand against every neighbour. Where it corrected
    other land, the shape from before stands again.

    A takeover's certificate is the register's own and stays as it was, and so does land that an
    import brought.
    """
    if review.because == TitleReview.Because.TAKEOVER:
        return
    TitleCertificate.objects.filter(pk=review.certificate_id).update(state="cancelled")
    stood = ParcelVersion.objects.filter(parcel=OuterRef("pk"), number=1, stands_from__isnull=False)
    # A piece of the register's land that stands stays: there is nothing else in its place.
    about = Parcel.objects.filter(pk__in=own_parcels(review))
    _end_what_nobody_holds(about.filter(Q(LandWasDrawn("pk")) | ~Exists(stood)))
    for corrected in own_corrections(review):
        restore_shape(corrected, actor)


def cancel_title(review: TitleReview) -> None:
    """The verified title ends; its history stays, and so does land of the register. What people drew
    for it ends where nobody else holds it.
    """
    refuse_cancellation(review)
    title = review.certificate.supersedes
    assert title is not None  # The refusal before asks for one.
    TitleCertificate.objects.filter(pk=title.pk).update(state="cancelled")
    about = Parcel.objects.filter(pk__in=Right.objects.filter(certificate=title).values("parcel"))
    _end_what_nobody_holds(about.filter(LandWasDrawn("pk")))


def _end_what_nobody_holds(land: QuerySet[Parcel]) -> None:
    moment = now()
    gone = land.filter(LandIsNobodys("pk"), ended_at__isnull=True)
    ended = list(gone.values_list("pk", flat=True))
    ParcelVersion.objects.standing().filter(parcel__in=ended).update(stands_to=moment)
    Parcel.objects.filter(pk__in=ended).update(ended_at=moment)
