"""Changes of verified titles: a newer certificate with its own review, and those by office."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from parcels.models import (
    Parcel,
    ParcelVersion,
    ReviewShape,
    Right,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.access import may_use_bench
from parcels.reviews.errors import ChangeOpen, NotVerifiedYet, OtherTitleLeft
from parcels.reviews.operations.authority import require_officer
from parcels.reviews.operations.following import take_up_in_open_cases
from parcels.reviews.operations.handing_in import OPENED_BY_OFFICE, end_change, submit_title
from parcels.reviews.operations.records import record, tell_owner
from parcels.reviews.queries import ON_PAPER
from parcels.reviews.shapes import changes_about, changes_by_office, current_shapes, waiting_imports
from portal.accounts.models import User
from portal.base.errors import InvalidInput
from portal.base.transactions import write_transaction
from portal.casework.errors import NotYourOffice

RESHAPED_TOO = _("同一宗地上的另一证书正由主管部门更正图形，本证书一并办理。")


@write_transaction
def change_by_office(*, certificate: TitleCertificate, reason: str, actor: User) -> TitleReview:
    """The bureau's own change of a verified title: for an error that was reported, or a shape that an
    import brought, which is taken up. Its holders are told, and nobody need act for them; a change of
    their own that lies with them ends.

    Other verified titles of land that is to be reshaped are changed with it, each in a case of its
    own; OtherTitleLeft where a change of one of them lies with the bureau already, DecidedTogether where
    one by office is not in hand.
    """
    if not may_use_bench(actor):
        raise NotYourOffice()
    review = change_of(certificate, TitleReview.Because.OFFICE, reason, actor)
    require_officer(review, actor, may_use_bench)
    former = held_land(certificate)
    brought = {version.parcel_id: version for version in waiting_imports(certificate)}
    for beside in changes_about(held.parcel for held in former).exclude(pk=review.pk):
        brought |= {
            version.parcel_id: version
            for version in current_shapes(beside)
            if version.stands_from is None
        }
    moved = [held.parcel for held in former if held.parcel_id in brought]
    for held in former:
        version = brought.get(held.parcel_id, held)
        ReviewShape.objects.create(
            review=review, parcel_id=held.parcel_id, version=version, made_by=actor
        )
    change_the_others(review, moved, actor)
    take_up_in_open_cases(review, [brought[parcel.pk] for parcel in moved], actor)
    record(
        review, "changed_by_office", actor, certificate=str(certificate.key), reshaped=len(moved)
    )
    review = submit_title(review=review, actor=actor)
    tell_owner(review, OPENED_BY_OFFICE, review.request_reason)
    return review


def change_the_others(review: TitleReview, moved: Sequence[Parcel], actor: User) -> None:
    """A change by office of every other verified title of this land: it is reshaped for all or none."""
    held = VerifiedTitle.objects.filter(parcel__in=moved, ended_at__isnull=True)
    left = (
        TitleCertificate.objects.filter(pk__in=held.values("certificate"))
        .exclude(pk__in=changes_by_office().values("certificate__supersedes"))
        .order_by("pk")
    )
    # Asked anew each time: a change that opens takes further titles with it.
    while (title := left.first()) is not None:
        try:
            # What was said of one title is not for the holders of another to read.
            change_by_office(certificate=title, reason=str(RESHAPED_TOO), actor=actor)
        except ChangeOpen as open_change:
            raise OtherTitleLeft(number=title.number) from open_change


def held_land(certificate: TitleCertificate) -> list[ParcelVersion]:
    """What a verified title holds, in the order of parcels."""
    held = VerifiedTitle.objects.filter(certificate=certificate, ended_at__isnull=True)
    return list(
        ParcelVersion.objects.filter(pk__in=held.values("version"))
        .select_related("parcel")
        .order_by("parcel")
    )


def change_of(
    certificate: TitleCertificate, because: TitleReview.Because, reason: str, actor: User
) -> TitleReview:
    """A newer certificate that says what the verified one says, and its review; NotVerifiedYet,
    ChangeOpen.
    """
    if not reason.strip():
        raise InvalidInput(field=_("变更理由"), reason=_("请填写"))
    former = TitleCertificate.objects.select_for_update().get(pk=certificate.pk)
    if former.state != TitleCertificate.State.VERIFIED:
        raise NotVerifiedYet()
    for going in TitleReview.objects.filter(
        certificate__supersedes=former, state__in=TitleReview.OPEN
    ):
        # Nobody keeps a wrong title by a change that he never hands in or never mends.
        if because != TitleReview.Because.OFFICE or not going.lies_with_owner:
            raise ChangeOpen()
        end_change(review=going, reason=reason.strip(), actor=actor)
    newer = TitleCertificate.objects.create(
        **{name: getattr(former, name) for name in ("kind", "number_key", *ON_PAPER)},
        supersedes=former,
        made_by=actor,
    )
    rights = list(Right.objects.filter(certificate=former).order_by("pk"))
    Right.objects.bulk_create(
        Right(
            certificate=newer,
            parcel=right.parcel,
            kind=right.kind,
            party=right.party,
            share_numerator=right.share_numerator,
            share_denominator=right.share_denominator,
        )
        for right in rights
    )
    return TitleReview.objects.create(
        certificate=newer, because=because, request_reason=reason.strip(), made_by=actor
    )
