"""Two approvers at the same moment: one decision, and the other is told."""

from __future__ import annotations

from typing import Any

from parcels.models import TitleCertificate, TitleReview
from parcels.reviews.operations import sign_review
from portal.base.errors import PortalError
from tests.base.sessions import at_once
from tests.factories.land import square
from tests.parcels.reviews.bench import approver, clerk, owner, proposed, seen, submitted, title_of


def test_of_two_approvers_at_once_one_signs_and_the_other_is_told(committed_db: str) -> None:
    user, party = owner()
    first, second, preparer = approver("a"), approver("b"), clerk()
    for round_number in range(4):
        draft = title_of(user, party, square(300 * round_number, 0), number=f"第{round_number}号")
        review = proposed(submitted(draft), preparer)
        mark = seen(review)

        def sign(signer: Any, review: TitleReview = review, mark: str = mark) -> str:
            try:
                return sign_review(review=review, seen=mark, actor=signer).state
            except PortalError as refusal:
                return refusal.code

        answers = at_once([lambda: sign(first), lambda: sign(second)])
        assert sorted(answers) == ["review_move_not_allowed", "verified"]
        assert TitleCertificate.objects.get(pk=review.certificate_id).state == "verified"
