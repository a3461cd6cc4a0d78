"""What keeps a title from being proposed or signed."""

from __future__ import annotations

from decimal import Decimal

from parcels.models import ParcelVersion, RuleRun, TitleCertificate, TitleReview
from parcels.reviews.errors import (
    CancelledByOffice,
    ClaimsStand,
    ConflictsRemain,
    DifferenceNeedsReason,
    DifferenceTooSmall,
    LaterImportWaits,
    ReviewLandReplaced,
    ReviewVersionChanged,
    SideDiffers,
    SidesOpen,
)
from parcels.reviews.models import Outcome, Side
from parcels.reviews.queries import area_difference_percent, claims_on, standing_ticks
from parcels.reviews.shapes import current_shapes, later_imports, seen_mark
from parcels.rules.table import Severity
from portal.base.errors import StateMovedOn
from portal.base.parameters import whole_number
from portal.base.policy import policy_number


def refuse_unsound(review: TitleReview, run: RuleRun, outcome: Outcome, reason: str) -> None:
    conflicts = run.findings.filter(severity=Severity.CONFLICT.value).count()
    if conflicts:
        raise ConflictsRemain(count=conflicts)
    percent = area_difference_percent(review)
    limit = policy_number("area.reason_percent")
    if percent is not None and abs(percent) > limit:
        if outcome is not Outcome.VERIFIED_WITH_DIFFERENCE or not reason.strip():
            raise DifferenceNeedsReason(percent=_signed(percent), limit=limit.normalize())
    elif outcome is Outcome.VERIFIED_WITH_DIFFERENCE:
        raise DifferenceTooSmall(percent=_signed(percent or Decimal(0)), limit=limit.normalize())
    ticked = standing_ticks(review)
    left = [str(side.label) for side in Side if side.value not in ticked]
    if left:
        raise SidesOpen(sides="、".join(left))
    differing = [str(side.label) for side in Side if not ticked[side.value].agrees]
    if differing and not reason.strip():
        raise SideDiffers(sides="、".join(differing))


def _signed(percent: Decimal) -> str:
    return f"{percent:+.1f}"


def refuse_cancellation(review: TitleReview) -> None:
    """CancelledByOffice where no verified title is before the bureau, ClaimsStand on its land."""
    title = review.certificate.supersedes
    if review.because != TitleReview.Because.OFFICE or title is None:
        raise CancelledByOffice()
    if title.state != TitleCertificate.State.VERIFIED:
        raise CancelledByOffice()
    numbers = claims_on(title)
    if numbers:
        raise ClaimsStand(numbers="、".join(numbers))


def refuse_replaced(review: TitleReview) -> None:
    """Each reviewed version stands or is to stand by the signature; its parcel was not split, and no
    shape that an import brought waits beside the bureau's own proposal. ReviewLandReplaced, LaterImportWaits.

    Locked until the act is written, so that nothing replaces them between the look and the freeze.
    """
    later = later_imports(review)
    if later:
        raise LaterImportWaits(numbers="、".join(str(version.number) for version in later))
    reviewed = (
        ParcelVersion.objects.select_for_update(of=("self",))
        .select_related("parcel")
        .filter(pk__in=[version.pk for version in current_shapes(review)])
        .order_by("pk")
    )
    gone = [one for one in reviewed if one.stands_to or one.parcel.ended_at]
    if not gone:
        return
    present = ParcelVersion.objects.standing().filter(parcel__in=[one.parcel_id for one in gone])
    raise ReviewLandReplaced(
        seen="、".join(str(version.number) for version in gone),
        now="、".join(str(version.number) for version in present.order_by("parcel")) or "—",
    )


def refuse_unseen(review: TitleReview, seen: str) -> int:
    """The step's revision that was before the actor's eyes, for the verdict.

    ReviewVersionChanged where a shape is another by now, StateMovedOn where somebody has acted.
    """
    present = seen_mark(review)
    if seen != present:
        ids = _versions_in(seen)
        if ids == _versions_in(present):
            raise StateMovedOn()
        numbers = ParcelVersion.objects.filter(
            pk__in=[pk for part in ids if (pk := whole_number(part)) is not None]
        ).values_list("number", flat=True)
        raise ReviewVersionChanged(
            seen="、".join(str(number) for number in sorted(numbers)) or "?",
            now="、".join(
                str(number) for number in sorted(one.number for one in current_shapes(review))
            ),
        )
    return int(present.partition(":")[0])


def _versions_in(mark: str) -> list[str]:
    """The reviewed versions of a page's mark, without its companions'."""
    return mark.partition(";")[0].rpartition(":")[2].split(",")
