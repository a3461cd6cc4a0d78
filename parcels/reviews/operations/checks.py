"""The rules asked of the land under review, and the run kept."""

from __future__ import annotations

from parcels.models import Parcel, RuleRun, TitleReview
from parcels.reviews.access import may_use_bench
from parcels.reviews.holding import former_papers, under_own_name
from parcels.reviews.operations.authority import require_officer
from parcels.reviews.operations.records import locked
from parcels.reviews.queries import candidates_of_review
from parcels.reviews.shapes import ancestors_of, current_shapes
from parcels.rules.operations import check_title
from parcels.rules.table import Stage
from portal.accounts.models import User
from portal.base.transactions import write_transaction


@write_transaction
def check_review(*, review: TitleReview, stage: Stage, actor: User) -> RuleRun:
    """Run and keep the rules on the versions under review.

    Parcels that these came from, and the certificate that a change replaces, give way to it and
    are no neighbours. So does the same paper as it was imported; where it bears another name, the
    officers are told of it.
    """
    shapes = current_shapes(review)
    parents = Parcel.objects.filter(pk__in=ancestors_of(one.parcel for one in shapes))
    own = {str(key) for key in parents.values_list("key", flat=True)}
    if review.certificate.supersedes is not None:
        own.add(str(review.certificate.supersedes.key))
    former = under_own_name(review.certificate, former_papers(review))
    own |= {str(key) for key in former.values_list("key", flat=True)}
    return check_title(
        certificate=review.certificate,
        candidates=candidates_of_review(review, shapes),
        own_keys=own,
        stage=stage,
        actor=actor,
    )


@write_transaction
def recheck_review(*, review: TitleReview, actor: User) -> TitleReview:
    """An officer asks the rules anew on what the register says now."""
    require_officer(review, actor, may_use_bench)
    return show_check(review=review, stage=Stage.REVIEW, actor=actor)


@write_transaction
def show_check(*, review: TitleReview, stage: Stage, actor: User) -> TitleReview:
    """Run the rules on what the register says now, and let the review show this run."""
    review = locked(review)
    if review.state in TitleReview.OPEN:
        review.run = check_review(review=review, stage=stage, actor=actor)
        review.save()
    return review
