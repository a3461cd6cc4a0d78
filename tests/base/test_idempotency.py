"""Guarantee 8: a write request that arrives twice acts once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import RequestFactory

from portal.base.answers import typed_into
from portal.base.clock import advance_clock
from portal.base.errors import InvalidInput
from portal.base.idempotency import (
    Answer,
    RequestKeyReused,
    RequestStillRunning,
    act_once,
    content_digest,
    purge_request_keys,
    request_under_way,
)
from portal.base.models import IdempotencyKey
from portal.base.numbers import NumberKind, draw_number
from tests.base.sessions import PATIENCE_SECONDS, at_once, meanwhile

OWNER = uuid.uuid4()
CONTENT = {"ticket": "YN-2026-0000123-J", "quantity_kg": 1000}


def transfer() -> dict[str, str]:
    """An act that shows how often it was done: each time it draws the next number."""
    return {"entry": draw_number(NumberKind.CASE)}


def send(
    act: Callable[[], Any] = transfer,
    *,
    content: Any = None,
    actor: uuid.UUID = OWNER,
    operation: str = "transfer",
    key: str = "first",
) -> Answer:
    wanted = CONTENT if content is None else content
    return act_once(actor_key=actor, operation=operation, key=key, content=wanted, act=act)


def times_acted() -> int:
    with transaction.atomic():
        serial = int(draw_number(NumberKind.CASE).split("-")[-2])
        transaction.set_rollback(True)
    return serial - 1


# --- once -----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_request_sent_again_is_answered_with_the_first_answer() -> None:
    first, second, third = send(), send(), send()
    assert (first.repeated, second.repeated, third.repeated) == (False, True, True)
    assert first.body == second.body == third.body
    assert times_acted() == 1


@pytest.mark.django_db
def test_content_is_the_same_whatever_the_order_of_its_fields() -> None:
    first = send(content={"a": 1, "b": [1, 2], "on": date(2026, 2, 10), "t": Decimal("1.50")})
    again = send(content={"t": Decimal("1.50"), "on": date(2026, 2, 10), "b": [1, 2], "a": 1})
    assert again == Answer(first.body, repeated=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        {**CONTENT, "quantity_kg": 1001},
        {**CONTENT, "quantity_kg": "1000"},
        {**CONTENT, "note": ""},
        {"ticket": CONTENT["ticket"]},
        [],
        b"1000",
    ],
)
def test_the_key_of_a_request_with_other_content_is_refused(other: Any) -> None:
    first = send()
    with pytest.raises(RequestKeyReused):
        send(content=other)
    assert send() == Answer(first.body, repeated=True)
    assert times_acted() == 1


def test_a_file_is_its_own_content() -> None:
    assert content_digest(b"a") == content_digest(b"a")
    assert len({content_digest(content) for content in (b"a", b"b", "a", ["a"], {"a": None})}) == 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [{"actor": uuid.uuid4()}, {"operation": "offset"}, {"key": "second"}, {"key": "FIRST"}],
)
def test_a_key_belongs_to_one_user_and_one_operation(other: dict[str, Any]) -> None:
    first, elsewhere = send(), send(**other)
    assert not elsewhere.repeated
    assert elsewhere.body != first.body


@pytest.mark.django_db
@pytest.mark.parametrize("body", [None, True, 0, "", [], {"a": [None, 1.5, "林"]}])
def test_any_json_is_an_answer(body: Any) -> None:
    assert send(lambda: body) == Answer(body, repeated=False)
    assert send(lambda: "another") == Answer(body, repeated=True)


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "  \t", "k" * 201])
def test_a_key_has_1_to_200_characters(key: str) -> None:
    with pytest.raises(InvalidInput):
        send(key=key)
    assert times_acted() == 0


@pytest.mark.django_db
def test_the_longest_key_is_kept_whole() -> None:
    send(key="k" * 200)
    assert not send(key="k" * 199 + "l").repeated
    assert send(key="k" * 200).repeated


# --- failure --------------------------------------------------------------------------------------
def test_a_failed_act_leaves_no_key_and_may_be_tried_again(committed_db: str) -> None:
    def refused() -> None:
        transfer()
        raise InvalidInput(field="数量", reason="不足")

    with pytest.raises(InvalidInput):
        send(refused)
    assert not IdempotencyKey.objects.exists()
    assert times_acted() == 0
    assert not send().repeated
    assert times_acted() == 1


def test_a_rolled_back_caller_leaves_no_key(committed_db: str) -> None:
    with transaction.atomic():
        send()
        transaction.set_rollback(True)
    assert not IdempotencyKey.objects.exists()
    assert not send().repeated


# --- concurrent sessions --------------------------------------------------------------------------
def test_while_the_first_runs_a_second_session_is_told_so_at_once(committed_db: str) -> None:
    began, may_end = Event(), Event()

    def slow() -> dict[str, str]:
        began.set()
        assert may_end.wait(PATIENCE_SECONDS)
        return transfer()

    with meanwhile(lambda: send(slow)) as first:
        assert began.wait(PATIENCE_SECONDS)
        try:
            with pytest.raises(RequestStillRunning):
                send()
            with pytest.raises(RequestStillRunning):
                send(content={"other": "content"})  # Not known yet, so not yet an error.
            assert not send(key="second").repeated  # Another request does not wait.
        finally:
            may_end.set()
        answer = first.result()
    assert send() == Answer(answer.body, repeated=True)
    with pytest.raises(RequestKeyReused):
        send(content={"other": "content"})
    assert times_acted() == 2


def test_what_is_asked_before_the_act_is_asked_of_one_session_alone(committed_db: str) -> None:
    place: dict[str, Any] = {"actor_key": OWNER, "operation": "transfer", "key": "first"}

    def enter() -> None:
        with request_under_way(**place):
            pass

    with request_under_way(**place):
        with meanwhile(enter) as second, pytest.raises(RequestStillRunning):
            second.result()
        assert not send().repeated  # Who holds it acts.
    enter()
    with pytest.raises(InvalidInput):
        request_under_way(**{**place, "key": " "}).__enter__()


def test_of_many_sessions_with_one_key_exactly_one_acts(committed_db: str) -> None:
    def attempt() -> Answer | None:
        try:
            return send()
        except RequestStillRunning:
            return None

    answers = [answer for answer in at_once([attempt] * 8) if answer is not None]
    assert sum(not answer.repeated for answer in answers) == 1
    assert len({str(answer.body) for answer in answers}) == 1
    assert times_acted() == 1
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
def test_the_database_keeps_one_answer_per_key() -> None:
    send()
    with pytest.raises(IntegrityError, match="one_answer_per_request_key"):
        IdempotencyKey.objects.create(
            user_key=OWNER, operation="transfer", key="first", content_sha256=bytes(32)
        )


# --- kept 30 days ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_key_is_kept_30_days() -> None:
    first = send()
    advance_clock(timedelta(days=30) - timedelta(minutes=1))
    assert purge_request_keys() == 0
    assert send() == Answer(first.body, repeated=True)
    advance_clock(timedelta(minutes=2))
    assert purge_request_keys() == 1
    assert not send().repeated


def test_each_value_of_a_field_that_is_sent_several_times_makes_the_request() -> None:
    """Two lists of ticked boxes with the same last one are two requests."""
    first, second = (
        typed_into(RequestFactory().post("/marks/", {"mark": ticked, "csrfmiddlewaretoken": "x"}))
        for ticked in (["1", "3"], ["2", "3"])
    )
    assert content_digest(first) != content_digest(second)
