"""What officers decide: taking, proposing, returning, sending back, signing."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from parcels.models import TitleReview, VerifiedTitle
from parcels.reviews.errors import (
    DecidedTogether,
    NobodyToAnswer,
    NothingAsked,
    NotWithBureau,
    OtherTitleLeft,
    ReasonMissing,
    ReviewMoveNotAllowed,
    SignedByAnother,
    TakenByColleague,
)
from parcels.reviews.holding import former_papers, holders_of
from parcels.reviews.models import Outcome
from parcels.reviews.moves import Move, next_state
from parcels.reviews.operations.authority import refuse_own, require_officer
from parcels.reviews.operations.checks import check_review
from parcels.reviews.operations.land import cancel_title, let_go, make_them_stand
from parcels.reviews.operations.records import locked, record, say_verdict, tell_owner
from parcels.reviews.operations.refusals import (
    refuse_cancellation,
    refuse_replaced,
    refuse_unseen,
    refuse_unsound,
)
from parcels.reviews.queries import lock_claims_on, people_of
from parcels.reviews.shapes import companions, current_shapes
from parcels.rules.table import Stage
from portal.accounts.models import Mandate, User
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.casework.moves import VerdictKind
from portal.casework.operations import assign_step

DECIDED = {
    Outcome.VERIFIED: _("权属已审核通过：{number}"),
    Outcome.VERIFIED_WITH_DIFFERENCE: _("权属已审核通过：{number}"),
    Outcome.REJECTED: _("权属未通过审核：{number}"),
    Outcome.CANCELLED: _("主管部门已注销您的证书：{number}"),
}


@write_transaction
def take_review(*, review: TitleReview, actor: User) -> TitleReview:
    """A clerk takes a case from the list into hand; TakenByColleague where another did before."""
    review = locked(review)
    if review.state != TitleReview.State.PREPARING:
        raise NotWithBureau(state=review.get_state_display())
    refuse_own(review, actor)
    if review.taken_by not in (None, actor):
        raise TakenByColleague(name=review.taken_by.get_full_name())
    assert review.case is not None  # Submitted: a constraint holds it.
    assign_step(step=review.case.steps.get(), to=actor, actor=actor)
    review.taken_by = actor
    review.save()
    record(review, "taken", actor)
    return review


@write_transaction
def propose_outcome(
    *,
    review: TitleReview,
    outcome: Outcome,
    seen: str,
    actor: User,
    reason: str = "",
    article: str = "",
) -> TitleReview:
    """The clerk's opinion, on the versions in ``seen``; the approver signs or sends it back.

    ConflictsRemain, SidesOpen, SideDiffers and DifferenceNeedsReason keep an unsound title from being
    verified, ClaimsStand and CancelledByOffice one from being cancelled;
    ReviewVersionChanged tells of a version that came meanwhile, ReviewLandReplaced of one that
    stands no more.
    """
    review = locked(review)
    state = next_state(review.state, Move.PROPOSE)
    require_officer(review, actor)
    revision = refuse_unseen(review, seen)
    run = check_review(review=review, stage=Stage.REVIEW, actor=actor)
    reason, article = reason.strip(), article.strip()
    if not outcome.upholds:
        if not reason or not article:
            raise ReasonMissing()
        if outcome is Outcome.CANCELLED:
            refuse_cancellation(review)
    else:
        refuse_replaced(review)
        refuse_unsound(review, run, outcome, reason)
    review.state, review.run = state, run
    review.proposal, review.reason, review.article = outcome.value, reason, article
    review.prepared_by, review.prepared_at = actor, now()
    review.taken_by = review.taken_by or actor
    review.save()
    say_verdict(
        review,
        VerdictKind.PREPARE,
        actor=actor,
        reason=reason,
        article=article,
        facts={
            "outcome": outcome.value,
            "seen": seen,
            "run": str(run.key),
            "gives_way": [str(key) for key in former_papers(review).values_list("key", flat=True)],
        },
        revision=revision,
    )
    record(review, "proposed", actor, outcome=outcome.value, run=str(run.key))
    return review


@write_transaction
def return_title(*, review: TitleReview, asked: str, seen: str, actor: User) -> TitleReview:
    """Ask the owner to correct; the findings of this moment go with it, and the clock stops.

    NobodyToAnswer where nobody may apply for a holder, who is known by name only or has no agent.
    """
    review = locked(review)
    state = next_state(review.state, Move.RETURN)
    refuse_own(review, actor)
    revision = refuse_unseen(review, seen)
    if not people_of(holders_of(review.certificate), Mandate.Scope.APPLY):
        raise NobodyToAnswer()
    asked = asked.strip()
    if not asked:
        raise NothingAsked()
    run = check_review(review=review, stage=Stage.REVIEW, actor=actor)
    review.state, review.run, review.asked = state, run, asked
    review.taken_by = review.taken_by or actor
    review.save()
    say_verdict(
        review,
        VerdictKind.RETURN,
        actor=actor,
        reason=asked,
        facts={"run": str(run.key)},
        revision=revision,
    )
    record(review, "returned", actor, findings=run.finding_count, run=str(run.key))
    tell_owner(review, _("权属需要补正：{number}"), asked)
    return review


@write_transaction
def recall_review(*, review: TitleReview, actor: User) -> TitleReview:
    """An officer takes a case by office back that was returned: nobody need ever answer it."""
    review = locked(review)
    require_officer(review, actor)
    if not review.by_office:
        raise ReviewMoveNotAllowed(now=review.get_state_display(), wanted=Move.RECALL.label)
    review.state = next_state(review.state, Move.RECALL)
    review.save()
    say_verdict(review, VerdictKind.RECALL, actor=actor)
    record(review, "recalled", actor)
    return review


@write_transaction
def send_back(*, review: TitleReview, reason: str, seen: str, actor: User) -> TitleReview:
    """The approver does not sign and gives it back to the clerk with a reason."""
    review = locked(review)
    state = next_state(review.state, Move.SEND_BACK)
    refuse_own(review, actor)
    revision = refuse_unseen(review, seen)
    if not reason.strip():
        raise ReasonMissing()
    review.state = state
    review.proposal = review.reason = review.article = ""
    review.prepared_by = review.prepared_at = None
    review.save()
    say_verdict(
        review, VerdictKind.SEND_BACK, actor=actor, reason=reason.strip(), revision=revision
    )
    record(review, "sent_back", actor)
    return review


@write_transaction
def sign_review(*, review: TitleReview, seen: str, actor: User) -> TitleReview:
    """The approver's signature makes the proposal the decision and writes its effect.

    The rules are asked once more: what the register says now decides, not what it said when the
    clerk looked. ReviewLandReplaced where other land stands by now than the officers saw. What moves
    the land of several verified titles is signed for all of them at once: DecidedTogether where the
    case of one has not come so far, OtherTitleLeft where one has none.
    """
    review = locked(review)
    rejected = not Outcome(review.proposal or Outcome.VERIFIED).upholds
    state = next_state(review.state, Move.REJECT if rejected else Move.VERIFY)
    _refuse_unsigned_by(review, actor)
    refuse_unseen(review, seen)
    if review.cancels and review.certificate.supersedes_id is not None:
        # Before any row that a claim's applicant may hold.
        lock_claims_on(review.certificate.supersedes_id)
    together = [review]
    if not rejected:
        together += _ready_companions(review, actor)
        for one in together:
            refuse_replaced(one)
            one.run = check_review(review=one, stage=Stage.REVIEW, actor=actor)
            refuse_unsound(one, one.run, Outcome(one.proposal), one.reason)
    for one in together:
        one.state, one.decided_by, one.decided_at = state, actor, now()
        if rejected:
            let_go(one, actor)
        one.save()
    # After the signature: the database asks for it.
    if review.cancels:
        cancel_title(review)
    elif not rejected:
        make_them_stand(together)
    for one in together:
        say_verdict(
            one,
            VerdictKind.REJECT if rejected else VerdictKind.ENDORSE,
            actor=actor,
            reason=one.reason,
            article=one.article,
            facts={"outcome": one.proposal},
        )
        record(one, one.state, actor, outcome=one.proposal)
        tell_owner(one, DECIDED[Outcome(one.proposal)], one.reason)
    return review


def _refuse_unsigned_by(review: TitleReview, actor: User) -> None:
    """Nobody signs in an own matter, or what he prepared."""
    refuse_own(review, actor)
    if actor == review.prepared_by:
        raise SignedByAnother()


def _ready_companions(review: TitleReview, actor: User) -> list[TitleReview]:
    """The cases of the other titles whose land the signature moves; each is proposed for it."""
    ready = [locked(one) for one in companions(review)]
    for one in ready:
        if one.state != TitleReview.State.APPROVING or not Outcome(one.proposal).upholds:
            raise DecidedTogether(number=one.certificate.number, state=one.get_state_display())
        _refuse_unsigned_by(one, actor)
    moved = [version.parcel_id for version in current_shapes(review) if version.stands_from is None]
    changed = [one.certificate.supersedes_id for one in [review, *ready]]
    left = (
        VerifiedTitle.objects.filter(parcel__in=moved, ended_at__isnull=True)
        .exclude(certificate__in=[pk for pk in changed if pk is not None])
        .select_related("certificate")
        .first()
    )
    if left is not None:
        raise OtherTitleLeft(number=left.certificate.number)
    return ready
