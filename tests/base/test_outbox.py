"""The outbox: a message leaves with the act that caused it, at least once, under one id."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from email.header import decode_header, make_header
from typing import Any

import pytest
from django.core import mail
from django.db import ProgrammingError, connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.base.clock import advance_clock, now
from portal.base.errors import InvalidInput
from portal.base.models import IdempotencyKey, OutboxMessage
from portal.base.outbox import (
    deliver,
    message_header_id,
    post_message,
    purge_delivered,
    redeliver_overdue,
)
from portal.base.tasks import purge_ground_floor
from tests.base.mail_server import MailServer, mail_server
from tests.base.sessions import meanwhile


def post(recipient: str = "owner@example.cn", subject: str = "补正通知") -> OutboxMessage:
    return post_message(recipient=recipient, subject=subject, body="请于5个工作日内补正。")


def jobs(status: str = "todo") -> list[dict[str, Any]]:
    waiting = ProcrastinateJob.objects.filter(task_name="deliver_message", status=status)
    return [job.args for job in waiting.order_by("id")]


def forget_jobs() -> None:
    """As after a restored backup, or when all retries are used up."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE status = 'todo'")


def work() -> None:
    """A worker of the queue, until nothing is left to do."""
    with app.replace_connector(app.connector.get_worker_connector()) as worker_app:
        worker_app.run_worker(
            queues=["outbox"], wait=False, listen_notify=False, install_signal_handlers=False
        )


@pytest.fixture
def smtp(settings: Any) -> Iterator[MailServer]:
    """A real mail server, which refuses what a test puts into ``refusals``."""
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield server


# --- written with the act -------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_message_and_its_job_are_written_together() -> None:
    message = post()
    assert message.delivered_at is None
    assert message.made_at <= now()
    assert jobs() == [{"message_id": str(message.pk)}]
    assert mail.outbox == []  # Nothing leaves before the commit.


def test_a_rolled_back_act_sends_nothing(committed_db: str) -> None:
    with transaction.atomic():
        post()
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()
    assert jobs() == []


def test_nobody_sees_a_message_before_the_act_is_committed(committed_db: str) -> None:
    with transaction.atomic():
        post()
        with meanwhile(lambda: (OutboxMessage.objects.count(), jobs())) as other:
            assert other.result() == (0, [])
    with meanwhile(lambda: (OutboxMessage.objects.count(), len(jobs()))) as other:
        assert other.result() == (1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "张三",
        "a@",
        "a b@example.cn",
        "a@example.cn\nBcc: all@example.cn",
        "a@example.cn, b@example.cn",
        f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example.cn",
    ],
)
def test_only_one_address_is_a_recipient(recipient: str) -> None:
    with pytest.raises(InvalidInput):
        post(recipient)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_a_subject_is_one_line_of_200_characters() -> None:
    message = post(subject=f"补正\r\nBcc: all@example.cn\n{'长' * 300}")
    assert message.subject.startswith("补正 Bcc: all@example.cn 长")
    assert len(message.subject) == 200
    deliver(str(message.pk))
    assert mail.outbox[0].recipients() == ["owner@example.cn"]


# --- delivered at least once ----------------------------------------------------------------------
@pytest.mark.django_db
def test_a_delivered_message_is_not_sent_again(smtp: MailServer) -> None:
    message = post()
    assert deliver(str(message.pk)) is True
    assert deliver(str(message.pk)) is False
    message.refresh_from_db()
    assert (message.attempts, message.last_error) == (1, "")
    assert message.delivered_at is not None
    assert message.delivered_at >= message.made_at
    [sent] = smtp.taken
    assert smtp.recipients == ["owner@example.cn"]
    assert str(make_header(decode_header(sent["Subject"]))) == "[伊宁林业碳票] 补正通知"
    assert "请于5个工作日内补正。" in sent.get_payload(decode=True).decode()


@pytest.mark.django_db
def test_a_message_that_is_gone_is_not_sent(smtp: MailServer) -> None:
    assert deliver(str(uuid.uuid4())) is False
    assert smtp.taken == []


