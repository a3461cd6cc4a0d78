"""A filing whose application several owners signed together."""

from __future__ import annotations

from collections.abc import Sequence

from portal.accounts.models import Party, User
from tests.factories.land import square
from tests.tickets.projects.story import (
    Town,
    consent,
    determine,
    draft_of,
    file_it,
    hand_in,
    pass_completeness,
    pass_reviews,
)
from tickets.projects.models import Filing
from tickets.projects.operations import Share, set_shares, submit_application


def joint_filing(owners: Sequence[tuple[Party, User, int]], *, tonnes: int) -> Filing:
    """Of these owners by their numerators; the first one represents them."""
    town = Town({user.username: user for user in User.objects.all()})  # Of the template.
    party, user, _numerator = owners[0]
    draft = draft_of(town, user, party, square(9000, 0), tonnes=tonnes)
    set_shares(
        application=draft,
        denominator=sum(numerator for _party, _user, numerator in owners),
        shares=[Share(one, numerator) for one, _user, numerator in owners],
        seen=draft.revision,
        actor=user,
    )
    hand_in(draft, user)  # Its papers name the owners.
    for other, acting, _numerator in owners[1:]:
        consent(draft, acting, other)
    draft.refresh_from_db()
    draft = submit_application(application=draft, actor=user, seen=draft.revision)
    pass_completeness(town, draft)
    pass_reviews(town, draft)
    determine(town, draft)
    return Filing.objects.get(pk=file_it(town, draft, tonnes).pk)  # With its claim as it is now.
