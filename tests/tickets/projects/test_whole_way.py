"""From own land to a signed filing, each step by its office."""

from __future__ import annotations

import pytest

from parcels.models import Claim
from portal.base.numbers import is_number
from portal.casework.models import ReviewCase
from tests.accounts.people import verbs
from tests.tickets.projects.story import (
    Town,
    determine,
    file_it,
    pass_completeness,
    pass_reviews,
    submitted,
)
from tickets.projects.errors import ApplicationMoveNotAllowed
from tickets.projects.models import Application
from tickets.projects.operations import withdraw_application
from tickets.projects.signing import signature_holds


@pytest.mark.django_db
def test_an_application_goes_from_own_land_to_a_signed_filing(town: Town) -> None:
    application, owner = submitted(town)
    assert application.claim is not None
    assert application.case is not None
    assert application.claim.state == Claim.State.PENDING
    pass_completeness(town, application)
    pass_reviews(town, application)
    determine(town, application)
    application.claim.refresh_from_db()
    assert application.claim.state == Claim.State.LIVE
    filing = file_it(town, application, 2242)
    application.refresh_from_db()
    application.claim.refresh_from_db()
    application.case.refresh_from_db()
    assert application.state == Application.State.FILED
    assert application.claim.filed_at is not None
    assert application.case.state == ReviewCase.State.APPROVED
    assert is_number(filing.number)
    filing.refresh_from_db()
    assert signature_holds(filing)
    assert verbs("filing", filing.key) == ["signed"]
    with pytest.raises(ApplicationMoveNotAllowed):  # Not "wait for a return, or withdraw it".
        withdraw_application(application=application, actor=owner)
