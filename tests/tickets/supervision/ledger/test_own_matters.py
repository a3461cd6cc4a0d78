"""Who acts for a ticket's owner sees no complaint of it and takes no part in its eco-justice cases."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import Department, Role
from portal.base.errors import NotFound
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.accounts.people import officer
from tests.base.sessions import refused_by
from tests.tickets.registry.register import Bureau, mandate_of
from tests.tickets.supervision.ledger.test_justice import opened
from tickets.supervision.access import access_complaint
from tickets.supervision.models import Complaint, JusticeCase
from tickets.supervision.operations.complaints import (
    accept_complaint,
    answer_complaint,
    draft_answer,
    make_complaint,
    return_draft,
)
from tickets.supervision.operations.justice import confirm_justice_case, refuse_justice_case

pytestmark = pytest.mark.django_db


def test_a_complaint_of_a_ticket_is_hidden_from_who_acts_for_its_owner(
    bureau: Bureau, client: Client
) -> None:
    ticket = bureau.issue(100_000)
    other = officer("other", Role.CLERK, Department.FORESTRY)
    mandate_of(bureau.clerk, bureau.owner, bureau.owner_user)
    made = make_complaint(
        topic=Complaint.Topic.FALSEHOOD, text="材料不实", ticket=ticket, actor=None
    )
    told = Message.objects.filter(subject__contains="举报").values_list("user", flat=True)
    assert other.pk in told
    assert bureau.clerk.pk not in told
    with pytest.raises(NotFound):
        access_complaint(made.key, bureau.clerk)
    with pytest.raises(NotFound):
        accept_complaint(complaint=made, actor=bureau.clerk)
    for user, seen in ((bureau.clerk, False), (other, True)):
        client.force_login(user)
        desk = client.get("/complaints/desk/").content.decode()
        assert (f"/complaints/cases/{made.key}/" in desk) == seen
    of_it = Complaint.objects.filter(pk=made.pk)
    with refused_by("nobody_decides_an_own_matter"):
        of_it.update(state="accepted", accepted_by=bureau.clerk)
    accept_complaint(complaint=made, actor=other)
    draft: dict[str, Any] = {"upheld": False, "answer": "查无此事"}
    with refused_by("nobody_decides_an_own_matter"):
        of_it.update(state="drafted", drafted_by=bureau.clerk, **draft)
    draft_answer(complaint=made, **draft, actor=other)
    return_draft(complaint=made, reason="写明经过", actor=bureau.approver)
    draft_answer(complaint=made, **draft, actor=other)
    mandate_of(bureau.approver, bureau.owner, bureau.owner_user)
    with pytest.raises(NotFound):
        answer_complaint(complaint=made, actor=bureau.approver)


def test_nobody_opens_or_decides_the_case_of_an_own_ticket(bureau: Bureau) -> None:
    ticket = bureau.issue(100_000)
    clerk = officer("jc", Role.CLERK, Department.JUSTICE)
    approver = officer("ja", Role.APPROVER, Department.JUSTICE)
    case = opened(ticket, clerk)
    for user in (clerk, approver):
        mandate_of(user, bureau.owner, bureau.owner_user)
    with pytest.raises(OwnMatter):
        opened(ticket, clerk, document_number="（2026）新4002刑初13号")
    with pytest.raises(OwnMatter):
        confirm_justice_case(case=case, actor=approver)
    with pytest.raises(OwnMatter):
        refuse_justice_case(case=case, reason="不办", actor=approver)
    with refused_by("nobody_decides_an_own_matter"):
        JusticeCase.objects.filter(pk=case.pk).update(state="confirmed", decided_by=approver)
