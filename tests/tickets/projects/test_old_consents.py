"""Consents from before the database asked whose word they were."""

from __future__ import annotations

from typing import Any

import pytest

from tests.base.sessions import as_owner, refused_by
from tests.factories.land import square
from tests.tickets.projects.story import Town, consent, draft_of, hand_in, own_land
from tests.tickets.projects.test_co_owners import put_forward, returned, share_out
from tickets.projects.checklist import without_consent
from tickets.projects.errors import CoOwnersMissing
from tickets.projects.models import Application
from tickets.projects.operations import resubmit_application


def test_a_consent_that_was_never_the_partys_own_falls_with_a_return(committed_db: str) -> None:
    """As they were taken before 0012: by whoever held a mandate to apply for the co-owner."""
    town = Town.staffed()
    (owner, party), (partner, other) = town.owner(), town.owner()
    titles = [own_land(party, square(0, 0)), own_land(other, square(100, 0))]
    draft = draft_of(town, owner, party, square(0, 0, 200, 100), titles=titles)
    draft = share_out(draft, (party, 1), (other, 1))
    hand_in(draft, owner)
    consent(draft, partner, other)
    application = put_forward(draft)
    share = application.shares.get(party=other)

    def take_by_mandate() -> None:
        with as_owner() as session:
            for act in (
                "ALTER TABLE projects_applicationshare DISABLE TRIGGER USER",
                "UPDATE projects_applicationshare SET consented_at = portal_now(), "
                f"consented_by_id = {owner.pk}, consented_to = projects_terms({application.pk}) "
                f"WHERE id = {share.pk}",
                "ALTER TABLE projects_applicationshare ENABLE TRIGGER USER",
            ):
                session.execute(act)

    take_by_mandate()
    application = returned(town, application)
    share.refresh_from_db()
    assert share.consented_at is None
    assert partner.inbox_messages.filter(subject__contains="请确认收益份额").count() == 2
    take_by_mandate()
    assert without_consent(application) == [share]
    with refused_by("consent_is_of_the_party"):
        Application.objects.filter(pk=application.pk).update(state="submitted")
    answered: dict[str, Any] = {"application": application, "actor": owner, "answer": "已补正"}
    with pytest.raises(CoOwnersMissing):
        resubmit_application(**answered, seen=application.revision)
    consent(application, partner, other)
    assert resubmit_application(**answered, seen=application.revision).state == "submitted"
