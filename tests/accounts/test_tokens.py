"""Tokens of programs: shown once, kept as a hash, for some scopes, until a day, so often a minute."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import (
    PortalError,
    TokenNameTaken,
    TokenTermsWrong,
    TokenUnknown,
    TooManyTokens,
)
from portal.accounts.models import ApiToken, User
from portal.accounts.operations import close_account, set_password
from portal.accounts.second_factor import present_code
from portal.accounts.tokens import (
    MOST_TOKENS,
    NewToken,
    admit_token,
    make_token,
    revoke_token,
    secret_hash,
    tokens_of,
)
from portal.base.clock import advance_clock
from portal.base.models import Policy
from portal.casework.models import Message
from portal.casework.notices import tell
from tests.accounts.people import user_named, verbs, with_authenticator
from tests.base.sessions import refused_by

pytestmark = pytest.mark.django_db
Scope = ApiToken.Scope
ME, INBOX = "/api/me/", "/api/inbox/"


@pytest.fixture
def wang(db: None) -> User:
    return user_named("wang")


@pytest.fixture
def made(wang: User) -> NewToken:
    return make_token(name="地磅房", scopes=[Scope.INBOX], days=30, actor=wang)


def ask(secret: str, path: str = ME, method: str = "get") -> Any:
    return getattr(Client(), method)(path, headers={"Authorization": f"Bearer {secret}"})


def test_a_token_speaks_for_its_user_and_its_secret_is_nowhere(wang: User, made: NewToken) -> None:
    answer = ask(made.secret)
    assert answer.status_code == 200
    assert (answer.json()["username"], answer.json()["scopes"]) == ("wang", ["inbox"])
    assert answer.headers["Cache-Control"] == "private, no-store"
    row = ApiToken.objects.get()
    assert bytes(row.secret_hash) == secret_hash(made.secret)
    assert row.used_at is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_apitoken::text FROM accounts_apitoken")
        assert made.secret not in cursor.fetchone()[0]
    assert verbs("user", wang.key) == ["make_token"]


@pytest.mark.parametrize("secret", ["", "yn_", "yn_" + "x" * 43, "x" * 10_000, "yn_\x80", "令牌"])
def test_a_text_that_is_no_token_is_401(made: NewToken, secret: str) -> None:
    answer = Client().get(
        ME, headers={"Authorization": f"Bearer {secret}".encode().decode("latin-1")}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "token_refused")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert Client().get(ME).status_code == 401


def test_a_revoked_or_expired_token_and_that_of_a_closed_account_open_nothing(
    wang: User, made: NewToken, root: User
) -> None:
    revoke_token(token=made.token, actor=wang)
    assert ask(made.secret).status_code == 401
    with pytest.raises(TokenUnknown):
        revoke_token(token=made.token, actor=wang)
    brief = make_token(name="brief", scopes=[Scope.INBOX], days=1, actor=wang)
    advance_clock(timedelta(days=1))
    assert ask(brief.secret).status_code == 401
    last = make_token(name="last", scopes=[Scope.INBOX], days=1, actor=wang)
    assert ask(last.secret).status_code == 200
    set_password(user=wang, new_password="another-qiao-mu-26", actor=wang)
    assert ask(last.secret).status_code == 401
    after = make_token(name="after", scopes=[Scope.INBOX], days=1, actor=wang)
    close_account(user=wang, actor=root)
    assert admit_token(after.secret) is None


def test_a_token_opens_only_what_its_scopes_name(wang: User, made: NewToken) -> None:
    [message] = tell(users=[wang], subject="您好", body="正文")
    [other] = tell(users=[user_named("li")], subject="给别人", body="正文")
    found = ask(made.secret, INBOX).json()
    assert [one["subject"] for one in found["results"]] == ["您好"]
    assert found["results"][0]["read_at"] is None, "reading by program does not mark"
    assert ask(made.secret, f"{INBOX}{message.key}/read/", "post").status_code == 200
    assert ask(made.secret, f"{INBOX}?unread=1").json()["results"] == []
    assert ask(made.secret, f"{INBOX}{other.key}/read/", "post").status_code == 404
    assert Message.objects.get(pk=other.pk).read_at is None
    for path in ("/api/titles/", "/api/tickets/"):
        refused = ask(made.secret, path)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    # A token is for programs' addresses alone: pages know it not.
    assert ask(made.secret, "/my/").status_code == 302


def test_a_token_is_counted_by_the_minute(wang: User, made: NewToken) -> None:
    Policy.objects.create(
        code="api.requests_per_minute", value=2, text="", unit="", label="x", article="", reason=""
    )
    advance_clock(timedelta(minutes=1))
    ApiToken.objects.update(used_in_minute=0)
    statuses = [ask(made.secret).status_code for _ in range(5)]
    assert 429 in statuses
    throttled = ask(made.secret)
    if throttled.status_code == 429:  # Else a new minute has begun.
        assert throttled.json()["code"] == "throttled"
        assert 0 < int(throttled.headers["Retry-After"]) <= 60
    advance_clock(timedelta(minutes=1))
    assert ask(made.secret).status_code == 200


def test_a_users_browsers_are_counted_by_the_minute_together(wang: User, made: NewToken) -> None:
    Policy.objects.create(
        code="api.requests_per_minute", value=2, text="", unit="", label="x", article="", reason=""
    )
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(wang)
    # A new minute may begin among them, but hardly two.
    statuses = [browsers[n % 2].get(ME).status_code for n in range(7)]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    assert ask(made.secret).status_code == 200, "tokens are counted on their own"
    advance_clock(timedelta(minutes=1))
    assert browsers[0].get(ME).status_code == 200


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({}, None),
        ({"name": " "}, TokenTermsWrong),
        ({"scopes": []}, TokenTermsWrong),
        ({"days": 0}, TokenTermsWrong),
        ({"days": 366}, TokenTermsWrong),
        ({"name": "地磅房"}, TokenNameTaken),
    ],
)
def test_a_token_has_a_name_scopes_and_an_end(
    wang: User, made: NewToken, terms: dict[str, Any], refusal: type[PortalError] | None
) -> None:
    wanted: dict[str, Any] = {"name": "另一台", "scopes": [Scope.TITLES], "days": 365, **terms}
    with pytest.raises(refusal) if refusal else nullcontext():
        make_token(**wanted, actor=wang)
    assert tokens_of(wang).count() == (1 if refusal else 2)


def test_nobody_keeps_more_tokens_than_can_be_watched(wang: User) -> None:
    for n in range(MOST_TOKENS):
        make_token(name=str(n), scopes=[Scope.INBOX], days=1, actor=wang)
    with pytest.raises(TooManyTokens):
        make_token(name="one more", scopes=[Scope.INBOX], days=1, actor=wang)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("scopes = '{titles:read}'", "nothing_is_rewritten"),
        ("expires_at = expires_at + interval '1 day'", "nothing_is_rewritten"),
        ("user_id = user_id + 1", "nothing_is_rewritten"),
        ("used_at = portal_now()", None),
        ("revoked_at = portal_now()", None),
    ],
)
def test_a_token_is_used_and_ended_and_nothing_else(
    made: NewToken, change: str, constraint: str | None
) -> None:
    with (
        refused_by(constraint) if constraint else nullcontext(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE accounts_apitoken SET {change}")


def test_a_revoked_token_never_comes_back(wang: User, made: NewToken) -> None:
    revoke_token(token=made.token, actor=wang)
    for statement in (
        "UPDATE accounts_apitoken SET revoked_at = NULL",
        "UPDATE accounts_apitoken SET used_at = portal_now()",
        "DELETE FROM accounts_apitoken",
    ):
        with refused_by("nothing_is_rewritten"), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        ({"scopes": ["everything"]}, "token_has_known_scopes"),
        ({"scopes": []}, "token_has_known_scopes"),
        ({"days": 400}, "token_lasts_at_most_a_year"),
        ({"days": -1}, "token_lasts_at_most_a_year"),
        ({"name": ""}, "token_has_a_name"),
        ({"name": "地磅房"}, "one_standing_token_of_a_name"),
    ],
)
def test_the_database_refuses_a_token_without_terms(
    wang: User, made: NewToken, row: dict[str, Any], constraint: str
) -> None:
    values: dict[str, Any] = {"name": "n", "scopes": ["inbox"], "days": 1, **row}
    with refused_by(constraint), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_apitoken (key, user_id, name, scopes, secret_hash, begins_with, "
            "made_at, expires_at, used_in_minute) VALUES (gen_random_uuid(), %s, %s, %s, '\\x00', "
            "'yn_', portal_now(), portal_now() + make_interval(days => %s), 0)",
            [wang.pk, values["name"], values["scopes"], values["days"]],
        )


def test_the_page_shows_a_new_secret_once_and_asks_for_a_code(wang: User, browser: Client) -> None:
    browser.force_login(wang)
    page = reverse("accounts:tokens")
    sent = {"name": "林场电脑", "scopes": ["tickets:read", "inbox"], "days": "90"}
    shown = browser.post(page, sent)
    secret = shown.context["made"].secret
    assert secret in shown.content.decode()
    assert "no-store" in shown.headers["Cache-Control"]
    assert ask(secret).json()["scopes"] == ["inbox", "tickets:read"]
    later = browser.get(page).content.decode()
    assert secret not in later
    assert "林场电脑" in later
    twice = browser.post(page, sent)
    assert twice.status_code == 422
    assert "同名" in twice.content.decode()

    device = with_authenticator(wang)
    wanted = sent | {"name": "第二台"}
    assert browser.post(page, wanted).status_code == 422
    assert browser.post(page, wanted | {"code": "000000"}).status_code == 422
    advance_clock(timedelta(minutes=1))
    assert tokens_of(wang).count() == 1
    device.refresh_from_db()
    device.last_t, device.throttling_failure_count = -1, 0
    device.save()
    assert browser.post(page, wanted | {"code": present_code(device)[0]}).status_code == 200
    assert tokens_of(wang).count() == 2


def test_one_revokes_ones_own_tokens_only(wang: User, made: NewToken, browser: Client) -> None:
    browser.force_login(user_named("li"))
    address = reverse("accounts:token-revoke", args=[made.token.key])
    assert browser.post(address).status_code == 404
    assert ask(made.secret).status_code == 200
    browser.force_login(wang)
    assert browser.post(address).status_code == 302
    assert ask(made.secret).status_code == 401
