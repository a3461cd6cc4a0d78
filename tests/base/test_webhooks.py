"""Webhooks: one signed body a message, at least once, under one id, to public machines alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.base.clock import advance_clock
from portal.base.errors import InvalidInput
from portal.base.models import OutboxMessage, Webhook
from portal.base.outbox import (
    ROUND,
    ROUND_PER_WEBHOOK,
    deliver,
    post_message,
    post_to_webhook,
    redeliver_overdue,
)
from portal.base.policy import policy_number
from portal.base.webhooks import end_webhook, name_webhook, signature_of
from portal.casework.models import Message
from portal.casework.notices import give_up_dead_webhooks, tell
from tests.accounts.people import user_named

pytestmark = pytest.mark.django_db
OWNER = uuid.UUID(int=7)


@dataclass
class Receiver:
    """A program that takes messages; ``answers`` are given first, then 204."""

    address: str = ""
    answers: list[int] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.taken.append((dict(self.headers), body))
            self.send_response(found.answers.pop(0) if found.answers else 204)
            self.send_header("Location", found.address)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        found.address = f"http://127.0.0.1:{server.server_port}/take?from=portal"
        yield found
        server.shutdown()
        thread.join()


def post(receiver: Receiver) -> tuple[OutboxMessage, str]:
    webhook, secret = name_webhook(owner_key=OWNER, address=receiver.address)
    sent = post_to_webhook(webhook=webhook, subject="质押到期", text="三十天内", link="/bank/")
    return sent, secret


def test_a_message_is_signed_and_tells_its_id(receiver: Receiver) -> None:
    message, secret = post(receiver)
    assert deliver(str(message.pk)) is True
    assert deliver(str(message.pk)) is False
    [(headers, body)] = receiver.taken
    assert headers["Portal-Signature"] == signature_of(secret, body)
    facts = json.loads(body)
    assert facts["id"] == headers["Portal-Message-Id"] == str(message.pk)
    assert (facts["subject"], facts["text"], facts["link"]) == ("质押到期", "三十天内", "/bank/")


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_a_refused_message_comes_again_the_same(receiver: Receiver, answer: int) -> None:
    receiver.answers.append(answer)
    message, _secret = post(receiver)
    with pytest.raises(OSError, match=str(answer)):
        deliver(str(message.pk))
    message.refresh_from_db()
    assert (message.attempts, message.delivered_at) == (1, None)
    assert deliver(str(message.pk)) is True
    [first, second] = receiver.taken
    assert first[1] == second[1]
    assert first[0]["Portal-Message-Id"] == second[0]["Portal-Message-Id"]


def test_who_names_a_webhook_gets_his_messages_there(receiver: Receiver) -> None:
    user = user_named("bank-program")
    client = Client()
    client.force_login(user)
    page = client.post("/messages/webhook/", {"act": "name", "address": receiver.address})
    assert 'data-ref="secret"' in page.content.decode()
    assert 'data-ref="secret"' not in client.get("/messages/webhook/").content.decode()
    tell(users=[user, user], subject="冻结", body="四十吨", link="/tickets/1/")
    message = OutboxMessage.objects.get(channel="webhook")
    assert deliver(str(message.pk)) is True
    assert json.loads(receiver.taken[0][1])["text"] == "四十吨"
    client.post("/messages/webhook/", {"act": "end"})
    tell(users=[user], subject="解冻", body="", link="")
    assert OutboxMessage.objects.filter(channel="webhook").count() == 1


def test_nothing_is_sent_to_an_address_that_was_given_up(receiver: Receiver) -> None:
    message, _secret = post(receiver)
    assert end_webhook(owner_key=OWNER)
    assert deliver(str(message.pk)) is False
    assert receiver.taken == []
    assert not OutboxMessage.objects.exists()


def test_a_dead_address_keeps_nobody_waiting(receiver: Receiver) -> None:
    webhook, _secret = name_webhook(owner_key=OWNER, address=receiver.address)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            channel="webhook", webhook=webhook, recipient=webhook.address, subject="旧", body="{}",
            attempts=12,
        )
        for _n in range(ROUND + 1)
    )  # fmt: skip
    letter = post_message(recipient="owner@example.cn", subject="补正", body="")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE status = 'todo'")
    advance_clock(timedelta(minutes=20))
    assert redeliver_overdue() == ROUND_PER_WEBHOOK + 1
    assert ProcrastinateJob.objects.filter(
        status="todo", args={"message_id": str(letter.pk)}
    ).exists()


def test_an_address_that_refuses_too_often_is_given_up_and_its_owner_told(
    receiver: Receiver,
) -> None:
    user = user_named("bank-program")
    webhook, _secret = name_webhook(owner_key=user.key, address=receiver.address)
    most = int(policy_number("webhook.refusals_max"))
    Webhook.objects.update(refusals=most - 2)
    receiver.answers += [500, 204, 500]

    def send() -> OutboxMessage:
        return post_to_webhook(webhook=webhook, subject="冻结", text="", link="")

    first = send()
    with pytest.raises(OSError):
        deliver(str(first.pk))
    assert give_up_dead_webhooks() == 0
    assert deliver(str(first.pk)) is True  # Taken at last: it counts anew.
    webhook.refresh_from_db()
    assert webhook.refusals == 0
    Webhook.objects.update(refusals=most - 1)
    webhook.refresh_from_db()
    waiting = send()  # No job of its own any more: the rounds try such an address.
    assert not ProcrastinateJob.objects.filter(args={"message_id": str(waiting.pk)}).exists()
    with pytest.raises(OSError):
        deliver(str(waiting.pk))
    assert [give_up_dead_webhooks(), give_up_dead_webhooks()] == [1, 0]
    told = Message.objects.get(user=user)
    assert str(most) in told.body
    assert receiver.address in told.body
    assert not OutboxMessage.objects.filter(delivered_at=None).exists()


@pytest.mark.parametrize("address", [
    "http://127.0.0.1/", "https://localhost/x", "http://10.0.0.1/", "http://169.254.169.254/latest",
    "http://[::1]/", "ftp://example.cn/", "https://user:word@example.cn/", "https://", "x",
    "https://exa mple.cn/", "http://[", "https://example.cn:99999/", "https://例子.cn/",
])  # fmt: skip
def test_only_a_public_machine_is_named(settings: Any, address: str) -> None:
    settings.WEBHOOKS_TO_PRIVATE_NETWORKS = False
    with pytest.raises(InvalidInput):
        name_webhook(owner_key=OWNER, address=address)
    assert not Webhook.objects.exists()


def test_a_name_that_leads_inside_later_is_not_followed(settings: Any, receiver: Receiver) -> None:
    message, _secret = post(receiver)
    settings.WEBHOOKS_TO_PRIVATE_NETWORKS = False
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        deliver(str(message.pk))
    assert receiver.taken == []


def test_the_database_keeps_one_webhook_of_an_owner(receiver: Receiver) -> None:
    post(receiver)
    for attack in (
        "INSERT INTO base_webhook (key, owner_key, address, secret, secret_key_id) "
        "SELECT gen_random_uuid(), owner_key, address, secret, secret_key_id FROM base_webhook",
        "UPDATE base_outboxmessage SET webhook_id = NULL",
    ):
        with (
            pytest.raises(IntegrityError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(attack)
