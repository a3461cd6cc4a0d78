"""Overdue complaints, visits and measures are told to the approvers, once for each term (domain.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from portal.accounts.models import Department, Role
from portal.accounts.queries import officers
from portal.base.clock import advance_clock, today
from portal.casework.models import CalendarYear, Message
from tests.accounts.people import officer
from tests.tickets.registry.register import Bureau, mandate_of
from tests.tickets.supervision.ledger.test_inspections import order
from tickets.supervision.models import Complaint, Inspection
from tickets.supervision.operations.complaints import accept_complaint, make_complaint
from tickets.supervision.operations.escalation import tell_of_overdue_supervision
from tickets.supervision.operations.inspections import hand_on_inspection, sign_inspection

pytestmark = pytest.mark.django_db


def test_each_term_that_passes_is_told_once_to_who_answers_for_it(bureau: Bureau) -> None:
    ticket = bureau.issue(100_000)
    visitor = officer("visitor", Role.CLERK, Department.FORESTRY)
    own = officer("own", Role.APPROVER, Department.FORESTRY)
    mandate_of(own, bureau.owner, bureau.owner_user)

    def told() -> list[tuple[str, str]]:
        found = Message.objects.filter(subject__startswith="逾期：").order_by("pk")
        return [(one.user.username, one.subject.split()[0]) for one in found]

    for year in (today().year, today().year + 1):  # Provisional terms are never acted on.
        CalendarYear.objects.get_or_create(year=year, defaults={"source": "国办通知"})
    complaint = make_complaint(
        topic=Complaint.Topic.FOREST, text="有人砍树", ticket=ticket, actor=None
    )
    accept_complaint(complaint=complaint, actor=visitor)
    visit, second = order(bureau, ticket, visitor), order(bureau, ticket, visitor)
    sign_inspection(
        inspection=second, visited_on=today(), outcome=Inspection.Outcome.MEASURES,
        findings="隔离带未清理", measures="清理", measures_due_on=today() + timedelta(days=40),
        actor=visitor,
    )  # fmt: skip
    assert tell_of_overdue_supervision() == 0
    advance_clock(timedelta(days=8))
    assert [tell_of_overdue_supervision(), tell_of_overdue_supervision()] == [1, 0]
    approvers = {user.username for user in officers(Role.APPROVER, Department.FORESTRY)}
    people = {*approvers, "visitor"} - {"own"}  # Who acts for the owner does not read of it.
    assert sorted(told()) == sorted((name, "逾期：现场检查") for name in people)
    # Another day is another term.
    hand_on_inspection(
        inspection=visit, inspector=visitor, due_on=today() + timedelta(days=1),
        actor=bureau.approver,
    )  # fmt: skip
    assert tell_of_overdue_supervision() == 0
    advance_clock(timedelta(days=40))
    Message.objects.all().delete()
    assert tell_of_overdue_supervision() == 3
    by_matter = {what: {name for name, said in told() if said == what} for _name, what in told()}
    assert by_matter == {
        "逾期：举报答复": people, "逾期：现场检查": people, "逾期：整改": people,
    }  # fmt: skip
    assert tell_of_overdue_supervision() == 0
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM supervision_overduetold")
