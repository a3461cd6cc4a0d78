"""Whose matter a review is, and which officer may act in it."""

from __future__ import annotations

from collections.abc import Callable

from parcels.models import TitleReview
from parcels.reviews.access import may_prepare
from parcels.reviews.errors import OwnTitle
from parcels.reviews.holding import holders_of
from portal.accounts.models import User
from portal.accounts.queries import parties_acted_for
from portal.casework.errors import NotYourOffice
from portal.casework.operations import refuse_own_matter


def has_part_in(review: TitleReview, actor: User) -> bool:
    """Whether the actor registered the title or acts for one of its holders."""
    if actor == review.made_by and not review.by_office:
        return True
    holders = [party.pk for party in holders_of(review.certificate)]
    return parties_acted_for(actor).filter(pk__in=holders).exists()


def refuse_own(review: TitleReview, actor: User) -> None:
    if has_part_in(review, actor):
        raise OwnTitle()


def require_officer(
    review: TitleReview, actor: User, holds_office: Callable[[User], bool] = may_prepare
) -> None:
    """An act beside the verdicts is an officer's who has no part in the matter, as verdicts are.

    NotYourOffice, OwnTitle, Recused.
    """
    if not holds_office(actor):
        raise NotYourOffice()
    refuse_own(review, actor)
    if review.case is not None:
        refuse_own_matter(review.case, actor)
