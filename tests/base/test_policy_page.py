"""The administrator's policy page: what is in force, its history, and a change as a newer row."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.base.clock import advance_clock, now
from portal.base.models import OutboxMessage, Policy
from portal.base.outbox import post_message
from portal.base.policy import policy_in_force, policy_number, policy_text
from portal.journal.models import Event

pytestmark = pytest.mark.django_db

NUMBER = "title.min_area_m2"
LIST = reverse("admin:base_policy_changelist")
ADD = reverse("admin:base_policy_add")
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def administrator() -> User:
    return User.objects.create_user(
        "admin", "admin@example.cn", is_staff=True, is_superuser=True, full_name="李四"
    )


@pytest.fixture
def page(client: Client, administrator: User) -> Client:
    client.force_login(administrator, backend=BACKEND)
    return client


def clerk_may(client: Client, *codenames: str) -> None:
    """Sign in as staff with these permissions alone."""
    clerk = User.objects.create_user("clerk", "clerk@example.cn", is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(content_type__app_label="base", codename__in=codenames)
    )
    client.force_login(clerk, backend=BACKEND)


def wanted(**changed: str) -> dict[str, str]:
    return {
        "code": NUMBER,
        "value": "12.5",
        "text": "",
        "valid_from_0": "",
        "valid_from_1": "",
        "reason": "会议纪要第3号",
        **changed,
    }


def submit(page: Client, **changed: str) -> HttpResponse:
    return page.post(f"{ADD}?code={changed.get('code', NUMBER)}", wanted(**changed))


def rows() -> int:
    return Policy.objects.filter(code=NUMBER).count()


def told(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def html(response: HttpResponse) -> str:
    return response.content.decode()


# --- seen -----------------------------------------------------------------------------------------
def test_the_list_shows_each_code_once_with_the_value_in_force(page: Client) -> None:
    submit(page)
    later = Policy.objects.create(
        code=NUMBER, value=99, label="以后", valid_from=now() + timedelta(days=1)
    )
    shown = page.get(LIST).context["cl"].queryset
    assert sorted(row.code for row in shown) == sorted(
        set(Policy.objects.values_list("code", flat=True))
    )
    assert shown.get(code=NUMBER).value == Decimal("12.5")
    advance_clock(timedelta(days=1))
    assert page.get(LIST).context["cl"].queryset.get(code=NUMBER) == later


@pytest.mark.parametrize("query", ["q=title.min_area", "q=宗地最小面积", "o=-7", "o=3.-1"])
def test_the_list_is_searched_and_sorted(page: Client, query: str) -> None:
    response = page.get(f"{LIST}?{query}")
    assert response.status_code == 200
    assert NUMBER in html(response)


def test_a_values_page_shows_its_whole_history_and_which_one_stands(page: Client) -> None:
    submit(page)
    standing = policy_in_force(NUMBER)
    submit(page, value="13.75", valid_from_0="2099-01-01", valid_from_1="00:00:00")
    body = html(page.get(reverse("admin:base_policy_change", args=[standing.pk])))
    for shown in ("10.000000", "12.500000", "13.750000", "会议纪要第3号"):
        assert shown in body
    assert body.count("现行") == 1
    assert f"{ADD}?code={NUMBER}" in body


def test_a_reason_is_shown_as_text_not_as_markup(page: Client) -> None:
    submit(page, reason="<script>alert(1)</script>")
    body = html(page.get(reverse("admin:base_policy_change", args=[policy_in_force(NUMBER).pk])))
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert" in body


# --- changed --------------------------------------------------------------------------------------
def test_the_form_begins_with_the_present_value(page: Client) -> None:
    form = page.get(f"{ADD}?code={NUMBER}").context["adminform"].form
    assert form.initial["code"] == NUMBER
    assert Decimal(form.initial["value"]) == 10
    assert form["valid_from"].value() is None


def test_the_form_shows_a_number_as_people_write_it(page: Client) -> None:
    assert 'value="10"' in html(page.get(f"{ADD}?code={NUMBER}"))


def test_a_change_is_a_newer_row_by_this_administrator(page: Client, administrator: User) -> None:
    response = submit(page)
    assert response.status_code == 302
    row = policy_in_force(NUMBER)
    assert row.value == Decimal("12.5")
    assert (row.set_by, row.reason) == (administrator.key, "会议纪要第3号")
    assert rows() == 2
    event = Event.objects.get(subject_kind="policy", subject_key=NUMBER)
    assert (event.actor_key, event.facts["policy"]) == (administrator.key, row.pk)


def test_a_text_is_changed_too(page: Client) -> None:
    Policy.objects.create(code="test.notice", text="第一版", label="通知")
    form = page.get(f"{ADD}?code=test.notice").context["adminform"].form
    assert (form.initial["text"], form.initial["value"]) == ("第一版", "")
    submit(page, code="test.notice", value="", text="第二版\n第二行")
    assert policy_text("test.notice").splitlines() == ["第二版", "第二行"]


def test_a_change_may_begin_later(page: Client) -> None:
    begins = timezone.localtime(now() + timedelta(days=2)).replace(microsecond=0)
    submit(page, valid_from_0=f"{begins:%Y-%m-%d}", valid_from_1=f"{begins:%H:%M:%S}")
    assert Policy.objects.filter(code=NUMBER).latest("id").valid_from == begins
    assert policy_number(NUMBER) == 10
    advance_clock(timedelta(days=2, seconds=1))
    assert policy_number(NUMBER) == Decimal("12.5")


@pytest.mark.parametrize(
    "changed",
    [
        {"reason": ""},
        {"reason": "   "},
        {"value": ""},
        {"value": "NaN"},
        {"value": "Infinity"},
        {"value": "1e12"},
        {"value": "0.0000004"},
        {"value": "十"},
        {"valid_from_0": "2099-13-01", "valid_from_1": "00:00"},
        {"valid_from_0": "2099-01-01"},
    ],
)
def test_a_form_that_cannot_be_read_is_shown_again_and_changes_nothing(
    page: Client, changed: dict[str, str]
) -> None:
    response = submit(page, **changed)
    assert response.status_code == 200
    assert "errornote" in html(response)
    assert rows() == 1
    assert not Event.objects.filter(subject_kind="policy").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"valid_from_0": "2020-01-01", "valid_from_1": "00:00"}, "不能早于现在"),
        ({"text": "十平方米"}, "类型不能改变"),
        ({"value": "", "text": "十平方米"}, "类型不能改变"),
    ],
)
def test_what_the_operation_refuses_is_said_and_changes_nothing(
    page: Client, changed: dict[str, str], said: str
) -> None:
    response = submit(page, **changed)
    assert response.status_code == 302
    assert said in told(response)
    assert rows() == 1
    assert policy_number(NUMBER) == 10
    assert page.get(response["Location"]).status_code == 200


@pytest.mark.parametrize("code", ["", "no.such"])
def test_a_new_code_is_not_made_here(page: Client, code: str) -> None:
    before = Policy.objects.count()
    assert page.get(f"{ADD}?code={code}")["Location"] == LIST
    assert page.post(ADD, wanted(code=code))["Location"] == LIST
    assert Policy.objects.count() == before


# --- never rewritten ------------------------------------------------------------------------------
def test_a_row_is_never_edited_or_deleted_here(page: Client) -> None:
    row = policy_in_force(NUMBER)
    change = reverse("admin:base_policy_change", args=[row.pk])
    delete = reverse("admin:base_policy_delete", args=[row.pk])
    assert page.post(change, wanted()).status_code == 403
    assert page.post(delete, {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
    page.post(LIST, bulk)
    assert (rows(), policy_number(NUMBER)) == (1, 10)


# --- who may --------------------------------------------------------------------------------------
def test_a_visitor_is_sent_to_the_sign_in(client: Client) -> None:
    for address in (LIST, f"{ADD}?code={NUMBER}"):
        response = client.get(address)
        assert response.status_code == 302
        assert LIST not in response["Location"].partition("?")[0]
    assert client.post(ADD, wanted()).status_code == 302
    assert rows() == 1


def test_staff_without_the_permission_may_not(client: Client) -> None:
    clerk_may(client)
    assert client.get(LIST).status_code == 403
    assert client.post(ADD, wanted()).status_code == 403
    assert rows() == 1


def test_staff_who_may_look_may_not_change(client: Client) -> None:
    clerk_may(client, "view_policy")
    assert client.get(LIST).status_code == 200
    assert client.get(f"{ADD}?code={NUMBER}").status_code == 403
    assert client.post(ADD, wanted()).status_code == 403
    assert rows() == 1


# --- the outbox -----------------------------------------------------------------------------------
def test_the_outbox_shows_who_was_written_to_and_never_the_text(page: Client) -> None:
    message = post_message(
        recipient="owner@example.cn", subject="重置密码", body="https://portal/reset/s3cr3t"
    )
    for address in (
        reverse("admin:base_outboxmessage_changelist"),
        reverse("admin:base_outboxmessage_change", args=[message.pk]),
    ):
        body = html(page.get(address))
        assert "owner@example.cn" in body
        assert "s3cr3t" not in body


def test_the_outbox_is_only_looked_at(page: Client) -> None:
    message = post_message(recipient="owner@example.cn", subject="通知", body="x")
    change = reverse("admin:base_outboxmessage_change", args=[message.pk])
    delete = reverse("admin:base_outboxmessage_delete", args=[message.pk])
    assert page.post(change, {"recipient": "thief@example.cn"}).status_code == 403
    assert page.post(delete, {"post": "yes"}).status_code == 403
    assert page.get(reverse("admin:base_outboxmessage_add")).status_code == 403
    assert OutboxMessage.objects.get().recipient == "owner@example.cn"
