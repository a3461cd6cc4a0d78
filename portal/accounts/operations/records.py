"""Rows and events that every act of the accounts writes."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from portal.accounts.documents import Scan, store_scan
from portal.accounts.models import IdentityCheck, IdentityDocument, Party, User
from portal.journal.operations import record_event


def record(
    subject_kind: str, key: uuid.UUID | str, verb: str, actor: User | None, **facts: Any
) -> None:
    """Note in the journal what was done to a subject, and by whom."""
    record_event(
        subject_kind=subject_kind,
        subject_key=key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts=facts,
    )


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal digits: what the journal keeps instead of personal words."""
    return hashlib.sha256(text.encode()).hexdigest()


def locked(user: User) -> User:
    """The user as it stands, locked until the transaction ends."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def keep_scan(
    scan: Scan | None,
    kind: IdentityDocument.Kind,
    party: Party,
    actor: User,
    check: IdentityCheck | None = None,
) -> IdentityDocument | None:
    """Keep a scan under its hash and write its row; None where there is none."""
    if scan is None:
        return None
    return IdentityDocument.objects.create(
        party=party,
        identity_check=check,
        kind=kind,
        sha256=scan.sha256,
        size_bytes=len(scan.data),
        media_type=scan.media_type,
        stored_path=store_scan(scan),
        added_by=actor,
    )
