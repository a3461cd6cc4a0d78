"""What every act of a review writes beside its effect: the journal, the verdict of its case, a note."""

from __future__ import annotations

from django.urls import reverse
from django.utils.functional import Promise

from parcels.models import TitleReview
from parcels.reviews.holding import former_holders, holders_of
from parcels.reviews.queries import people_of
from portal.accounts.models import User
from portal.casework.moves import VerdictKind
from portal.casework.notices import tell
from portal.casework.operations import record_verdict
from portal.journal.operations import record_event

SUBJECT = "title_review"


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


def say_verdict(
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
