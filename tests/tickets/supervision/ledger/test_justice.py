"""Article 14: decision, consent, valuation; offset at once; never sold again; no names outside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Department, Role, User
from portal.base.clock import today
from portal.base.errors import NotFound
from tests.accounts.people import officer
from tests.tickets.projects.story import scan
from tests.tickets.registry.register import Bureau, covered, states
from tickets.offsets.operations import prepare_offset, refuse_offset, review_name, sign_offset
from tickets.registry.errors import BlockNotFree, ConsentMissing
from tickets.registry.models import CarbonTicket
from tickets.supervision.access import access_justice_case, access_justice_papers
from tickets.supervision.errors import (
    JusticeCaseIncomplete,
    JusticeCaseMovedOn,
    JusticeCaseTwice,
    OwnJusticeCase,
)
from tickets.supervision.models import JusticeCase
from tickets.supervision.operations.justice import (
    PAPERS,
    confirm_justice_case,
    give_tonnes,
    open_justice_case,
    refuse_justice_case,
)
from tickets.supervision.queries import forests_that_served, justice_figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_000)


@pytest.fixture
def clerk(db: None) -> User:
    return officer("jc", Role.CLERK, Department.JUSTICE)


@pytest.fixture
def approver(db: None) -> User:
    return officer("ja", Role.APPROVER, Department.JUSTICE)


def opened(ticket: CarbonTicket, clerk: User, **other: Any) -> JusticeCase:
    given: dict[str, Any] = {
        "organ": JusticeCase.Organ.COURT,
        "authority": "伊宁市人民法院",
        "document_number": "（2026）新4002刑初12号",
        "decided_on": today() - timedelta(days=20),
        "obligation": "补植复绿 12 亩",
        "obligor": "某某某",
        "consented_on": today() - timedelta(days=3),
        "valuation": "按 12 亩十年生长量折算",
        "valuation_author": "伊犁州林业司法鉴定所",
        "quantity_kg": 12_345,
        "ticket": ticket,
        "papers": {kind: scan(f"{kind}.pdf") for kind in PAPERS},
        "actor": clerk,
    }
    return open_justice_case(**{**given, **other})


def test_from_the_decision_to_the_certificate(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, approver: User, client: Client
) -> None:
    ecology = officer("ec", Role.CLERK, Department.ECOLOGY)
    case = opened(ticket, clerk)
    with pytest.raises(JusticeCaseTwice):
        opened(ticket, clerk)
    with pytest.raises(JusticeCaseMovedOn):
        give_tonnes(case=case, actor=bureau.owner_user)
    # The holder is asked only after the approval, and never learns whose obligation it is.
    with pytest.raises(NotFound):
        access_justice_case(case.key, bureau.owner_user)
    confirm_justice_case(case=case, actor=approver)
    with pytest.raises(NotFound):
        access_justice_papers(case.key, bureau.owner_user)
    client.force_login(bureau.owner_user)
    page = client.get(f"/eco-justice/cases/{case.key}/").content.decode()
    assert "12.345" in page
    assert "某某某" not in page
    with pytest.raises(ConsentMissing):
        give_tonnes(case=case, actor=bureau.buyer_user)
    case = give_tonnes(case=case, actor=bureau.owner_user)
    assert case.request is not None
    review_name(beneficiary=case.request.beneficiary, accepted=True, actor=ecology)
    prepare_offset(request=case.request, opinion="", actor=ecology)
    offset = sign_offset(request=case.request, actor=bureau.signer)
    assert (offset.authority, offset.quantity_kg) == ("伊宁市人民法院", 12_345)
    assert states(ticket) == {"held": 87_655, "offset": 12_345}
    assert covered(ticket.issuance)
    [row] = justice_figures()
    assert (row.cases, row.quantity_kg, row.by_court) == (1, 12_345, 1)
    [forest] = forests_that_served()
    assert forest["properties"] == {"cases": 1, "quantity_kg": 12_345}
    outside = Client()
    for address in ("/eco-justice/", "/eco-justice/forests.geojson", "/supervision/"):
        answer = outside.get(address).content.decode()
        assert "某某某" not in answer
        assert "刑初" not in answer
    with pytest.raises(JusticeCaseMovedOn):
        refuse_justice_case(case=case, reason="反悔", actor=approver)


def test_what_is_missing_or_not_free_is_refused(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, approver: User
) -> None:
    with pytest.raises(JusticeCaseIncomplete):
        opened(ticket, clerk, papers={"decision": scan()})
    with pytest.raises(JusticeCaseIncomplete):
        opened(ticket, clerk, valuation_author=" ")
    with pytest.raises(JusticeCaseIncomplete):
        opened(ticket, clerk, consented_on=today() - timedelta(days=30))
    with pytest.raises(BlockNotFree):
        opened(ticket, clerk, quantity_kg=100_001)
    with pytest.raises(OfficeMissing):
        opened(ticket, bureau.clerk)
    clerk.role_grants.create(role=Role.APPROVER, department=Department.JUSTICE)
    case = opened(ticket, clerk)
    with pytest.raises(OwnJusticeCase):
        confirm_justice_case(case=case, actor=clerk)


def test_a_refused_offset_lets_the_case_begin_anew(
    bureau: Bureau, ticket: CarbonTicket, clerk: User, approver: User
) -> None:
    case = opened(ticket, clerk)
    confirm_justice_case(case=case, actor=approver)
    case = give_tonnes(case=case, actor=bureau.owner_user)
    assert case.request is not None
    refuse_offset(request=case.request, reason="材料不符", actor=bureau.signer)
    refuse_justice_case(case=case, reason="抵消未获签发", actor=approver)
    assert opened(ticket, clerk).state == JusticeCase.State.OPENED


@pytest.mark.parametrize("attack", [
    "UPDATE supervision_justicecase SET quantity_kg = 1",
    "UPDATE supervision_justicecase SET obligor = '别人'",
    "UPDATE supervision_justicecase SET state = 'subscribed', decided_by_id = opened_by_id",
    "UPDATE supervision_justicecase SET state = 'confirmed', decided_by_id = opened_by_id",
    "UPDATE supervision_justicecase SET state = 'confirmed'",
    "DELETE FROM supervision_justicecase",
])  # fmt: skip
def test_the_database_keeps_what_was_decided(
    ticket: CarbonTicket, clerk: User, attack: str
) -> None:  # fmt: skip
    opened(ticket, clerk)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)
