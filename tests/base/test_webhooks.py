"""Webhooks: one signed body a message, at least once, under one id, to public machines alone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from portal.base.errors import InvalidInput
from portal.base.models import OutboxMessage, Webhook
from portal.base.outbox import deliver, post_to_webhook
from portal.base.webhooks import end_webhook, name_webhook, signature_of
from portal.casework.notices import tell
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
