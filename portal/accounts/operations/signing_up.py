"""Who opens an account, and for whom an identity is asked to be checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict, Unpack

from portal.accounts.documents import Scan
from portal.accounts.errors import PartyKindWrong, SamePerson
from portal.accounts.identity import parse_body_number, parse_person_number
from portal.accounts.models import IdentityCheck, Party, User
from portal.accounts.operations.authority import require_administrator, require_counter
from portal.accounts.operations.identities import ask_for_check
from portal.accounts.operations.records import locked, record
from portal.accounts.operations.sessions import end_sessions
from portal.accounts.tokens import revoke_all_tokens
from portal.base.transactions import write_transaction


class Account(TypedDict):
    """Who signs up; ``actor`` is None when the visitor does it, otherwise the clerk at the counter."""

    username: str
    password: str
    full_name: str
    actor: User | None
    phone: NotRequired[str]
    email: NotRequired[str]


@write_transaction
def sign_up_person(
    *,
    identity_number: str,
    documents: Sequence[Scan] = (),
    **account: Unpack[Account],
) -> IdentityCheck:
    """A new user and the natural person they are, waiting for a clerk's check (article 7, 2). Raises
    UsernameTaken, IdentityNumberWrong, IdentityTaken.
    """
    actor = account["actor"]
    require_counter(actor)
    user = new_user(**account)
    return ask_for_check(
        kind=Party.Kind.PERSON,
        name=account["full_name"],
        number=parse_person_number(identity_number),
        documents=documents,
        applicant=user,
        actor=actor or user,
    )


@write_transaction
def sign_up_legal_body(
    *,
    body_name: str,
    identity_number: str,
    kind: Party.Kind = Party.Kind.LEGAL_BODY,
    documents: Sequence[Scan] = (),
    **account: Unpack[Account],
) -> IdentityCheck:
    """A new user and the legal body or collective they act for, waiting for a clerk's check.

    Raises as ``sign_up_person``, and PartyKindWrong.
    """
    actor = account["actor"]
    require_counter(actor)
    user = new_user(**account)
    return ask_for_check(
        kind=_body_kind(kind),
        name=body_name,
        number=parse_body_number(identity_number),
        documents=documents,
        applicant=user,
        actor=actor or user,
    )


@write_transaction
def register_person(
    *, full_name: str, identity_number: str, actor: User, documents: Sequence[Scan] = ()
) -> IdentityCheck:
    """Somebody signed up already asks to be checked as a natural person (again after a refusal)."""
    return ask_for_check(
        kind=Party.Kind.PERSON,
        name=full_name,
        number=parse_person_number(identity_number),
        documents=documents,
        applicant=actor,
        actor=actor,
    )


@write_transaction
def register_legal_body(
    *,
    body_name: str,
    identity_number: str,
    actor: User,
    kind: Party.Kind = Party.Kind.LEGAL_BODY,
    documents: Sequence[Scan] = (),
) -> IdentityCheck:
    """Somebody signed up already asks to act for a (further) legal body or collective."""
    return ask_for_check(
        kind=_body_kind(kind),
        name=body_name,
        number=parse_body_number(identity_number),
        documents=documents,
        applicant=actor,
        actor=actor,
    )


@write_transaction
def open_account(
    *, username: str, password: str, full_name: str, actor: User, phone: str = "", email: str = ""
) -> User:
    """An account for somebody who serves the register; an administrator opens it."""
    require_administrator(actor)
    return new_user(
        username=username,
        password=password,
        full_name=full_name,
        phone=phone,
        email=email,
        actor=actor,
    )


@write_transaction
def close_account(*, user: User, actor: User) -> User:
    """Nobody signs in with it any more; what was done with it stands."""
    require_administrator(actor)
    if user == actor:
        raise SamePerson()
    user = locked(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions(user)
    revoke_all_tokens(user=user)
    record("user", user.key, "close_account", actor)
    return user


def new_user(
    *,
    username: str,
    password: str,
    full_name: str,
    actor: User | None,
    phone: str = "",
    email: str = "",
) -> User:
    """A user who acts for nobody yet; without ``actor`` it opens its own account."""
    user = User(
        username=User.normalize_username(username),
        full_name=full_name,
        phone=phone,
        email=User.objects.normalize_email(email),
    )
    user.set_password(password)
    user.save()
    record("user", user.key, "open_account", actor or user)
    return user


def _body_kind(kind: Party.Kind) -> Party.Kind:
    if kind not in (Party.Kind.LEGAL_BODY, Party.Kind.COLLECTIVE):
        raise PartyKindWrong()
    return kind
