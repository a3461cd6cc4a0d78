"""Each act of a title's review: submitting, proposing, signing, returning, and what goes with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import date
from decimal import Decimal

from django.contrib.gis.geos import Point
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcels.models import (
    Parcel,
    ParcelVersion,
    ReviewShape,
    Right,
    RuleRun,
    SideCheck,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.access import may_prepare, may_use_bench
from parcels.reviews.errors import (
    CancelledByOffice,
    ClaimsStand,
    ConflictsRemain,
    DecidedTogether,
    DifferenceNeedsReason,
    DifferenceTooSmall,
    NobodyToAnswer,
    NothingAsked,
    NotWithBureau,
    NotWithOwner,
    OpenedByOffice,
    OtherTitleLeft,
    OwnTitle,
    PartsOpen,
    ReasonMissing,
    RegisterNotAhead,
    ReviewLandReplaced,
    ReviewMoveNotAllowed,
    ReviewVersionChanged,
    SideDiffers,
    SidesOpen,
    SignedByAnother,
    TakenByColleague,
    TextMissing,
)
from parcels.reviews.holding import (
    former_holders,
    former_papers,
    hand_rights_on,
    holders_of,
    under_own_name,
)
from parcels.reviews.models import Outcome, Side
from parcels.reviews.moves import Move, next_state
from parcels.reviews.queries import (
    area_difference_percent,
    candidates_of_review,
    claims_on,
    lock_claims_on,
    people_of,
    standing_ticks,
)
from parcels.reviews.shapes import (
    Successor,
    ancestors_of,
    companions,
    current_shapes,
    drawn_alone,
    newest_row,
    own_corrections,
    own_parcels,
    restore_shape,
    seen_mark,
    successors,
)
from parcels.rules.operations import check_title
from parcels.rules.table import Severity, Stage
from portal.accounts.models import Department, Mandate, User
from portal.accounts.queries import parties_acted_for
from portal.base.clock import now
from portal.base.errors import StateMovedOn
from portal.base.parameters import whole_number
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.casework.errors import NotYourOffice
from portal.casework.moves import VerdictKind
from portal.casework.notices import tell
from portal.casework.operations import (
    StepPlan,
    add_comment,
    add_parties,
    assign_step,
    open_case,
    record_verdict,
    refuse_own_matter,
)
from portal.journal.operations import record_event

SUBJECT = "title_review"
OPENED_BY_OFFICE = _("主管部门已对您的权属立案：{number}")
DECIDED = {
    Outcome.VERIFIED: _("权属已审核通过：{number}"),
    Outcome.VERIFIED_WITH_DIFFERENCE: _("权属已审核通过：{number}"),
    Outcome.REJECTED: _("权属未通过审核：{number}"),
    Outcome.CANCELLED: _("主管部门已注销您的证书：{number}"),
}
# Inside the 15 working days of article 8 (domain.md, "Policy where the regulation is silent").
STEP = StepPlan(
    kind="title_review",
    title=_("权属审核"),
    order=1,
    department=Department.NATURAL_RESOURCES,
    days=15,
    article="第三条",
)


def locked(review: TitleReview) -> TitleReview:
    """The row, locked until the act is written: of two at once the second sees the first's."""
    return (
        TitleReview.objects.select_for_update(of=("self",))
        .select_related("certificate", "case")
        .get(pk=review.pk)
    )


def record(review: TitleReview, verb: str, actor: User, **facts: object) -> None:
    record_event(
        subject_kind=SUBJECT, subject_key=review.key, verb=verb, actor_key=actor.key, facts=facts
    )


@write_transaction
def submit_title(
    *, review: TitleReview, actor: User, received_on: date | None = None
) -> TitleReview:
    """Hand a title to the bureau, for the first time or after a correction; the case opens, or
    its clock goes on. ``received_on`` is the day on which a paper came to the counter.
    """
    review = locked(review)
    state = next_state(review.state, Move.SUBMIT)
    run = check_review(review=review, stage=Stage.SUBMIT, actor=actor)
    certificate = review.certificate
    if review.case is None:
        review.case = open_case(
            kind=SUBJECT,
            title=certificate.number,
            subject_kind=SUBJECT,
            subject_key=review.key,
            steps=[STEP],
            applicants=holders_of(certificate),
            others=former_holders(review),
            recused=[] if review.by_office else [actor],
            received_on=received_on,
            actor=actor,
        )
    else:
        concerned = [*holders_of(certificate), *former_holders(review)]
        add_parties(case=review.case, others=concerned, actor=actor)
        _say(review, VerdictKind.RESUBMIT, actor=actor)
    review.state, review.run = state, run
    review.save()
    record(review, "submitted", actor, findings=run.finding_count, run=str(run.key))
    return review


