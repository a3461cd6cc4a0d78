"""Ways out of a finding: the neighbour is asked, or an error of the other title is reported."""

from __future__ import annotations

from django.contrib.gis.db.models.functions import Intersection
from django.db.models import Case, Exists, IntegerField, OuterRef, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from parcels.access import own_land
from parcels.measures import EllipsoidArea
from parcels.models import (
    BoundaryMessage,
    Finding,
    ParcelVersion,
    Right,
    TitleCertificate,
    TitleReview,
    VerifiedTitle,
)
from parcels.reviews.access import may_use_bench
from parcels.reviews.errors import LandOfOtherGone, MessageAnswered, OwnTitle, TextMissing
from parcels.reviews.holding import holders_of
from parcels.reviews.operations import (
    change_by_office,
    open_takeover_case,
    record,
    require_officer,
    tell_owner,
)
from parcels.reviews.queries import land_of_other, people_of
from parcels.reviews.shapes import LEAST_SHARED_M2, descendants_of
from portal.accounts.models import Party, User
from portal.accounts.queries import parties_acted_for
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.casework.notices import tell


@write_transaction
def write_about_boundary(
    *,
    review: TitleReview,
    finding: Finding,
    kind: BoundaryMessage.Kind,
    text: str,
    as_officer: bool,
    actor: User,
) -> list[User]:
    """Ask the other's holder, or report an error of the other title; who was told of it.

    A number that is used twice has no place of its own: the other's land stands for it. Nobody is
    told where the other's holder is known by name only. LandOfOtherGone, TextMissing.
    """
    if as_officer:
        require_officer(review, actor, may_use_bench)
    other = land_of_other(finding)
    if other is None:
        raise LandOfOtherGone()
    if not text.strip():
        raise TextMissing()
    parcel = other.parcel
    message = BoundaryMessage.objects.create(
        kind=kind,
        review=review,
        parcel=parcel,
        patch=finding.shape or other.geom,
        area_m2=finding.area_m2,
        text=text.strip(),
        made_by=actor,
    )
    record(review, kind.value, actor, message=str(message.key))
    if kind == BoundaryMessage.Kind.REPORT_ERROR:
        return []
    holders = Party.objects.filter(
        rights__parcel=parcel, rights__certificate__state__in=["registered", "verified"]
    ).distinct()
    neighbours = [
        user for user in people_of(list(holders)) if own_land(user).filter(pk=parcel.pk).exists()
    ]
    tell(
        users=neighbours,
        subject=gettext("邻界方请您核对界线"),
        body=message.text,
        link=reverse("parcels:boundary-message", args=[message.key]),
    )
    return neighbours


@write_transaction
def answer_boundary_message(
    *, message: BoundaryMessage, agreed: bool, text: str, actor: User
) -> BoundaryMessage:
    """The neighbour's answer, or the bureau's to a reported error; given once.

    An error that the bureau agrees to leads to a case in which it is corrected.
    """
    message = BoundaryMessage.objects.select_for_update(of=("self",)).get(pk=message.pk)
    reported = message.kind == BoundaryMessage.Kind.REPORT_ERROR
    title = reported_title(message) if reported else None
    if reported:
        require_officer(message.review, actor, may_use_bench)
        if (
            title is not None
            and parties_acted_for(actor).filter(rights__certificate=title).exists()
        ):
            raise OwnTitle()
    if message.answer:
        raise MessageAnswered()
    message.answer = BoundaryMessage.Answer.AGREED if agreed else BoundaryMessage.Answer.DECLINED
    message.answer_text, message.answered_by, message.answered_at = text.strip(), actor, now()
    message.save()
    record(message.review, "boundary_answered", actor, agreed=agreed)
    said = [str(message.get_answer_display()), message.answer_text]
    if agreed and title is not None:
        correction = _corrected_in(title, message, actor)
        said.append(gettext("已由案件 {number} 办理更正。").format(number=_number_of(correction)))
    asked_by_owner = message.made_by in people_of(holders_of(message.review.certificate))
    page = "parcels:my-title" if asked_by_owner else "parcels:bench-case"
    tell(
        users=[message.made_by],
        subject=gettext("界线协商已答复"),
        body=" ".join(part for part in said if part),
        link=reverse(page, args=[message.review.key]),
    )
    return message


