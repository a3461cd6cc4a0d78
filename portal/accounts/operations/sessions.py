"""Sessions and passwords."""

from __future__ import annotations

from portal.accounts.errors import SessionUnknown
from portal.accounts.models import SignedInSession, User
from portal.accounts.operations.authority import require_administrator
from portal.accounts.operations.records import locked, record
from portal.accounts.queries import live_sessions, session_hash
from portal.accounts.tokens import revoke_all_tokens
from portal.base.clock import PortalNow, now
from portal.base.outbox import post_message
from portal.base.transactions import write_transaction


@write_transaction
def note_session(*, session_key: str, actor: User, agent: str, ip: str | None) -> SignedInSession:
    """Remember a browser in which ``actor`` is signed in; noting it again changes nothing."""
    session, fresh = SignedInSession.objects.get_or_create(
        session_key_hash=session_hash(session_key),
        defaults={"user": actor, "agent": agent[:200], "ip": ip},
    )
    if fresh:
        User.objects.filter(pk=actor.pk).update(last_login=PortalNow())
        record("user", actor.key, "open_session", actor, session=str(session.key))
    return session


@write_transaction
def revoke_session(*, session: SignedInSession, actor: User) -> SignedInSession:
    """End one session at its next request: its user's own act, or an administrator's."""
    if session.user != actor:
        require_administrator(actor)
    session = SignedInSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.revoked_at is not None:
        raise SessionUnknown()
    session.revoked_at = now()
    session.save(update_fields=["revoked_at"])
    record("user", session.user.key, "revoke_session", actor, session=str(session.key))
    return session


@write_transaction
def revoke_other_sessions(*, session_key: str, actor: User) -> int:
    """End every session of ``actor`` but the one of ``session_key``; how many."""
    others = live_sessions(actor).exclude(session_key_hash=session_hash(session_key))
    count = others.update(revoked_at=PortalNow())
    if count:
        record("user", actor.key, "revoke_other_sessions", actor, sessions=count)
    return count


@write_transaction
def set_password(*, user: User, new_password: str, actor: User) -> User:
    """Change a password that was judged good before; every session and token of the user ends."""
    if user != actor:
        require_administrator(actor)
    user = locked(user)
    user.set_password(new_password)
    user.save(update_fields=["password"])
    end_sessions(user)
    revoke_all_tokens(user=user)
    record("user", user.key, "set_password", actor)
    return user


@write_transaction
def send_password_reset(*, user: User, subject: str, body: str) -> None:
    """Write to a user who forgot the password; the message goes to the address on record."""
    post_message(recipient=user.email, subject=subject, body=body)
    record("user", user.key, "send_password_reset", None)


def end_sessions(user: User) -> None:
    """Revoke all that the user has open."""
    live_sessions(user).update(revoked_at=PortalNow())