@write_transaction
def open_takeover_case(
    *, certificate: TitleCertificate, actor: User, because: str = ""
) -> TitleReview:
    """A case by office for a certificate that a takeover left registered because of a conflict, or
    in which an error was reported (``because``); its holders are told.

    Its land is what stands, or stood last where it was split meanwhile; nobody need act for its
    holder, who may be known by name only.
    """
    certificate = TitleCertificate.objects.select_for_update().get(pk=certificate.pk)
    if certificate.state != TitleCertificate.State.REGISTERED:
        raise ReviewMoveNotAllowed(now=certificate.get_state_display(), wanted=_("立案"))
    review = TitleReview.objects.create(
        certificate=certificate,
        because=TitleReview.Because.TAKEOVER,
        request_reason=because,
        made_by=actor,
    )
    land = Right.objects.filter(certificate=certificate).values("parcel")
    ReviewShape.objects.bulk_create(
        ReviewShape(review=review, parcel_id=version.parcel_id, version=version, made_by=actor)
        for version in ParcelVersion.objects.filter(parcel__in=land, stands_from__isnull=False)
        .order_by("parcel", "-number")
        .distinct("parcel")
    )
    record(review, "opened_by_office", actor, certificate=str(certificate.key))
    review = submit_title(review=review, actor=actor)
    tell_owner(review, OPENED_BY_OFFICE, because or gettext("接管登记时发现冲突。"))
    return review


@write_transaction
def withdraw_review(*, review: TitleReview, actor: User) -> TitleReview:
    """The owner takes it back, and with it the certificate and the land that it drew.

    OpenedByOffice for a case that is not his to take back.
    """
    review = locked(review)
    if review.by_office:
        raise OpenedByOffice()
    review.state = next_state(review.state, Move.WITHDRAW)
    _let_go(review, actor)
    if review.case is not None:
        _say(review, VerdictKind.WITHDRAW, actor=actor)
    review.save()
    record(review, "withdrawn", actor)
    return review


@write_transaction
def end_change(*, review: TitleReview, reason: str, actor: User) -> TitleReview:
    """A change that lies with its owner gives way to the bureau's own; what he drew for it ends as on
    a withdrawal, and he is told why. Only the clerk ends one that was handed in before.
    """
    review = locked(review)
    state = next_state(review.state, Move.END)
    if review.because != TitleReview.Because.CHANGE:
        raise ReviewMoveNotAllowed(now=review.get_state_display(), wanted=Move.END.label)
    require_officer(review, actor, may_use_bench)
    review.state = state
    _let_go(review, actor)
    if review.case is not None:
        _say(review, VerdictKind.END, actor=actor, reason=reason)
    review.save()
    record(review, "ended_by_office", actor)
    tell_owner(review, _("主管部门依职权变更，您的变更已终止：{number}"), reason)
    return review


@write_transaction
def take_review(*, review: TitleReview, actor: User) -> TitleReview:
    """A clerk takes a case from the list into hand; TakenByColleague where another did before."""
    review = locked(review)
    if review.state != TitleReview.State.PREPARING:
        raise NotWithBureau(state=review.get_state_display())
    _refuse_own(review, actor)
    if review.taken_by not in (None, actor):
        raise TakenByColleague(name=review.taken_by.get_full_name())
    assert review.case is not None  # Submitted: a constraint holds it.
    assign_step(step=review.case.steps.get(), to=actor, actor=actor)
    review.taken_by = actor
    review.save()
    record(review, "taken", actor)
    return review


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


