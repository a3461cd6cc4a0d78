"""A write request that arrives twice acts once (design.md, guarantee 8)."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils.translation import gettext_lazy as _

from portal.base.clock import now
from portal.base.errors import InvalidInput, PortalError
from portal.base.models import IdempotencyKey
from portal.base.statements import prepared_cursor
from portal.base.transactions import joining, write_transaction

KEPT_FOR = timedelta(days=30)
KEY_LENGTH = 200


class RequestKeyReused(PortalError):
    """The key was used for a request of other content."""

    code = "request_key_reused"
    message = _("请求标识已用于内容不同的另一次请求，请更换标识后重试。")


class RequestStillRunning(PortalError):
    """The first request with this key has not ended yet."""

    code = "request_still_running"
    message = _("相同的请求正在处理，请稍候再查看结果。")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the operation answered; ``repeated`` when an earlier request did the act."""

    body: Any
    repeated: bool


def content_digest(content: Any) -> bytes:
    """SHA-256 of the content as canonical JSON (or of the bytes themselves)."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).digest()


def earlier_answer(
    *, actor_key: uuid.UUID, operation: str, key: str, content: Any
) -> Answer | None:
    """What the first request with this key was answered, or None; RequestKeyReused.

    For what must be asked before ``act_once`` and only once, as a code of the second factor.
    """
    first = IdempotencyKey.objects.filter(user_key=actor_key, operation=operation, key=key).first()
    if first is None:
        return None
    if bytes(first.content_sha256) != content_digest(content):
        raise RequestKeyReused
    return Answer(first.answer, repeated=True)


@contextmanager
def request_under_way(*, actor_key: uuid.UUID, operation: str, key: str) -> Iterator[None]:
    """Hold the request's lock over several transactions; RequestStillRunning while another holds it.

    For what is asked in a transaction of its own before ``act_once``: of a double click the second
    must not spend what the first one has just spent.
    """
    _check_key(key)
    place = [_lock_name(actor_key, operation, key)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", place)
        if not cursor.fetchone()[0]:
            raise RequestStillRunning
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", place)


def _check_key(key: str) -> None:
    if not key.strip() or len(key) > KEY_LENGTH:
        raise InvalidInput(field="Idempotency-Key", reason=_("须为 1 至 200 个字符"))


def _lock_name(actor_key: uuid.UUID, operation: str, key: str) -> str:
    return f"request:{actor_key}:{operation}:{key}"


# One round trip: nothing is inserted, and nobody waited for, when the lock is not to be had.
_CLAIM = """
INSERT INTO base_idempotencykey (user_key, operation, key, content_sha256)
SELECT %s, %s, %s, %s WHERE pg_try_advisory_xact_lock(hashtextextended(%s, 0))
ON CONFLICT (user_key, operation, key) DO NOTHING RETURNING id
"""
_KEEP_ANSWER = "UPDATE base_idempotencykey SET answer = %s WHERE id = %s"


@write_transaction
def act_once(
    *, actor_key: uuid.UUID, operation: str, key: str, content: Any, act: Callable[[], Any]
) -> Answer:
    """Do ``act`` and keep its JSON answer, or give the answer of the first request with this key.

    The key's row is inserted first, in the transaction of the act itself: a failed act leaves no
    key behind, and a kept key always has its answer. RequestKeyReused when the content differs,
    RequestStillRunning while the first request is under way (it does not wait for it).
    """
    _check_key(key)
    digest = content_digest(content)
    with prepared_cursor() as cursor:
        cursor.execute(
            _CLAIM, [actor_key, operation, key, digest, _lock_name(actor_key, operation, key)]
        )
        inserted = cursor.fetchone()
    if inserted is None:
        first = IdempotencyKey.objects.filter(
            user_key=actor_key, operation=operation, key=key
        ).first()
        if first is None:
            raise RequestStillRunning
        if bytes(first.content_sha256) != digest:
            raise RequestKeyReused
        return Answer(first.answer, repeated=True)
    with joining():
        body = act()
    with prepared_cursor() as cursor:
        cursor.execute(_KEEP_ANSWER, [None if body is None else json.dumps(body), inserted[0]])
    return Answer(body, repeated=False)


def purge_request_keys() -> int:
    """Forget keys older than 30 days; the number of them."""
    removed, _by_table = IdempotencyKey.objects.filter(made_at__lt=now() - KEPT_FOR).delete()
    return removed
