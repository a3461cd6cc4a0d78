"""What a decision does to the land: it stands, or what was drawn for nothing ends."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from parcels.models import (
    Parcel,
    ParcelVersion,
    Right,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.holding import former_papers
from parcels.reviews.operations.refusals import refuse_cancellation
from parcels.reviews.shapes import (
    ancestors_of,
    current_shapes,
    drawn_alone,
    own_corrections,
    own_parcels,
    restore_shape,
)
from portal.accounts.models import User
from portal.base.clock import now


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
    import brought or that was verified once.
    """
    if review.because == TitleReview.Because.TAKEOVER:
        return
    TitleCertificate.objects.filter(pk=review.certificate_id).update(state="cancelled")
    about = Parcel.objects.in_being().filter(pk__in=own_parcels(review))
    # A piece of the register's land stays: there is nothing else in its place.
    fallen = [
        parcel
        for parcel in about
        if drawn_alone(parcel)
        or not parcel.versions.filter(number=1, stands_from__isnull=False).exists()
    ]
    held = Right.objects.filter(
        parcel__in=fallen, certificate__state__in=["registered", "verified"]
    ).values("parcel")
    verified = VerifiedTitle.objects.filter(parcel__in=fallen).values("parcel")
    land = about.filter(pk__in=[parcel.pk for parcel in fallen]).exclude(
        pk__in=held.union(verified)
    )
    _end_land(land)
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
    others = Right.objects.filter(certificate__state__in=["registered", "verified"])
    land = Parcel.objects.in_being().filter(rights__certificate=title).distinct()
    drawn = [parcel.pk for parcel in land.exclude(rights__in=others) if drawn_alone(parcel)]
    _end_land(Parcel.objects.filter(pk__in=drawn))


def _end_land(land: QuerySet[Parcel]) -> None:
    moment = now()
    ParcelVersion.objects.standing().filter(parcel__in=land).update(stands_to=moment)
    land.update(ended_at=moment)