@write_transaction
def follow_register(
    *, review: TitleReview, parts: Collection[uuid.UUID] = (), actor: User
) -> TitleReview:
    """Go over to the land that stands by now in the place of that under review.

    That is the newer shape of an import, and of land that was split or merged in another review the
    ``parts`` by the keys of their parcels, which take the certificate's rights over. Its owner does
    so while the title is with him; of a takeover's conflict the officer, since nobody may act for
    its holder. NotWithOwner, NotWithBureau, RegisterNotAhead, PartsOpen.
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
    revision = _refuse_unseen(review, seen)
    run = check_review(review=review, stage=Stage.REVIEW, actor=actor)
    reason, article = reason.strip(), article.strip()
    if not outcome.upholds:
        if not reason or not article:
            raise ReasonMissing()
        if outcome is Outcome.CANCELLED:
            _refuse_cancellation(review)
    else:
        _refuse_replaced(review)
        _refuse_unsound(review, run, outcome, reason)
    review.state, review.run = state, run
    review.proposal, review.reason, review.article = outcome.value, reason, article
    review.prepared_by, review.prepared_at = actor, now()
    review.taken_by = review.taken_by or actor
    review.save()
    _say(
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
    _refuse_own(review, actor)
    revision = _refuse_unseen(review, seen)
    if not people_of(holders_of(review.certificate), Mandate.Scope.APPLY):
        raise NobodyToAnswer()
    asked = asked.strip()
    if not asked:
        raise NothingAsked()
    run = check_review(review=review, stage=Stage.REVIEW, actor=actor)
    review.state, review.run, review.asked = state, run, asked
    review.taken_by = review.taken_by or actor
    review.save()
    _say(
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
    _say(review, VerdictKind.RECALL, actor=actor)
    record(review, "recalled", actor)
    return review


@write_transaction
def send_back(*, review: TitleReview, reason: str, seen: str, actor: User) -> TitleReview:
    """The approver does not sign and gives it back to the clerk with a reason."""
    review = locked(review)
    state = next_state(review.state, Move.SEND_BACK)
    _refuse_own(review, actor)
    revision = _refuse_unseen(review, seen)
    if not reason.strip():
        raise ReasonMissing()
    review.state = state
    review.proposal = review.reason = review.article = ""
    review.prepared_by = review.prepared_at = None
    review.save()
    _say(review, VerdictKind.SEND_BACK, actor=actor, reason=reason.strip(), revision=revision)
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
    _refuse_unseen(review, seen)
    if review.cancels and review.certificate.supersedes_id is not None:
        # Before any row that a claim's applicant may hold.
        lock_claims_on(review.certificate.supersedes_id)
    together = [review]
    if not rejected:
        together += _ready_companions(review, actor)
        for one in together:
            _refuse_replaced(one)
            one.run = check_review(review=one, stage=Stage.REVIEW, actor=actor)
            _refuse_unsound(one, one.run, Outcome(one.proposal), one.reason)
    for one in together:
        one.state, one.decided_by, one.decided_at = state, actor, now()
        if rejected:
            _let_go(one, actor)
        one.save()
    # After the signature: the database asks for it.
    if review.cancels:
        _cancel_title(review)
    elif not rejected:
        _make_them_stand(together)
    for one in together:
        _say(
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
    _refuse_own(review, actor)
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


def _make_them_stand(reviews: Sequence[TitleReview]) -> None:
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


def _let_go(review: TitleReview, actor: User) -> None:
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


def _refuse_cancellation(review: TitleReview) -> None:
    """CancelledByOffice where no verified title is before the bureau, ClaimsStand on its land."""
    title = review.certificate.supersedes
    if review.because != TitleReview.Because.OFFICE or title is None:
        raise CancelledByOffice()
    if title.state != TitleCertificate.State.VERIFIED:
        raise CancelledByOffice()
    numbers = claims_on(title)
    if numbers:
        raise ClaimsStand(numbers="、".join(numbers))


def _cancel_title(review: TitleReview) -> None:
    """The verified title ends; its history stays, and so does land of the register. What people drew
    for it ends where nobody else holds it.
    """
    _refuse_cancellation(review)
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


def _refuse_unsound(review: TitleReview, run: RuleRun, outcome: Outcome, reason: str) -> None:
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


def _refuse_unseen(review: TitleReview, seen: str) -> int:
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


def _refuse_replaced(review: TitleReview) -> None:
    """Each reviewed version stands or is to stand by the signature; its parcel was not split.

    Locked until the act is written, so that nothing replaces them between the look and the freeze.
    """
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


def has_part_in(review: TitleReview, actor: User) -> bool:
    """Whether the actor registered the title or acts for one of its holders."""
    if actor == review.made_by and not review.by_office:
        return True
    holders = [party.pk for party in holders_of(review.certificate)]
    return parties_acted_for(actor).filter(pk__in=holders).exists()


def _refuse_own(review: TitleReview, actor: User) -> None:
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
    _refuse_own(review, actor)
    if review.case is not None:
        refuse_own_matter(review.case, actor)


def tell_owner(
    review: TitleReview, subject: str | Promise, body: str, *, but: User | None = None
) -> None:
    """A note to everyone who acts for a holder of the title, now or before the change; not to
    ``but``, who did it.
    """
    said = {"subject": str(subject).format(number=review.certificate.number), "body": body}
    present = people_of(holders_of(review.certificate))
    former = [one for one in people_of(former_holders(review)) if one not in present]
    for people, link in (
        (present, reverse("parcels:my-title", args=[review.key])),
        (former, reverse("parcels:my-titles")),
    ):
        tell(users=[one for one in people if one != but], link=link, **said)


def _say(
    review: TitleReview,
    verdict: VerdictKind,
    *,
    actor: User,
    reason: str = "",
    article: str = "",
    facts: dict[str, object] | None = None,
    revision: int | None = None,
) -> None:
    """The verdict of the case's one step; whether the actor may give it is casework's to say.

    ``revision`` is what an officer had before his eyes; the owner's own acts go by the present.
    """
    assert review.case is not None  # Submitted: a constraint holds it.
    step = review.case.steps.get()
    record_verdict(
        step=step,
        verdict=verdict,
        actor=actor,
        reason=reason,
        article=article,
        facts=facts or {},
        seen=step.revision if revision is None else revision,
    )


# --- beside the verdicts ------------------------------------------------------------------------
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
