"""Each department sees its own figures; the chart has its table; the numbers leave as a file."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.accounts.models import Department, Role
from tests.accounts.people import officer
from tests.tickets.registry.register import Bureau
from tickets.supervision.dashboards import figures_of, months_of
from tickets.supervision.models import Complaint
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