@pytest.mark.django_db
@pytest.mark.parametrize("refusal", ["451 try later", "554 no", "421 closing"])
def test_a_refused_message_is_counted_and_tried_again_under_the_same_id(
    smtp: MailServer, refusal: str
) -> None:
    smtp.refusals.append(refusal)
    message = post()
    with pytest.raises(OSError):
        deliver(str(message.pk))
    message.refresh_from_db()
    assert (message.attempts, message.delivered_at) == (1, None)
    assert refusal[4:] in message.last_error
    assert deliver(str(message.pk)) is True
    message.refresh_from_db()
    assert (message.attempts, message.last_error) == (2, "")
    OutboxMessage.objects.update(delivered_at=None)  # As after a crash just before this was kept.
    assert deliver(str(message.pk)) is True
    assert [sent["Message-ID"] for sent in smtp.taken] == [message_header_id(message)] * 2


@pytest.mark.django_db
def test_an_absent_mail_server_loses_nothing(settings: Any) -> None:
    with mail_server() as gone:
        settings.EMAIL_PORT = gone.port
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    message = post()
    with pytest.raises(ConnectionRefusedError):
        deliver(str(message.pk))
    message.refresh_from_db()
    assert message.attempts == 1
    assert message.last_error.startswith("ConnectionRefusedError")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("portal@yining.example", "yining.example"),
        ("林业局 <x@y.example>", "y.example"),
        ("", "localhost"),
    ],
)
def test_the_message_id_is_the_messages_own(settings: Any, sender: str, domain: str) -> None:
    settings.DEFAULT_FROM_EMAIL = sender
    message = post()
    assert message_header_id(message) == f"<{message.pk}@{domain}>"


def test_a_worker_delivers_what_was_committed(committed_db: str, smtp: MailServer) -> None:
    messages = [post(f"owner{number}@example.cn") for number in range(3)]
    work()
    assert sorted(smtp.recipients) == [f"owner{number}@example.cn" for number in range(3)]
    assert {sent["Message-ID"] for sent in smtp.taken} == {message_header_id(m) for m in messages}
    assert not OutboxMessage.objects.filter(delivered_at=None).exists()
    assert jobs("succeeded") == [{"message_id": str(message.pk)} for message in messages]


def test_a_worker_puts_a_refused_message_back(committed_db: str, smtp: MailServer) -> None:
    smtp.refusals.append("451 try later")
    message = post()
    work()
    assert smtp.taken == []
    assert jobs() == [{"message_id": str(message.pk)}]  # Waiting for its second attempt.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
    work()
    assert [sent["Message-ID"] for sent in smtp.taken] == [message_header_id(message)]


# --- what waits too long --------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_message_without_a_job_is_queued_again_after_15_minutes() -> None:
    message = post()
    forget_jobs()
    assert redeliver_overdue() == 0
    advance_clock(timedelta(minutes=15, seconds=1))
    assert redeliver_overdue() == 1
    assert jobs() == [{"message_id": str(message.pk)}]


@pytest.mark.django_db
def test_a_message_whose_job_still_waits_is_not_queued_twice() -> None:
    message = post()
    advance_clock(timedelta(hours=1))
    assert redeliver_overdue() == 0
    assert jobs() == [{"message_id": str(message.pk)}]


@pytest.mark.django_db
def test_a_delivered_message_is_not_queued_again() -> None:
    deliver(str(post().pk))
    forget_jobs()
    advance_clock(timedelta(hours=1))
    assert redeliver_overdue() == 0
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_delivered_messages_are_kept_30_days_and_waiting_ones_longer() -> None:
    delivered, waiting = post("first@example.cn"), post("second@example.cn")
    deliver(str(delivered.pk))
    advance_clock(timedelta(days=30) - timedelta(minutes=1))
    assert purge_delivered() == 0
    advance_clock(timedelta(minutes=2))
    assert purge_delivered() == 1
    assert list(OutboxMessage.objects.all()) == [waiting]


@pytest.mark.django_db
def test_the_nightly_job_forgets_request_keys_and_messages() -> None:
    deliver(str(post().pk))
    IdempotencyKey.objects.create(
        user_key=uuid.uuid4(), operation="transfer", key="k", content_sha256=bytes(32)
    )
    advance_clock(timedelta(days=31))
    purge_ground_floor(timestamp=0)
    assert not OutboxMessage.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db
def test_the_application_role_may_not_empty_the_outbox_at_a_stroke() -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute("TRUNCATE base_outboxmessage")
