"""A review that goes over to newer shapes: to what stands by now, or waits to be decided on."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from parcels.models import ParcelVersion, ReviewShape, Right, TitleReview
from parcels.reviews.errors import (
    DecidedTogether,
    NotWithBureau,
    NotWithOwner,
    PartsOpen,
    RegisterNotAhead,
)
from parcels.reviews.holding import hand_rights_on
from parcels.reviews.operations.authority import require_officer
from parcels.reviews.operations.checks import show_check
from parcels.reviews.operations.records import locked, record
from parcels.reviews.shapes import Successor, changes_about, current_shapes, successors
from parcels.rules.table import Stage
from portal.accounts.models import User
from portal.base.transactions import write_transaction


@write_transaction
def follow_register(
    *, review: TitleReview, parts: Collection[uuid.UUID] = (), actor: User
) -> TitleReview:
    """Go over to the land that stands by now in the place of that under review.

    That is the newer shape of an import, and of land that was split or merged in another review the
    ``parts`` by the keys of their parcels, which take the certificate's rights over. What an import
    brought after the bureau's proposal comes into the other cases by office of this land with it. Its
    owner does so while the title is with him; of a case by office the officer, since nobody need act
    for its holder. NotWithOwner, NotWithBureau, RegisterNotAhead, PartsOpen.
    """
    review = locked(review)
    if review.by_office:
        require_officer(review, actor)
        if review.state != TitleReview.State.PREPARING:
            raise NotWithBureau(state=review.get_state_display())
    elif review.state not in TitleReview.WITH_OWNER:
        raise NotWithOwner(state=review.get_state_display())
    chosen = _chosen_successors(review, parts)
    _leave_divided(review, chosen, actor)
    ReviewShape.objects.bulk_create(
        ReviewShape(
            review=review, parcel_id=one.version.parcel_id, version=one.version, made_by=actor,
            facts={"kind": "follow"},
        )
        for one in chosen
    )  # fmt: skip
    waiting = [one.version for one in chosen if one.waits]
    take_up_in_open_cases(review, waiting, actor)
    record(review, "followed_register", actor, parcels=len(chosen))
    stage = Stage.REVIEW if review.by_office else Stage.SUBMIT
    return show_check(review=review, stage=stage, actor=actor)


def _chosen_successors(review: TitleReview, parts: Collection[uuid.UUID]) -> list[Successor]:
    """Each newer shape and the parts that were chosen; none of the land under review is forgotten."""
    offered = successors(review)
    if not offered:
        raise RegisterNotAhead()
    chosen = [one for one in offered if not one.is_part or one.version.parcel.key in parts]
    left = {former.pk for one in offered for former in one.formers} - {
        former.pk for one in chosen for former in one.formers
    }
    if left or set(parts) - {one.version.parcel.key for one in offered}:
        raise PartsOpen()
    return chosen


def _leave_divided(review: TitleReview, chosen: Sequence[Successor], actor: User) -> None:
    """Parcels that are in being no more leave the review; their rights go on to the chosen parts."""
    certificate = review.certificate
    formers = {}
    for one in chosen:
        if one.is_part:
            hand_rights_on(certificate, former=one.formers[0].parcel, heir=one.version.parcel)
            formers.update({former.parcel_id: former for former in one.formers})
    ReviewShape.objects.bulk_create(
        ReviewShape(review=review, parcel_id=parcel, version=former, leaves=True, made_by=actor)
        for parcel, former in sorted(formers.items())
    )
    Right.objects.filter(certificate=certificate, parcel__in=formers).delete()


def take_up_in_open_cases(
    review: TitleReview, brought: Sequence[ParcelVersion], actor: User
) -> None:
    """A shape that an import brought comes into the other changes by office of its land, too, as far
    as they were open before; DecidedTogether where one of them is not in hand.
    """
    for version in brought:
        for found in changes_about([version.parcel]).exclude(pk=review.pk).order_by("pk"):
            other = locked(found)
            present = {one.parcel_id: one for one in current_shapes(other)}
            if present.get(version.parcel_id, version) == version:
                continue
            require_officer(other, actor)
            if other.state != TitleReview.State.PREPARING:
                raise DecidedTogether(
                    number=other.certificate.number, state=other.get_state_display()
                )
            ReviewShape.objects.create(
                review=other, parcel_id=version.parcel_id, version=version, made_by=actor
            )
            show_check(review=other, stage=Stage.REVIEW, actor=actor)
