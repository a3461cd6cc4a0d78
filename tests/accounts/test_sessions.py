"""Every signed-in browser is listed, and a revoked one is out at its next request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import OfficeMissing, SessionUnknown
from portal.accounts.models import Attempt, SignedInSession, User
from portal.accounts.operations import (
    forget_old_traces,
    note_attempt,
    note_session,
    revoke_other_sessions,
    revoke_session,
    set_password,
)
from portal.accounts.queries import live_sessions, session_hash
from portal.base.clock import advance_clock
from tests.accounts.people import PASSWORD, user_named, verbs

pytestmark = pytest.mark.django_db
MY_PAGE = "accounts:my-page"


def signed_in(browser: Client) -> bool:
    return browser.get(reverse(MY_PAGE)).status_code == 200


@pytest.fixture
def wang(db: None) -> User:
    return user_named("wang")


def test_signing_in_is_noted_once_with_browser_and_address(wang: User, browser: Client) -> None:
    sent = {"username": "wang", "password": PASSWORD}
    assert browser.post(reverse("accounts:sign-in"), sent).status_code == 302
    [session] = live_sessions(wang)
    assert (session.agent, session.ip) == ("Firefox of a test", "127.0.0.1")
    assert signed_in(browser)
    assert SignedInSession.objects.count() == 1
    key = str(browser.session.session_key)
    assert bytes(session.session_key_hash) == session_hash(key)
    assert key not in str(SignedInSession.objects.values_list())
    wang.refresh_from_db()
    assert wang.last_login is not None


def test_a_visitor_is_not_noted_and_costs_no_query(
    browser: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        browser.get(reverse("accounts:sign-in"))
    assert not SignedInSession.objects.exists()


@pytest.mark.parametrize("theirs", [True, False], ids=["the revoked", "another browser"])
def test_a_revoked_session_is_out_at_its_next_request(wang: User, theirs: bool) -> None:
    one, other = Client(), Client()
    for browser in (one, other):
        browser.force_login(wang)
        assert signed_in(browser)
    hashed = session_hash(str(one.session.session_key))
    revoke_session(session=SignedInSession.objects.get(session_key_hash=hashed), actor=wang)
    assert signed_in(one if theirs else other) is not theirs
    # The cookie of a revoked session opens nothing for ever.
    assert signed_in(one) is False


def test_one_ends_ones_own_sessions_from_the_list(wang: User, browser: Client) -> None:
    elsewhere = Client()
    for each in (browser, elsewhere):
        each.force_login(wang)
        assert signed_in(each)
    page = browser.get(reverse("accounts:sessions")).content.decode()
    there = session_hash(str(elsewhere.session.session_key))
    row = SignedInSession.objects.get(session_key_hash=there)
    address = reverse("accounts:session-revoke", args=[row.key])
    assert address in page
    assert browser.post(address).status_code == 302
    assert not signed_in(elsewhere)
    assert signed_in(browser)
    assert browser.post(address).status_code == 404


def test_nobody_ends_a_strangers_session(root: User, wang: User, browser: Client) -> None:
    session = note_session(session_key="a" * 32, actor=wang, agent="", ip=None)
    stranger = user_named("stranger")
    browser.force_login(stranger)
    address = reverse("accounts:session-revoke", args=[session.key])
    assert browser.post(address).status_code == 404
    with pytest.raises(OfficeMissing):
        revoke_session(session=session, actor=stranger)
    revoke_session(session=session, actor=root)
    with pytest.raises(SessionUnknown):
        revoke_session(session=session, actor=root)


def test_all_but_this_session_end_together(wang: User) -> None:
    for key in ("a", "b", "c"):
        note_session(session_key=key * 32, actor=wang, agent="", ip=None)
    assert revoke_other_sessions(session_key="a" * 32, actor=wang) == 2
    assert [bytes(row.session_key_hash) for row in live_sessions(wang)] == [session_hash("a" * 32)]
    assert verbs("user", wang.key)[-1] == "revoke_other_sessions"


def test_signing_out_ends_the_session_and_wants_a_post(wang: User, browser: Client) -> None:
    browser.force_login(wang)
    assert signed_in(browser)
    assert browser.get(reverse("accounts:sign-out")).status_code == 405
    assert signed_in(browser)
    assert browser.post(reverse("accounts:sign-out")).status_code == 302
    assert not live_sessions(wang).exists()
    assert not signed_in(browser)


def test_the_last_use_is_written_down_every_five_minutes(
    wang: User, browser: Client, django_assert_num_queries: Any
) -> None:
    browser.force_login(wang)
    assert signed_in(browser)
    before = live_sessions(wang).get().seen_at
    assert signed_in(browser)
    assert live_sessions(wang).get().seen_at == before
    advance_clock(timedelta(minutes=6))
    assert signed_in(browser)
    assert live_sessions(wang).get().seen_at > before


def test_a_new_password_ends_every_session(wang: User, browser: Client) -> None:
    browser.force_login(wang)
    assert signed_in(browser)
    set_password(user=wang, new_password="xin-mi-ma-2026-lin", actor=wang)
    assert not signed_in(browser)
    assert not live_sessions(wang).exists()


def test_old_traces_are_forgotten(wang: User) -> None:
    note_session(session_key="a" * 32, actor=wang, agent="", ip="127.0.0.1")
    note_attempt(kind=Attempt.Kind.SIGN_UP, source="127.0.0.1")
    assert forget_old_traces() == {"attempts": 0, "sessions": 0}
    advance_clock(timedelta(days=2))
    assert forget_old_traces() == {"attempts": 1, "sessions": 0}
    advance_clock(timedelta(days=180))
    assert forget_old_traces() == {"attempts": 0, "sessions": 1}
