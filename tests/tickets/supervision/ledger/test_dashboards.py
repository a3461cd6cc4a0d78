"""Each department sees its own figures; the chart has its table; the numbers leave as a file."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.accounts.models import Department, Role, User
from portal.accounts.operations import ensure_demo_accounts
from tests.accounts.people import officer
from tests.tickets.registry.register import Bureau
from tickets.finance.demo import play_finance
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.supervision.dashboards import figures_of, months_of
from tickets.supervision.demo import play_supervision
from tickets.supervision.models import Complaint, Inspection
from tickets.supervision.operations.complaints import make_complaint

pytestmark = pytest.mark.django_db


def test_a_department_sees_what_it_answers_for(bureau: Bureau, client: Client) -> None:
    ticket = bureau.issue(100_000)
    bureau.offset(ticket, 2_500)
    make_complaint(topic=Complaint.Topic.OFFSET, text="不实", actor=None)
    for department in Department:
        name = f"d-{department.value}"
        client.force_login(officer(name, Role.CLERK, department))
        page = client.get(f"/dashboards/{department.value}/")
        assert page.status_code == 200
        for figure in figures_of(department):
            assert str(figure.label) in page.content.decode()
        other = next(one for one in Department if one is not department)
        assert client.get(f"/dashboards/{other.value}/").status_code == 404
        assert client.get(f"/dashboards/{other.value}.csv").status_code == 404
        assert client.get(f"/dashboards/{department.value}.xlsx").content.startswith(b"PK")
    ecology = {str(one.label): one.value for one in figures_of(Department.ECOLOGY)}
    assert ecology["已抵消（吨）"] == "2.5"
    assert ecology["待答复举报"] == "1"
    assert months_of(Department.ECOLOGY)[-1].acts == 1
    assert len(months_of(Department.JUSTICE)) == 12
    assert Client().get("/dashboards/").status_code == 302


def test_the_demonstration_has_every_kind_of_act(bureau: Bureau) -> None:
    bureau.issue(100_000)
    ensure_demo_accounts()
    users = {user.username: user for user in User.objects.all()}
    said: list[str] = []
    for _again in range(2):
        play_finance(users, said.append)
        play_supervision(users, said.append)
    assert len(said) == 2
    assert sorted(one.state for one in Complaint.objects.all()) == [
        "accepted", "answered", "received",
    ]  # fmt: skip
    assert sorted(one.state for one in Inspection.objects.all()) == ["ordered", "signed"]
    assert (FinanceRow.objects.count(), InsurancePolicy.objects.count()) == (1, 1)
