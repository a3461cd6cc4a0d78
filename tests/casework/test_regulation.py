"""The administrator sets the days of the regulation; until then everybody is told (article 25)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from portal.casework.checks import check_days_of_the_regulation
from portal.casework.models import CalendarYear, Regulation
from portal.journal.models import Event
from tests.accounts.people import administrator

pytestmark = pytest.mark.django_db
PLACEHOLDER = "日期为示例，待管理员核定"


@pytest.fixture
def page(client: Client) -> Client:
    root = administrator()
    root.is_staff = root.is_superuser = True
    root.save()
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    return client


def said_in_production(settings: Any) -> list[str | None]:
    settings.INSTALLATION_KIND = "production"
    return [found.id for found in check_days_of_the_regulation(databases=["default"])]


def test_placeholder_days_are_said_until_the_administrator_has_set_them(
    page: Client, settings: Any
) -> None:
    [standing] = Regulation.objects.all()
    change = reverse("admin:casework_regulation_change", args=[standing.pk])

    def is_told(address: str) -> bool:
        said = get_messages(page.get(address).wsgi_request)
        return any("不是公布日期" in str(one) for one in said)

    assert is_told(reverse("admin:casework_regulation_changelist"))
    assert is_told(change)
    rules = reverse("casework:moves")
    assert PLACEHOLDER in Client().get(rules).content.decode()
    assert said_in_production(settings) == ["casework.W001"]
    sent = {
        "version": standing.version,
        "title": standing.title,
        "announced_on": "2026-03-01",
        "valid_from": "2026-03-31",
        "valid_to": "2028-03-30",
    }
    assert page.post(change, {**sent, "valid_from": "2026-02-01"}).status_code == 200  # Refused.
    assert page.post(change, {**sent, "days_confirmed": "on"}).status_code == 302
    assert PLACEHOLDER not in Client().get(rules).content.decode()
    assert said_in_production(settings) == []
    assert not is_told(change)
    event = Event.objects.get(subject_kind="regulation", verb="set")
    assert event.facts["valid_from"] == "2026-03-31"


def test_a_calendar_that_the_administrator_loads_is_in_the_journal(page: Client) -> None:
    sent = {
        "year": "2027",
        "source": "国务院办公厅通知",
        "days-TOTAL_FORMS": "1",
        "days-INITIAL_FORMS": "0",
        "days-0-day": "2027-01-01",
        "days-0-name": "元旦",
    }
    answer = page.post(reverse("admin:casework_calendaryear_add"), sent)
    assert answer.status_code == 302
    assert CalendarYear.objects.get(year=2027).days.count() == 1
    assert Event.objects.get(subject_kind="calendar_year").facts == {"days": 1}
