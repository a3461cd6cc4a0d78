"""The pages: what was typed stays, what was wrong is said beside its field, gates answer 404."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.accounts.models import (
    Attempt,
    Department,
    IdentityCheck,
    Mandate,
    Party,
    PartyLink,
    Role,
    Unmasking,
    User,
)
from portal.accounts.operations import ATTEMPT_LIMITS, grant_role
from portal.accounts.queries import acts_for, has_role
from portal.base.clock import today
from portal.base.models import OutboxMessage
from tests.accounts.people import (
    PASSWORD,
    PDF,
    PNG,
    accepted,
    body_number,
    name_only,
    officer,
    person_number,
    person_waiting,
    user_named,
    verbs,
)

pytestmark = pytest.mark.django_db
SIGN_UP = "accounts:sign-up"


def file(data: bytes = PDF, name: str = "证件.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def person_form(**changes: Any) -> dict[str, Any]:
    return {
        "username": "wang",
        "password": PASSWORD,
        "password_again": PASSWORD,
        "full_name": "王建国",
        "identity_number": person_number(),
        "documents": [file(), file(PNG, "背面.png")],
        "phone": "",
        "email": "wang@example.org",
        **changes,
    }


def said_beside(page: str, field: str) -> str:
    """The error text of a field, found the way a screen reader finds it."""
    found = re.search(rf'<ul class="errorlist[^"]*" id="id_{field}_error">(.*?)</ul>', page, re.S)
    assert found, f"no error beside {field}"
    control = re.search(rf"<(?:input|select|textarea)[^>]*id=\"id_{field}\"[^>]*>", page)
    assert control
    assert 'aria-invalid="true"' in control[0]
    assert f"id_{field}_error" in control[0]
    return found[1]


# --- sign-up ------------------------------------------------------------------------------------
def test_a_visitor_signs_up_and_is_in(browser: Client) -> None:
    answer = browser.post(reverse(SIGN_UP), person_form())
    assert answer.status_code == 302
    check = IdentityCheck.objects.get()
    assert check.documents.count() == 2
    page = browser.get(reverse("accounts:my-page")).content.decode()
    assert "待核验" in page
    assert "已提交" in page


def test_a_collective_signs_up(browser: Client) -> None:
    sent = {
        **person_form(),
        "kind": "collective",
        "body_name": "村合作社",
        "identity_number": body_number(),
        "full_name": "李会计",
    }
    assert browser.post(reverse(SIGN_UP) + "?kind=body", sent).status_code == 302
    party = Party.objects.get()
    assert (party.kind, party.name) == (Party.Kind.COLLECTIVE, "村合作社")
    assert User.objects.get().full_name == "李会计"


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"identity_number": "654002190001015010"}, "identity_number", "校验位"),
        ({"identity_number": person_number(900)}, "identity_number", "已经登记"),
        ({"username": "Taken"}, "username", "已被使用"),
        ({"username": "a b"}, "username", ""),
        ({"password": "12345", "password_again": "12345"}, "password", ""),
        ({"password_again": "something else"}, "password_again", "不一致"),
        ({"documents": []}, "documents", ""),
        ({"documents": [file(b"MZ\x90 an exe", "身份证.pdf")]}, "documents", "只接受"),
        ({"documents": [file(b"", "空.pdf")]}, "documents", ""),
        ({"documents": [file() for _ in range(7)]}, "documents", "最多 6 个"),
        ({"email": "not an address"}, "email", ""),
        ({"full_name": ""}, "full_name", ""),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    browser: Client, change: dict[str, Any], field: str, says: str
) -> None:
    person_waiting("taken", number=person_number(900))
    answer = browser.post(reverse(SIGN_UP), person_form(**change))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert says in said_beside(page, field)
    assert User.objects.count() == 1
    assert PASSWORD not in page


def test_every_control_has_its_label(browser: Client) -> None:
    for address in (reverse(SIGN_UP), reverse(SIGN_UP) + "?kind=body", "/sign-in/", "/password/"):
        page = browser.get(address).content.decode()
        main = page[page.index("<main") :]
        for control in re.findall(r"<(?:input|select|textarea)[^>]*>", main):
            if 'type="hidden"' in control:
                continue
            name = re.search(r'id="([^"]+)"', control)
            assert name, control
            assert f'<label for="{name[1]}"' in main


def test_sign_ups_from_one_address_are_counted(browser: Client) -> None:
    limit, _span = ATTEMPT_LIMITS[Attempt.Kind.SIGN_UP]
    taken = person_number()
    person_waiting("first", number=taken)
    sent = person_form(identity_number=taken)
    for _ in range(limit):
        sent["documents"] = [file()]
        assert browser.post(reverse(SIGN_UP), sent).status_code == 422
    sent["documents"] = [file()]
    refused = browser.post(reverse(SIGN_UP), sent)
    assert refused.status_code == 429
    assert "60 分钟" in refused.content.decode()


def test_somebody_signed_in_registers_a_body(browser: Client) -> None:
    browser.force_login(user_named("agent"))
    sent = {
        "kind": "legal_body",
        "body_name": "国有林场",
        "identity_number": body_number(),
        "documents": [file()],
    }
    assert browser.post(reverse(SIGN_UP) + "?kind=body", sent).status_code == 302
    assert IdentityCheck.objects.get().applicant.username == "agent"


# --- sign-in ------------------------------------------------------------------------------------
def test_wrong_passwords_are_answered_alike_then_locked_out(settings: Any, browser: Client) -> None:
    user_named("wang")
    address = reverse("accounts:sign-in")
    unknown = browser.post(address, {"username": "nobody", "password": "x"})
    wrong = browser.post(address, {"username": "wang", "password": "x"})
    assert unknown.status_code == wrong.status_code == 422
    assert "用户名或密码不正确" in unknown.content.decode()
    assert "用户名或密码不正确" in wrong.content.decode()
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        last = browser.post(address, {"username": "wang", "password": "x"})
    assert last.status_code == 429
    assert "15 分钟" in last.content.decode()
    assert last["Retry-After"] == "900"
    locked = browser.post(address, {"username": "wang", "password": PASSWORD})
    assert locked.status_code == 429


@pytest.mark.parametrize("demo", [True, False])
def test_only_a_demonstration_lists_its_accounts(
    settings: Any, browser: Client, demo: bool
) -> None:
    settings.DEMO_ACCOUNTS = demo
    page = browser.get(reverse("accounts:sign-in")).content.decode()
    assert ("demo-yining-2026" in page) is demo


def test_pages_of_ones_own_ask_for_a_sign_in(browser: Client) -> None:
    for name in ("my-page", "sessions", "password-change", "identity-checks", "party-link"):
        answer = browser.get(reverse(f"accounts:{name}"))
        assert answer["Location"].startswith(reverse("accounts:sign-in"))


# --- passwords ----------------------------------------------------------------------------------
def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(browser: Client) -> None:
    user = user_named("wang", "王建国")
    user.email = "wang@example.org"
    user.save()
    elsewhere = Client()
    elsewhere.force_login(user)
    elsewhere.get(reverse("accounts:my-page"))
    sent = browser.post(reverse("accounts:password-reset"), {"email": "wang@example.org"})
    assert sent["Location"] == reverse("accounts:password-reset-done")
    letter = OutboxMessage.objects.get(recipient="wang@example.org")
    assert "王建国" in letter.body
    found = re.search(r"http://testserver(/password/\S+)", letter.body)
    assert found
    form_page = browser.get(found[1], follow=True)
    new = "xin-mi-ma-2026-lin"
    done = browser.post(
        form_page.redirect_chain[-1][0], {"new_password1": new, "new_password2": new}
    )
    assert done["Location"] == reverse("accounts:password-reset-complete")
    user.refresh_from_db()
    assert user.check_password(new)
    assert elsewhere.get(reverse("accounts:my-page")).status_code == 302
    assert "已经用过" in Client().get(found[1], follow=True).content.decode()
    assert verbs("user", user.key)[-2:] == ["send_password_reset", "set_password"]


def test_an_unknown_address_gets_the_same_answer(browser: Client) -> None:
    sent = browser.post(reverse("accounts:password-reset"), {"email": "nobody@example.org"})
    assert sent["Location"] == reverse("accounts:password-reset-done")
    assert not OutboxMessage.objects.exists()


def test_nobody_is_flooded_with_links(browser: Client) -> None:
    limit, _span = ATTEMPT_LIMITS[Attempt.Kind.PASSWORD_RESET]
    address, sent = reverse("accounts:password-reset"), {"email": "wang@example.org"}
    answers = [browser.post(address, sent).status_code for _ in range(limit + 1)]
    assert answers == [302] * limit + [429]


@pytest.mark.parametrize(
    ("old", "status", "elsewhere_status"), [(PASSWORD, 302, 302), ("wrong", 422, 200)]
)
def test_changing_the_password_takes_the_old_one_and_keeps_this_session(
    browser: Client, old: str, status: int, elsewhere_status: int
) -> None:
    user, elsewhere = user_named("wang"), Client()
    for each in (browser, elsewhere):
        each.force_login(user)
        each.get(reverse("accounts:my-page"))
    new = "xin-mi-ma-2026-lin"
    sent = {"old_password": old, "new_password1": new, "new_password2": new}
    assert browser.post(reverse("accounts:password-change"), sent).status_code == status
    assert browser.get(reverse("accounts:my-page")).status_code == 200
    assert elsewhere.get(reverse("accounts:my-page")).status_code == elsewhere_status


# --- the clerk's desk ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("role", "department", "status"),
    [
        (Role.CLERK, Department.FORESTRY, 200),
        (Role.CLERK, Department.NATURAL_RESOURCES, 404),
        (Role.ADMINISTRATOR, None, 404),
        (Role.EXPERT, None, 404),
    ],
)
def test_the_desk_is_forestrys(
    browser: Client, role: Role, department: Department | None, status: int
) -> None:
    check = person_waiting()
    document = check.documents.get()
    browser.force_login(officer("somebody", role, department))
    for address in (
        reverse("accounts:identity-checks"),
        reverse("accounts:identity-check", args=[check.key]),
        reverse("accounts:identity-document", args=[document.key]),
        reverse("accounts:party-link"),
    ):
        assert browser.get(address).status_code == status


def test_an_applicant_does_not_see_the_desk(browser: Client) -> None:
    check = person_waiting()
    browser.force_login(check.applicant)
    address = reverse("accounts:identity-check", args=[check.key])
    assert browser.get(address).status_code == 404


@pytest.mark.parametrize(
    ("decision", "reason", "status", "state"),
    [
        ("accept", "", 302, "accepted"),
        ("refuse", "照片不清", 302, "refused"),
        ("refuse", "", 422, "waiting"),
        ("", "", 422, "waiting"),
    ],
)
def test_a_clerk_decides_on_the_page(
    clerk: User, browser: Client, decision: str, reason: str, status: int, state: str
) -> None:
    check = person_waiting()
    browser.force_login(clerk)
    address = reverse("accounts:identity-check", args=[check.key])
    sent = {"action": "decide", "decision": decision, "reason": reason}
    assert browser.post(address, sent).status_code == status
    check.refresh_from_db()
    assert check.state == state


def test_a_late_decision_keeps_what_was_typed(clerk: User, browser: Client) -> None:
    check = person_waiting()
    accepted(check, clerk)
    browser.force_login(clerk)
    address = reverse("accounts:identity-check", args=[check.key])
    sent = {"action": "decide", "decision": "refuse", "reason": "照片不清"}
    assert browser.post(address, sent).status_code == 422


@pytest.mark.parametrize(("reason", "status"), [("核对权属证书", 200), ("", 422)])
def test_the_full_number_is_shown_for_a_reason(
    clerk: User, browser: Client, reason: str, status: int
) -> None:
    number = person_number()
    check = person_waiting(number=number)
    browser.force_login(clerk)
    address = reverse("accounts:identity-check", args=[check.key])
    assert number not in browser.get(address).content.decode()
    answer = browser.post(address, {"action": "unmask", "unmask-reason": reason})
    assert answer.status_code == status
    assert (number in answer.content.decode()) is (status == 200)
    assert Unmasking.objects.exists() is (status == 200)


def test_a_scan_is_shown_as_what_it_is_and_the_reading_noted(clerk: User, browser: Client) -> None:
    document = person_waiting().documents.get()
    browser.force_login(clerk)
    answer: Any = browser.get(reverse("accounts:identity-document", args=[document.key]))
    assert b"".join(answer.streaming_content) == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    assert "read_document" in verbs("party", document.party.key)


def test_a_clerk_finds_both_sides_and_links_them(clerk: User, browser: Client) -> None:
    wang = accepted(person_waiting("wang"), clerk)
    name = name_only("王建国（一组）")
    browser.force_login(clerk)
    address = reverse("accounts:party-link")
    page = browser.get(address, {"name": "建国", "checked": wang.identity_last4}).content.decode()
    assert f'value="{name.key}"' in page
    assert f'value="{wang.key}"' in page
    sent = {"name_only": str(name.key), "checked": str(wang.key), "evidence": ""}
    assert browser.post(address, sent).status_code == 422
    sent["evidence"] = "林权证原件"
    assert browser.post(address, {**sent, "document": file()}).status_code == 302
    link = PartyLink.objects.get()
    assert (link.name_only, link.checked, link.linked_by) == (name, wang, clerk)
    assert link.document is not None
    assert browser.post(address, sent).status_code == 422  # Linked already.
    ended = browser.post(reverse("accounts:party-unlink", args=[link.key]))
    assert ended.status_code == 302
    link.refresh_from_db()
    assert link.ended_at is not None


@pytest.mark.parametrize("value", ["", "not-a-key", "00000000-0000-0000-0000-000000000000"])
def test_a_link_to_nobody_is_refused(clerk: User, browser: Client, value: str) -> None:
    browser.force_login(clerk)
    sent = {"name_only": value, "checked": value, "evidence": "原件"}
    assert browser.post(reverse("accounts:party-link"), sent).status_code == 422


# --- mandates -----------------------------------------------------------------------------------
def test_an_owner_gives_and_ends_a_mandate(clerk: User, browser: Client) -> None:
    check = person_waiting("wang")
    wang, agent = accepted(check, clerk), user_named("agent")
    browser.force_login(check.applicant)
    assert "委托他人" in browser.get(reverse("accounts:my-page")).content.decode()
    address = reverse("accounts:mandate-give", args=[wang.key])
    sent = {
        "username": "agent",
        "scope": "dispose",
        "valid_from": today().isoformat(),
        "quantity_t_max": "12.5",
        "price_yuan_min": "15",
        "request_key": "k",
    }
    unknown = browser.post(address, {**sent, "username": "nobody"})
    assert "没有这个用户名" in said_beside(unknown.content.decode(), "username")
    early = browser.post(address, {**sent, "valid_to": "2020-01-01"})
    assert "止日" in said_beside(early.content.decode(), "valid_to")
    for _time in range(2):  # Sent twice, it is one.
        assert browser.post(address, sent).status_code == 302
    reused = browser.post(address, {**sent, "scope": "apply"})
    assert reused.status_code == 422
    mandate = Mandate.objects.get(user=agent)
    assert (mandate.quantity_kg_max, mandate.price_fen_per_tonne_min) == (12_500, 1_500)
    assert "agent" in browser.get(reverse("accounts:my-page")).content.decode()
    browser.post(reverse("accounts:mandate-end", args=[mandate.key]))
    assert not acts_for(agent, wang, Mandate.Scope.DISPOSE)


def test_a_stranger_gives_and_ends_no_mandate(clerk: User, browser: Client) -> None:
    wang = accepted(person_waiting("wang"), clerk)
    browser.force_login(user_named("stranger"))
    assert browser.get(reverse("accounts:mandate-give", args=[wang.key])).status_code == 404
    mandate = wang.mandates.get()
    assert browser.post(reverse("accounts:mandate-end", args=[mandate.key])).status_code == 404


# --- administration -----------------------------------------------------------------------------
@pytest.fixture
def admin_browser(root: User, browser: Client) -> Client:
    chief = user_named("chief")
    grant_role(user=chief, role=Role.ADMINISTRATOR, actor=root)
    chief.refresh_from_db()
    browser.force_login(chief)
    return browser


def test_the_administration_lists_users_roles_and_masked_parties(
    clerk: User, admin_browser: Client
) -> None:
    number = person_number()
    party = accepted(person_waiting(number=number), clerk)
    for address in (
        "/admin/accounts/user/",
        f"/admin/accounts/user/{clerk.pk}/change/",
        "/admin/accounts/rolegrant/",
        "/admin/accounts/party/",
        f"/admin/accounts/party/{party.pk}/change/",
    ):
        answer = admin_browser.get(address)
        assert answer.status_code == 200
        assert number not in answer.content.decode()


def test_the_administration_writes_by_operations(admin_browser: Client) -> None:
    sent = {
        "username": "new",
        "full_name": "新人",
        "phone": "",
        "email": "",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert admin_browser.post("/admin/accounts/user/add/", sent).status_code == 302
    user = User.objects.get(username="new")
    assert verbs("user", user.key) == ["open_account"]
    grant = {"user": user.pk, "role": "clerk", "department": "forestry"}
    assert admin_browser.post("/admin/accounts/rolegrant/add/", grant).status_code == 302
    assert has_role(user, Role.CLERK, Department.FORESTRY)
    own = {"user": User.objects.get(username="chief").pk, "role": "expert", "department": ""}
    refused = admin_browser.post("/admin/accounts/rolegrant/add/", own, follow=True)
    assert "不能由本人办理" in refused.content.decode()
    held = user.role_grants.get()
    action = {"action": "revoke_roles", "_selected_action": [held.pk]}
    admin_browser.post("/admin/accounts/rolegrant/", action)
    assert not has_role(user, Role.CLERK)
    close = {"action": "close_accounts", "_selected_action": [user.pk]}
    admin_browser.post("/admin/accounts/user/", close)
    user.refresh_from_db()
    assert not user.is_active
