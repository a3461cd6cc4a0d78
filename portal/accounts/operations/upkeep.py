"""Keys turned, traces forgotten, refused files erased."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from portal.accounts.documents import path_of
from portal.accounts.models import (
    Attempt,
    IdentityCheck,
    IdentityDocument,
    Party,
    PartyNumber,
    SignedInSession,
    User,
)
from portal.accounts.operations.identities import bound_to, open_identity
from portal.accounts.operations.records import record
from portal.base.clock import now
from portal.base.secrets import IDENTITY_KEYS, Key, add_key, key_in_use, seal
from portal.base.transactions import write_transaction

ATTEMPTS_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=180)
REFUSED_FILES_KEPT = timedelta(days=180)
RESEAL_BATCH = 500


def rotate_identity_keys(
    *, actor: User | None, with_new_key: bool = True, batch: int = RESEAL_BATCH
) -> tuple[Key, int]:
    """Seal every identity number with the newest key; the key and how many rows were sealed anew.

    In batches, so that the portal goes on meanwhile: a number is open under its own key at any
    moment, and a rotation that was interrupted is finished by another with ``with_new_key`` False.
    """
    key = add_key(IDENTITY_KEYS) if with_new_key else key_in_use(IDENTITY_KEYS)
    total = 0
    while resealed := _reseal_batch(key=key, actor=actor, batch=batch):
        total += resealed
    return key, total


@write_transaction
def _reseal_batch(*, key: Key, actor: User | None, batch: int) -> int:
    rows: list[Party | PartyNumber] = []
    for model in (Party, PartyNumber):
        stale = model.objects.select_for_update(of=("self",)).filter(
            ~Q(identity_key_id=key.id), identity_sealed__isnull=False
        )
        rows += stale.order_by("pk")[: batch - len(rows)]
    for row in rows:
        sealed = seal(open_identity(row), bound_to=bound_to(row))
        row.identity_key_id = sealed.key_id
        row.identity_sealed = sealed.data
        row.save(update_fields=["identity_key_id", "identity_sealed"])
    if rows:
        record("identity_keys", key.id, "reseal", actor, rows=len(rows))
    return len(rows)


@write_transaction
def forget_old_traces() -> dict[str, int]:
    """Forget counted attempts after a day and sessions after half a year: they hold addresses."""
    moment = now()
    attempts, _tables = Attempt.objects.filter(made_at__lt=moment - ATTEMPTS_KEPT).delete()
    sessions, _tables = SignedInSession.objects.filter(seen_at__lt=moment - SESSIONS_KEPT).delete()
    return {"attempts": attempts, "sessions": sessions}


@write_transaction
def erase_refused_files() -> int:
    """Erase the scans of identities refused half a year ago; the rows keep their hashes."""
    documents = IdentityDocument.objects.select_related("party").filter(
        identity_check__state=IdentityCheck.State.REFUSED,
        identity_check__decided_at__lt=now() - REFUSED_FILES_KEPT,
    )
    erased = 0
    for document in documents:
        path = path_of(document)
        if not path.exists():
            continue
        path.unlink()
        erased += 1
        record("party", document.party.key, "erase_file", None, document=str(document.key))
    return erased
