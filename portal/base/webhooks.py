"""Webhooks: messages as signed JSON to a program that somebody named, out of the one outbox.

The body never changes for a message, and neither does its id: a receiver that sees an id twice has
the message already. ``Portal-Signature`` is HMAC-SHA256 of the body under the shared secret.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import secrets
import socket
import ssl
import uuid
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.base.clock import now
from portal.base.errors import InvalidInput
from portal.base.models import OutboxMessage, Webhook
from portal.base.policy import policy_number
from portal.base.secrets import Sealed, seal, unseal
from portal.base.transactions import write_transaction

TIMEOUT_S = 10
ADDRESS_LENGTH = 254
SECRET_BYTES = 32


class WebhookRefused(OSError):
    """The receiver answered with anything but 2xx; an OSError, so that the job tries again."""


class AddressForbidden(OSError):
    """The name leads into a private network now, wherever it led when it was given."""


# --- who hears ----------------------------------------------------------------------------------
@write_transaction
def name_webhook(*, owner_key: uuid.UUID, address: str) -> tuple[Webhook, str]:
    """Where the owner's messages go besides, and the secret, which is told this once.

    A former address of the owner ends. Raises InvalidInput.
    """
    require_address(address)
    end_webhook(owner_key=owner_key)
    key, secret = uuid.uuid4(), secrets.token_urlsafe(SECRET_BYTES)
    sealed = seal(secret, bound_to=str(key))
    webhook = Webhook.objects.create(
        key=key,
        owner_key=owner_key,
        address=address,
        secret=sealed.data,
        secret_key_id=sealed.key_id,
    )
    return webhook, secret


@write_transaction
def end_webhook(*, owner_key: uuid.UUID) -> bool:
    """No message goes there any more, nor what still waited; whether one was named."""
    named = Webhook.objects.in_use().filter(owner_key=owner_key)
    OutboxMessage.objects.filter(webhook__in=named, delivered_at__isnull=True).delete()
    return bool(named.update(ended_at=now()))


def dead_webhooks() -> QuerySet[Webhook]:
    """In use, but they refused as often in a row as policy bears (``webhook.refusals_max``)."""
    most = int(policy_number("webhook.refusals_max"))
    return Webhook.objects.in_use().filter(refusals__gte=most)


def require_address(address: str) -> None:
    """InvalidInput unless it is https (http too outside production) to a public machine by name."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(field=_("接收地址"), reason=_("不是网址")) from error
    schemes = ("https",) if settings.INSTALLATION_KIND == "production" else ("https", "http")
    if (
        parts.scheme not in schemes
        or not parts.hostname
        or parts.username is not None
        or port == 0
        or len(address) > ADDRESS_LENGTH
        or not address.isascii()
        or not address.isprintable()
        or " " in address
    ):
        raise InvalidInput(field=_("接收地址"), reason=_("须为 https 网址，不含用户名和密码"))
    try:
        _public_address(parts)
    except OSError as error:
        raise InvalidInput(
            field=_("接收地址"), reason=_("找不到该主机，或其位于内部网络")
        ) from error


# --- delivery -----------------------------------------------------------------------------------
def body_of(*, message_id: uuid.UUID, subject: str, text: str, link: str) -> str:
    """What is sent and signed: made with the message, so that every copy is the same."""
    facts = {
        "id": str(message_id),
        "made_at": now().isoformat(),
        "subject": subject,
        "text": text,
        "link": link,
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def signature_of(secret: str, body: bytes) -> str:
    """As the header says it: ``sha256=`` and hexadecimal digits."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def send(message: OutboxMessage) -> None:
    """POST one message. Raises OSError of whatever kind when it was not taken."""
    assert message.webhook is not None  # The table says so of this channel.
    webhook, body = message.webhook, message.body.encode()
    sealed = Sealed(webhook.secret_key_id, bytes(webhook.secret))
    secret = unseal(sealed, bound_to=str(webhook.key))
    parts = urlsplit(webhook.address)
    connection = _connection(parts)
    try:
        connection.request(
            "POST",
            f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
            body,
            {
                "Content-Type": "application/json; charset=utf-8",
                "Portal-Message-Id": str(message.pk),
                "Portal-Signature": signature_of(secret, body),
            },
        )
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise WebhookRefused(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    # A redirect is no receipt: the address is the one that was named.
    if not 200 <= status < 300:
        raise WebhookRefused(f"HTTP {status}")


def note_refusal(webhook: Webhook) -> None:
    """One more in a row."""
    Webhook.objects.filter(pk=webhook.pk).update(refusals=F("refusals") + 1)


def note_receipt(webhook: Webhook) -> None:
    """It takes messages: refusals are counted anew."""
    Webhook.objects.filter(pk=webhook.pk, refusals__gt=0).update(refusals=0)


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    """To the very machine that was looked at: a name may lead elsewhere a moment later."""
    host, port = _public_address(parts)
    plain = socket.create_connection((host, port), TIMEOUT_S)
    connection = http.client.HTTPConnection(str(parts.hostname), port, timeout=TIMEOUT_S)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(plain, server_hostname=parts.hostname)
    else:
        connection.sock = plain
    return connection


def _public_address(parts: SplitResult) -> tuple[str, int]:
    """An address of the host and the port; every address of it must be public."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise AddressForbidden(str(parts.hostname)) from error
    hosts = [str(entry[4][0]) for entry in found]
    if not settings.WEBHOOKS_TO_PRIVATE_NETWORKS and not all(
        ipaddress.ip_address(host).is_global for host in hosts
    ):
        raise AddressForbidden(str(parts.hostname))
    return hosts[0], port
