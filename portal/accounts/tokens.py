"""Tokens of programs: made and revoked by their user, known by a hash, counted by the minute."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import QuerySet

from portal.accounts.errors import TokenTermsWrong, TokenUnknown, TooManyTokens
from portal.accounts.models import ApiToken, User
from portal.base.clock import now
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

# A scanner of leaked secrets, and a person, sees what it is.
BEGINNING = "yn_"
SHOWN = 9
MOST_TOKENS = 20
LONGEST_DAYS = 365
_ADMIT = """
UPDATE accounts_apitoken AS token
SET used_in_minute = CASE WHEN date_trunc('minute', token.used_at) = date_trunc('minute', portal_now())
                          THEN token.used_in_minute + 1 ELSE 1 END,
    used_at = portal_now()
FROM accounts_user AS holder
WHERE token.secret_hash = %(hash)s AND token.revoked_at IS NULL AND token.expires_at > portal_now()
  AND holder.id = token.user_id AND holder.is_active
RETURNING token.id
"""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token and its secret, which nobody can tell again."""

    token: ApiToken
    secret: str


def secret_hash(secret: str) -> bytes:
    """How a secret is known. It has 256 random bits: a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).digest()


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens that were not revoked, expired ones too, the newest first."""
    return ApiToken.objects.filter(user=user, revoked_at__isnull=True).order_by("-made_at")


@write_transaction
def make_token(
    *, name: str, scopes: Collection[ApiToken.Scope], days: int, actor: User
) -> NewToken:
    """A token of ``actor``'s own, for so many days. TokenTermsWrong, TokenNameTaken, TooManyTokens."""
    if not name.strip() or not scopes or not 1 <= days <= LONGEST_DAYS:
        raise TokenTermsWrong(days=LONGEST_DAYS)
    User.objects.select_for_update().get(
        pk=actor.pk
    )  # Two at once are counted one after the other.
    if tokens_of(actor).count() >= MOST_TOKENS:
        raise TooManyTokens(limit=MOST_TOKENS)
    secret = BEGINNING + secrets.token_urlsafe(32)
    moment = now()
    token = ApiToken.objects.create(
        user=actor,
        name=name.strip(),
        scopes=sorted(scopes),
        secret_hash=secret_hash(secret),
        begins_with=secret[:SHOWN],
        made_at=moment,
        expires_at=moment + timedelta(days=days),
    )
    _record("make_token", token, actor, scopes=list(token.scopes), days=days)
    return NewToken(token, secret)


@write_transaction
def revoke_token(*, token: ApiToken, actor: User) -> ApiToken:
    """End one token at its next request. TokenUnknown when it was ended before."""
    token = ApiToken.objects.select_for_update().get(pk=token.pk)
    if token.revoked_at is not None:
        raise TokenUnknown()
    token.revoked_at = now()
    token.save(update_fields=["revoked_at"])
    _record("revoke_token", token, actor)
    return token


def revoke_all_tokens(*, user: User) -> None:
    """Within an act that ends all that a user let in: a new password, a closed account."""
    tokens_of(user).update(revoked_at=now())


def admit_token(secret: str) -> ApiToken | None:
    """The standing token of a secret, with this request counted; None for any other text."""
    if not secret.startswith(BEGINNING):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ADMIT, {"hash": secret_hash(secret)})
        found = cursor.fetchone()
    return None if found is None else ApiToken.objects.select_related("user").get(pk=found[0])


def _record(verb: str, token: ApiToken, actor: User, **facts: object) -> None:
    record_event(
        subject_kind="user",
        subject_key=token.user.key,
        verb=verb,
        actor_key=actor.key,
        facts={"token": str(token.key), **facts},
    )
