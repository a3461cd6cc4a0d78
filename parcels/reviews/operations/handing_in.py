"""How a title comes before the bureau, and how it is taken back."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcels.models import ParcelVersion, ReviewShape, Right, TitleCertificate, TitleReview
from parcels.reviews.access import may_use_bench
from parcels.reviews.errors import OpenedByOffice, ReviewMoveNotAllowed
from parcels.reviews.holding import former_holders, holders_of
from parcels.reviews.moves import Move, next_state
from parcels.reviews.operations.authority import require_officer
from parcels.reviews.operations.checks import check_review
from parcels.reviews.operations.land import let_go
from parcels.reviews.operations.records import SUBJECT, locked, record, say_verdict, tell_owner
from parcels.rules.table import Stage
from portal.accounts.models import Department, User
from portal.base.transactions import write_transaction
from portal.casework.moves import VerdictKind
from portal.casework.operations import StepPlan, add_parties, open_case

OPENED_BY_OFFICE = _("主管部门已对您的权属立案：{number}")
# Inside the 15 working days of article 8 (domain.md, "Policy where the regulation is silent").
STEP = StepPlan(
    kind="title_review",
    title=_("权属审核"),
    order=1,
    department=Department.NATURAL_RESOURCES,
    days=15,
    article="第三条",
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
        say_verdict(review, VerdictKind.RESUBMIT, actor=actor)
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
    let_go(review, actor)
    if review.case is not None:
        say_verdict(review, VerdictKind.WITHDRAW, actor=actor)
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
    let_go(review, actor)
    if review.case is not None:
        say_verdict(review, VerdictKind.END, actor=actor, reason=reason)
    review.save()
    record(review, "ended_by_office", actor)
    tell_owner(review, _("主管部门依职权变更，您的变更已终止：{number}"), reason)
    return review