def reported_title(message: BoundaryMessage) -> TitleCertificate | None:
    """The title on the land of a report, also where that was split or merged since: one of the
    reporter's kinds of right, a verified one first.
    """
    own = Right.objects.filter(certificate=message.review.certificate_id)
    found = (
        Right.objects.filter(
            parcel__in=_land_now(message), certificate__state__in=["registered", "verified"]
        )
        .exclude(certificate=message.review.certificate_id)
        .alias(
            other_kind=Case(
                When(kind__in=own.values("kind"), then=Value(0)),
                default=Value(1),
                output_field=IntegerField(),
            )
        )
        .select_related("certificate")
        .order_by("other_kind", "-certificate__state", "certificate")
        .first()
    )
    return found.certificate if found else None


def _land_now(message: BoundaryMessage) -> list[int]:
    """The reported parcel and what came from it that stands on the reported patch."""
    heirs = (
        ParcelVersion.objects.standing()
        .filter(parcel__in=descendants_of(message.parcel), parcel__ended_at__isnull=True)
        .annotate(shared_m2=EllipsoidArea(Intersection("geom", message.patch)))
        .filter(shared_m2__gte=LEAST_SHARED_M2)
    )
    return [message.parcel_id, *heirs.values_list("parcel_id", flat=True)]


def correction_of(title: TitleCertificate) -> TitleReview | None:
    """The review under way in which a title, or the change of it, is put right.

    A change that lies with its owner is none: nothing makes him go on with it.
    """
    changing = Q(certificate__supersedes=title) & TitleReview.GOES_ON
    return (
        TitleReview.objects.filter(Q(certificate=title) | changing, state__in=TitleReview.OPEN)
        .select_related("certificate", "case")
        .first()
    )


def uncorrected_reports() -> list[BoundaryMessage]:
    """Reports that the bureau agreed to, of a title that stands as it did: no case by office has
    decided on it since, and no change of it goes on by itself.
    """
    held = VerifiedTitle.objects.filter(
        parcel=OuterRef("parcel"), ended_at__isnull=True, verified_at__lt=OuterRef("answered_at")
    ).exclude(certificate=OuterRef("review__certificate"))
    agreed = (
        BoundaryMessage.objects.filter(
            Exists(held) | Q(parcel__ended_at__isnull=False),
            kind=BoundaryMessage.Kind.REPORT_ERROR,
            answer=BoundaryMessage.Answer.AGREED,
        )
        .select_related("review__certificate", "parcel")
        .order_by("pk")
    )
    return [message for message in agreed if _stands_uncorrected(message)]


def _stands_uncorrected(message: BoundaryMessage) -> bool:
    title = reported_title(message)
    if title is None or title.state != TitleCertificate.State.VERIFIED:
        return False
    stood = VerifiedTitle.objects.filter(certificate=title, verified_at__lt=message.answered_at)
    decided = Q(because=TitleReview.Because.OFFICE, decided_at__gte=message.answered_at)
    return (
        stood.exists()
        and not TitleReview.objects.filter(
            TitleReview.GOES_ON | decided, certificate__supersedes=title
        ).exists()
    )


def _corrected_in(title: TitleCertificate, message: BoundaryMessage, actor: User) -> TitleReview:
    """Where a reported error is corrected: the review under way, whose owner is told, or a case by
    office that opens.
    """
    going = correction_of(title)
    if going is not None:
        tell_owner(going, _("对您权属的报告经核实有误：{number}"), message.text)
        return going
    if title.state == TitleCertificate.State.VERIFIED:
        return change_by_office(certificate=title, reason=message.text, actor=actor)
    return open_takeover_case(certificate=title, because=message.text, actor=actor)


def _number_of(review: TitleReview) -> str:
    return review.case.number if review.case else review.certificate.number
