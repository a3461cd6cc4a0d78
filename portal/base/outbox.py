"""Messages that leave the portal: written with the act that causes them, delivered by a job."""

from __future__ import annotations

import uuid
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from portal.base import webhooks
from portal.base.clock import PortalNow, now
from portal.base.errors import InvalidInput
from portal.base.models import OutboxMessage, Webhook
from portal.base.transactions import write_transaction

KEPT_FOR = timedelta(days=30)
OVERDUE_AFTER = timedelta(minutes=15)
ROUND = 500
# Of a round no address takes more than this many, however many wait for it.
ROUND_PER_WEBHOOK = 20
# After so many refusals in a row an address is tried by the rounds alone.
PATIENCE = 10
SUBJECT_LENGTH = 200
RECIPIENT_LENGTH = 254


@write_transaction
def post_message(*, recipient: str, subject: str, body: str) -> OutboxMessage:
    """Put an e-mail into the outbox, in the caller's transaction; a rolled-back act sends nothing.

    A job delivers it at least once, always under the same Message-ID, by which a receiving
    program knows a second copy.
    """
    try:
        validate_email(recipient)
    except ValidationError as error:
        raise InvalidInput(field=_("收件地址"), reason=_("不是电子邮件地址")) from error
    if len(recipient) > RECIPIENT_LENGTH:
        raise InvalidInput(field=_("收件地址"), reason=_("地址过长"))
    message = OutboxMessage.objects.create(
        channel=OutboxMessage.Channel.EMAIL,
        recipient=recipient,
        subject=" ".join(subject.split())[:SUBJECT_LENGTH],
        body=body,
    )
    _defer(message)
    return message


@write_transaction
def post_to_webhook(*, webhook: Webhook, subject: str, text: str, link: str) -> OutboxMessage:
    """The same to a program: the signed body is made here and never changes.

    To an address that refuses everything it goes with the next round, not at once.
    """
    key = uuid.uuid4()
    message = OutboxMessage.objects.create(
        id=key,
        channel=OutboxMessage.Channel.WEBHOOK,
        webhook=webhook,
        recipient=webhook.address,
        subject=" ".join(subject.split())[:SUBJECT_LENGTH],
        body=webhooks.body_of(message_id=key, subject=subject, text=text, link=link),
    )
    if webhook.refusals < PATIENCE:
        _defer(message)
    return message


def deliver(message_id: str) -> bool:
    """Send one message unless it has left already; whether this call sent it.

    Raises what the mail server or the receiver raises, after counting the attempt, so that the job
    is retried.
    """
    message = OutboxMessage.objects.select_related("webhook").filter(pk=message_id).first()
    if message is None or message.delivered_at is not None:
        return False
    if message.webhook is not None and message.webhook.ended_at is not None:
        message.delete()  # Nobody listens there any more.
        return False
    send = webhooks.send if message.webhook is not None else _send_email
    waiting = OutboxMessage.objects.filter(pk=message.pk)
    try:
        send(message)
    except OSError as error:  # smtplib's errors are OSErrors too.
        waiting.update(attempts=F("attempts") + 1, last_error=f"{type(error).__name__}: {error}")
        if message.webhook is not None:
            webhooks.note_refusal(message.webhook)
        raise
    # Between sending and this line a crash sends it again: at least once, never silently lost.
    waiting.update(attempts=F("attempts") + 1, last_error="", delivered_at=PortalNow())
    if message.webhook is not None:
        webhooks.note_receipt(message.webhook)
    return True


def _send_email(message: OutboxMessage) -> None:
    EmailMessage(
        subject=f"{settings.EMAIL_SUBJECT_PREFIX}{message.subject}",
        body=message.body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        headers={"Message-ID": message_header_id(message)},
    ).send()


def message_header_id(message: OutboxMessage) -> str:
    """The Message-ID of every copy of this message."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message.pk}@{domain}>"


def redeliver_overdue() -> int:
    """Queue again what waits although no job will take it (a restored backup, exhausted retries).

    What was tried least comes first and no webhook takes more than its part of the round: an
    address that is dead keeps nobody else waiting.
    """
    overdue = (
        OutboxMessage.objects.filter(delivered_at__isnull=True, made_at__lt=now() - OVERDUE_AFTER)
        .annotate(
            turn=Window(
                RowNumber(),
                partition_by=F("webhook"),
                order_by=[F("attempts").asc(), F("made_at").asc()],
            )
        )
        .filter(Q(webhook__isnull=True) | Q(turn__lte=ROUND_PER_WEBHOOK))
        .order_by("attempts", "made_at")
    )
    return sum(_defer(message) for message in overdue[:ROUND])


def purge_delivered() -> int:
    """Forget messages delivered more than 30 days ago: they hold names and addresses."""
    removed, _by_table = OutboxMessage.objects.filter(delivered_at__lt=now() - KEPT_FOR).delete()
    return removed


def _defer(message: OutboxMessage) -> bool:
    # By name: the task itself calls deliver() above.
    job = app.configure_task(
        "deliver_message", queue="outbox", queueing_lock=f"outbox:{message.pk}"
    )
    try:
        with transaction.atomic():
            job.defer(message_id=str(message.pk))
    except AlreadyEnqueued:
        return False
    return True
