"""What is noted beside the verdicts: sides compared, remarks."""

from __future__ import annotations

from django.contrib.gis.geos import Point
from django.utils.translation import gettext_lazy as _

from parcels.models import SideCheck, TitleReview
from parcels.reviews.access import may_use_bench
from parcels.reviews.errors import NotWithBureau, ReviewMoveNotAllowed, TextMissing
from parcels.reviews.models import Side
from parcels.reviews.operations.authority import require_officer
from parcels.reviews.operations.records import locked, record
from parcels.reviews.shapes import newest_row
from portal.accounts.models import User
from portal.base.transactions import write_transaction
from portal.casework.operations import add_comment


@write_transaction
def tick_side(
    *, review: TitleReview, side: Side, on_map: str, agrees: bool, actor: User
) -> SideCheck:
    """One of the four sides compared: what the certificate says against what the map shows.

    It holds for the present shapes only.
    """
    review = locked(review)
    require_officer(review, actor)
    if review.state != TitleReview.State.PREPARING:
        raise NotWithBureau(state=review.get_state_display())
    check = SideCheck.objects.create(
        review=review,
        shape=newest_row(review),
        side=side.value,
        on_paper=getattr(review.certificate, f"side_{side.value}"),
        on_map=on_map[:400],
        agrees=agrees,
        made_by=actor,
    )
    record(review, "side_checked", actor, side=side.value, agrees=agrees)
    return check


@write_transaction
def say_in_review(
    *,
    review: TitleReview,
    text: str,
    place: Point | None,
    internal: bool,
    as_officer: bool,
    actor: User,
) -> None:
    """A remark, pinned to a place where it concerns one; internal ones the owner never sees."""
    if as_officer:
        require_officer(review, actor, may_use_bench)
    if review.case is None:
        raise ReviewMoveNotAllowed(now=review.get_state_display(), wanted=_("留言"))
    if not text.strip():
        raise TextMissing()
    add_comment(case=review.case, text=text.strip(), place=place, internal=internal, actor=actor)
    record(review, "commented", actor, internal=internal)
