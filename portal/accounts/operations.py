"""Writes of the accounts: who signs in, who stands for whom, who may do what."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.demo import (
    DEMO_ACCOUNTS,
    DEMO_MEMBERS,
    DEMO_PASSWORD,
    DemoAccount,
    DemoParty,
)
from portal.accounts.documents import Scan, path_of, store_scan
from portal.accounts.errors import (
    AlreadyDecided,
    DemoAccountsRefused,
    DepartmentMissing,
    IdentityTaken,
    MandateDocumentMissing,
    MandateEnded,
    MandateMissing,
    NoIdentityNumber,
    OfficeMissing,
    PartyKindWrong,
    PartyNotChecked,
    ReasonMissing,
    RoleRevoked,
    SamePerson,
    SecondFactorMissing,
    SecondFactorStands,
    SecondFactorWrong,
    SessionUnknown,
    TooManyAttempts,
)
from portal.accounts.identity import IdentityNumber, parse_body_number, parse_person_number
from portal.accounts.models import (
    STAFF_ROLES,
    Attempt,
    Department,
    IdentityCheck,
    IdentityDocument,
    Mandate,
    Party,
    PartyLink,
    PartyMember,
    PartyNumber,
    Role,
    RoleGrant,
    SignedInSession,
    Unmasking,
    User,
)
from portal.accounts.queries import (
    acts_for,
    live_sessions,
    may_administer,
    may_check_identities,
    may_unmask,
    members_of,
    session_hash,
)
from portal.accounts.second_factor import confirmed_device, waiting_device
from portal.accounts.tokens import revoke_all_tokens
from portal.base.clock import PortalNow, now, today
from portal.base.errors import InvalidInput
from portal.base.outbox import post_message
from portal.base.secrets import (
    IDENTITY_KEYS,
    Key,
    Sealed,
    add_key,
    fingerprint,
    key_in_use,
    seal,
    unseal,
)
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event

# Kind of attempt → how many from one source within which span.
ATTEMPT_LIMITS: dict[Attempt.Kind, tuple[int, timedelta]] = {
    Attempt.Kind.SIGN_UP: (20, timedelta(hours=1)),
    Attempt.Kind.PASSWORD_RESET: (5, timedelta(hours=1)),
    Attempt.Kind.LAND_QUESTION: (60, timedelta(hours=1)),
    Attempt.Kind.OBJECTION: (5, timedelta(hours=1)),
    Attempt.Kind.SCAN: (120, timedelta(hours=1)),
    Attempt.Kind.COMPLAINT: (5, timedelta(hours=1)),
    Attempt.Kind.RETAIL: (20, timedelta(hours=1)),
    Attempt.Kind.CO_OWNER: (20, timedelta(hours=1)),
}
ATTEMPTS_KEPT = timedelta(days=1)
SESSIONS_KEPT = timedelta(days=180)
REFUSED_FILES_KEPT = timedelta(days=180)
RESEAL_BATCH = 500


# --- people and bodies --------------------------------------------------------------------------
@write_transaction
def sign_up_person(
    *,
    username: str,
    password: str,
    full_name: str,
    identity_number: str,
    actor: User | None,
    documents: Sequence[Scan] = (),
    phone: str = "",
    email: str = "",
) -> IdentityCheck:
    """A new user and the natural person they are, waiting for a clerk's check (article 7, 2).

    ``actor`` is None when the visitor does it, otherwise the clerk at the counter. Raises
    UsernameTaken, IdentityNumberWrong, IdentityTaken.
    """
    _require_counter(actor)
    user = _new_user(
        username=username,
        password=password,
        full_name=full_name,
        phone=phone,
        email=email,
        actor=actor,
    )
    return _ask_for_check(
        kind=Party.Kind.PERSON,
        name=full_name,
        number=parse_person_number(identity_number),
        documents=documents,
        applicant=user,
        actor=actor or user,
    )


@write_transaction
def sign_up_legal_body(
    *,
    username: str,
    password: str,
    full_name: str,
    body_name: str,
    identity_number: str,
    actor: User | None,
    kind: Party.Kind = Party.Kind.LEGAL_BODY,
    documents: Sequence[Scan] = (),
    phone: str = "",
    email: str = "",
) -> IdentityCheck:
    """A new user and the legal body or collective they act for, waiting for a clerk's check.

    Raises as ``sign_up_person``, and PartyKindWrong.
    """
    _require_counter(actor)
    user = _new_user(
        username=username,
        password=password,
        full_name=full_name,
        phone=phone,
        email=email,
        actor=actor,
    )
    return _ask_for_check(
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
    return _ask_for_check(
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
    return _ask_for_check(
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
    _require_administrator(actor)
    return _new_user(
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
    _require_administrator(actor)
    if user == actor:
        raise SamePerson()
    user = _locked(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    _end_sessions(user)
    revoke_all_tokens(user=user)
    _record("user", user.key, "close_account", actor)
    return user


@write_transaction
def decide_identity_check(
    *, check: IdentityCheck, accepted: bool, actor: User, reason: str = ""
) -> IdentityCheck:
    """A forestry clerk accepts or refuses who a party says it is.

    Accepted: the party is checked and the applicant acts for it in all matters. Refused, with a
    reason: the number is erased, so that its real owner can register it.
    Raises OfficeMissing, SamePerson, AlreadyDecided, ReasonMissing.
    """
    if not may_check_identities(actor):
        raise OfficeMissing()
    check = IdentityCheck.objects.select_for_update(of=("self",)).get(pk=check.pk)
    if check.state != IdentityCheck.State.WAITING:
        raise AlreadyDecided()
    if check.applicant == actor:
        raise SamePerson()
    if not accepted and not reason.strip():
        raise ReasonMissing()
    party = Party.objects.select_for_update(no_key=True).get(pk=check.party_id)
    check.state = IdentityCheck.State.ACCEPTED if accepted else IdentityCheck.State.REFUSED
    check.reason = reason.strip()
    check.decided_at = now()
    check.decided_by = actor
    check.save(update_fields=["state", "reason", "decided_at", "decided_by"])
    if accepted:
        party.checked_at = check.decided_at
        party.save(update_fields=["checked_at"])
        Mandate.objects.create(
            user=check.applicant,
            party=party,
            scope=Mandate.Scope.ALL,
            valid_from=today(),
            given_by=actor,
        )
    else:
        _erase_identity(party)
    _record(
        "party",
        party.key,
        "accept_identity" if accepted else "refuse_identity",
        actor,
        check=str(check.key),
        applicant=str(check.applicant.key),
        reason_sha256=_digest(check.reason),
    )
    _tell_applicant(check)
    return check


@write_transaction
def unmask_identity(
    *, party: Party, reason: str, actor: User, number: PartyNumber | None = None
) -> str:
    """The full identity number (or another of the party's, ``number``), for a stated reason that is
    kept and journalled.

    Raises OfficeMissing, ReasonMissing, NoIdentityNumber, and what the key store raises.
    """
    if not may_unmask(actor):
        raise OfficeMissing()
    if not reason.strip():
        raise ReasonMissing()
    if party.identity_sealed is None:
        raise NoIdentityNumber()
    seen = Unmasking.objects.create(party=party, actor=actor, reason=reason.strip())
    _record(
        "party",
        party.key,
        "unmask_identity",
        actor,
        unmasking=seen.pk,
        reason_sha256=_digest(seen.reason),
        **({"number": str(number.key)} if number else {}),
    )
    return _open_identity(number or party)


@write_transaction
def read_document(*, document: IdentityDocument, actor: User) -> IdentityDocument:
    """A clerk looks at a scan, which shows what the mask hides; the journal says who and when."""
    if not may_check_identities(actor):
        raise OfficeMissing()
    _record("party", document.party.key, "read_document", actor, document=str(document.key))
    return document


@write_transaction
def rename_party(*, party: Party, name: str, because: uuid.UUID, actor: User) -> Party:
    """A checked party has a new name, by a registration that stands on its document; number and key
    stay. The caller keeps the former name. Raises OfficeMissing, PartyNotChecked, InvalidInput.
    """
    if not may_check_identities(actor):
        raise OfficeMissing()
    if party.checked_at is None:
        raise PartyNotChecked()
    wanted = " ".join(name.split())
    if not wanted or wanted == party.name or len(wanted) > 200:
        raise InvalidInput(field="name", reason=wanted[:40])
    _record(
        "party", party.key, "rename_party", actor, because=str(because),
        former_sha256=_digest(party.name), name_sha256=_digest(wanted),
    )  # fmt: skip
    Party.objects.filter(pk=party.pk).update(name=wanted)
    party.refresh_from_db()
    return party


@write_transaction
def propose_number(*, party: Party, number: str, actor: User) -> PartyNumber:
    """Keep, sealed, the number that a registration is to make the party's own.

    Whoever acts for the party in all matters, or a forestry clerk. Raises PartyNotChecked,
    MandateMissing, IdentityNumberWrong, IdentityTaken, InvalidInput for the present one.
    """
    if party.checked_at is None:
        raise PartyNotChecked()
    _require_authority(actor, party)
    person = party.kind == Party.Kind.PERSON
    parsed = parse_person_number(number) if person else parse_body_number(number)
    digest = fingerprint(parsed.lookup_text)
    if party.identity_digest is not None and digest == bytes(party.identity_digest):
        raise InvalidInput(field="number", reason=_("与现有号码相同"))
    if Party.objects.filter(identity_digest=digest).exists():
        raise IdentityTaken()
    sealed = seal(parsed.text, bound_to=str(party.key))
    made = PartyNumber.objects.create(
        party=party,
        identity_key_id=sealed.key_id,
        identity_sealed=sealed.data,
        identity_digest=digest,
        identity_prefix=parsed.prefix,
        identity_last4=parsed.last4,
        doubtful=parsed.doubtful,
    )
    _record("party", party.key, "propose_number", actor, number=str(made.key))
    return made


@write_transaction
def erase_proposed_number(*, number: PartyNumber, actor: User) -> None:
    """The number is not registered: it may be another's and is kept no longer. AlreadyDecided for one
    that the party has or had."""
    proposed = PartyNumber.objects.select_for_update().get(pk=number.pk)
    if proposed.valid_from is not None:
        raise AlreadyDecided()
    _erase_identity(proposed)
    _record("party", proposed.party.key, "erase_number", actor, number=str(proposed.key))


@write_transaction
def change_number(*, number: PartyNumber, because: uuid.UUID, actor: User) -> Party:
    """The proposed number is the party's from now on, by a registration that stands on its document;
    key and name stay, and the former number is kept. Raises OfficeMissing, IdentityTaken.
    """
    if not may_check_identities(actor):
        raise OfficeMissing()
    party = Party.objects.select_for_update(no_key=True).get(pk=number.party_id)
    moment = now()
    if not PartyNumber.objects.filter(
        party=party, valid_from__isnull=False, ended_at__isnull=True
    ).update(ended_at=moment):
        PartyNumber.objects.create(
            party=party, valid_from=party.checked_at, ended_at=moment, **_identity_of(party)
        )
    if not PartyNumber.objects.filter(
        pk=number.pk, valid_from__isnull=True, identity_sealed__isnull=False
    ).update(valid_from=moment):
        raise AlreadyDecided()
    number.refresh_from_db()
    Party.objects.filter(pk=party.pk).update(**_identity_of(number))
    _record(
        "party", party.key, "change_number", actor, number=str(number.key), because=str(because)
    )
    party.refresh_from_db()
    return party


@write_transaction
def link_party(
    *,
    name_only: Party,
    checked: Party,
    evidence: str,
    actor: User,
    document: Scan | None = None,
) -> PartyLink:
    """A forestry clerk says, on evidence, that an imported name is this checked party.

    Equal names are no evidence. Neither party is changed. Raises OfficeMissing, SamePerson,
    PartyKindWrong, PartyNotChecked, ReasonMissing, PartyLinked.
    """
    if not may_check_identities(actor):
        raise OfficeMissing()
    if acts_for(actor, checked, Mandate.Scope.VIEW):
        raise SamePerson()
    if name_only.kind != Party.Kind.NAME_ONLY:
        raise PartyKindWrong()
    if checked.checked_at is None:
        raise PartyNotChecked()
    if not evidence.strip():
        raise ReasonMissing()
    link = PartyLink.objects.create(
        name_only=name_only,
        checked=checked,
        evidence=evidence.strip(),
        document=_keep(document, IdentityDocument.Kind.EVIDENCE, checked, actor),
        linked_by=actor,
    )
    facts: dict[str, Any] = {
        "link": str(link.key),
        "name_only": str(name_only.key),
        "checked": str(checked.key),
        "evidence_sha256": _digest(link.evidence),
        "document_sha256": document.sha256.hex() if document else None,
    }
    _record("party", name_only.key, "link_party", actor, **facts)
    _record("party", checked.key, "link_party", actor, **facts)
    return link


@write_transaction
def unlink_party(*, link: PartyLink, actor: User) -> PartyLink:
    """A link that was wrong ends; it stays on record."""
    if not may_check_identities(actor):
        raise OfficeMissing()
    link = PartyLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
    if link.ended_at is not None:
        raise AlreadyDecided()
    if acts_for(actor, link.checked, Mandate.Scope.VIEW):
        raise SamePerson()
    link.ended_at = now()
    link.ended_by = actor
    link.save(update_fields=["ended_at", "ended_by"])
    for party in (link.name_only, link.checked):
        _record("party", party.key, "unlink_party", actor, link=str(link.key))
    return link


@dataclass(frozen=True, slots=True)
class MemberShare:
    """A member and its numerator over the list's common denominator."""

    member: Party
    numerator: int


@write_transaction
def record_members(
    *, collective: Party, members: Sequence[MemberShare], denominator: int, actor: User
) -> list[PartyMember]:
    """Replace the list of a collective's members; shares sum to ``denominator``.

    Whoever acts for the collective in all matters, or a forestry clerk. The former list stays on
    record. Raises PartyKindWrong, MandateMissing, MemberTwice, SharesDoNotSum (at commit).
    """
    if collective.kind != Party.Kind.COLLECTIVE:
        raise PartyKindWrong()
    _require_authority(actor, collective)
    Party.objects.select_for_update(no_key=True).get(pk=collective.pk)
    members_of(collective).update(ended_at=PortalNow())
    PartyMember.objects.bulk_create(
        PartyMember(
            collective=collective,
            member=share.member,
            share_numerator=share.numerator,
            share_denominator=denominator,
        )
        for share in members
    )
    _record(
        "party",
        collective.key,
        "record_members",
        actor,
        denominator=denominator,
        members=[[str(share.member.key), share.numerator] for share in members],
    )
    return list(members_of(collective))


# --- mandates -----------------------------------------------------------------------------------
@write_transaction
def give_mandate(
    *,
    party: Party,
    user: User,
    scope: Mandate.Scope,
    valid_from: date,
    actor: User,
    valid_to: date | None = None,
    document: Scan | None = None,
    quantity_kg_max: int | None = None,
    price_fen_per_tonne_min: int | None = None,
) -> Mandate:
    """Let ``user`` act for ``party`` in a matter, from day to day (both included).

    Whoever acts for the party in all matters, or a forestry clerk who holds the paper in hand and
    adds its scan. Raises PartyNotChecked, SamePerson, MandateMissing, MandateDocumentMissing,
    MandateTermsWrong.
    """
    if party.checked_at is None:
        raise PartyNotChecked()
    if user == actor:
        raise SamePerson()
    own = acts_for(actor, party, Mandate.Scope.ALL)
    if not own:
        _require_authority(actor, party)
        if document is None:
            raise MandateDocumentMissing()
    mandate = Mandate.objects.create(
        user=user,
        party=party,
        scope=scope,
        valid_from=valid_from,
        valid_to=valid_to,
        quantity_kg_max=quantity_kg_max,
        price_fen_per_tonne_min=price_fen_per_tonne_min,
        document=_keep(document, IdentityDocument.Kind.MANDATE, party, actor),
        given_by=actor,
    )
    _record(
        "party",
        party.key,
        "give_mandate",
        actor,
        mandate=str(mandate.key),
        user=str(user.key),
        scope=scope,
        valid_from=valid_from.isoformat(),
        valid_to=valid_to.isoformat() if valid_to else None,
        quantity_kg_max=quantity_kg_max,
        price_fen_per_tonne_min=price_fen_per_tonne_min,
        document_sha256=document.sha256.hex() if document else None,
    )
    return mandate


@write_transaction
def end_mandate(*, mandate: Mandate, actor: User) -> Mandate:
    """The mandate ends now: by the mandated, by who acts in all matters, or by a forestry clerk.

    A natural person's mandate for themselves is ended by that person or a clerk alone: whom they
    mandated cannot shut them out. Raises MandateEnded, MandateMissing.
    """
    mandate = Mandate.objects.select_for_update(of=("self",)).get(pk=mandate.pk)
    if mandate.ended_at is not None:
        raise MandateEnded()
    if mandate.user != actor:
        if _is_principal(mandate) and not may_check_identities(actor):
            raise MandateMissing()
        _require_authority(actor, mandate.party)
    mandate.ended_at = now()
    mandate.ended_by = actor
    mandate.save(update_fields=["ended_at", "ended_by"])
    _record("party", mandate.party.key, "end_mandate", actor, mandate=str(mandate.key))
    return mandate


# --- roles --------------------------------------------------------------------------------------
@write_transaction
def grant_role(
    *, user: User, role: Role, actor: User, department: Department | None = None
) -> RoleGrant:
    """Give an office, from now on; an administrator does it, never to themselves.

    The user's sessions end, so that the next sign-in is the one that the office asks for.
    Raises OfficeMissing, SamePerson, DepartmentMissing, RoleHeld.
    """
    _require_administrator(actor)
    if user == actor:
        raise SamePerson()
    return _grant(user, role, department, actor)


@write_transaction
def revoke_role(*, grant: RoleGrant, actor: User) -> RoleGrant:
    """Take an office back: effective at the next request; the user's sessions end.

    Raises OfficeMissing, SamePerson, RoleRevoked.
    """
    _require_administrator(actor)
    if grant.user == actor:
        raise SamePerson()
    user = _locked(grant.user)
    grant = RoleGrant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
    if grant.valid_to is not None:
        raise RoleRevoked()
    grant.valid_to = now()
    grant.revoked_by = actor
    grant.save(update_fields=["valid_to", "revoked_by"])
    if grant.role == Role.ADMINISTRATOR:
        _let_into_admin(user, False)
    _end_sessions(user)
    _record(
        "user",
        user.key,
        "revoke_role",
        actor,
        grant=grant.pk,
        role=grant.role,
        department=grant.department,
    )
    return grant


# --- sessions -----------------------------------------------------------------------------------
@write_transaction
def note_session(*, session_key: str, actor: User, agent: str, ip: str | None) -> SignedInSession:
    """Remember a browser in which ``actor`` is signed in; noting it again changes nothing."""
    session, fresh = SignedInSession.objects.get_or_create(
        session_key_hash=session_hash(session_key),
        defaults={"user": actor, "agent": agent[:200], "ip": ip},
    )
    if fresh:
        User.objects.filter(pk=actor.pk).update(last_login=PortalNow())
        _record("user", actor.key, "open_session", actor, session=str(session.key))
    return session


@write_transaction
def revoke_session(*, session: SignedInSession, actor: User) -> SignedInSession:
    """End one session at its next request: its user's own act, or an administrator's."""
    if session.user != actor:
        _require_administrator(actor)
    session = SignedInSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
    if session.revoked_at is not None:
        raise SessionUnknown()
    session.revoked_at = now()
    session.save(update_fields=["revoked_at"])
    _record("user", session.user.key, "revoke_session", actor, session=str(session.key))
    return session


@write_transaction
def revoke_other_sessions(*, session_key: str, actor: User) -> int:
    """End every session of ``actor`` but the one of ``session_key``; how many."""
    others = live_sessions(actor).exclude(session_key_hash=session_hash(session_key))
    count = others.update(revoked_at=PortalNow())
    if count:
        _record("user", actor.key, "revoke_other_sessions", actor, sessions=count)
    return count


@write_transaction
def set_password(*, user: User, new_password: str, actor: User) -> User:
    """Change a password that was judged good before; every session and token of the user ends."""
    if user != actor:
        _require_administrator(actor)
    user = _locked(user)
    user.set_password(new_password)
    user.save(update_fields=["password"])
    _end_sessions(user)
    revoke_all_tokens(user=user)
    _record("user", user.key, "set_password", actor)
    return user


@write_transaction
def send_password_reset(*, user: User, subject: str, body: str) -> None:
    """Write to a user who forgot the password; the message goes to the address on record."""
    post_message(recipient=user.email, subject=subject, body=body)
    _record("user", user.key, "send_password_reset", None)


@write_transaction
def note_attempt(*, kind: Attempt.Kind, source: str) -> None:
    """Count a try against where it comes from; TooManyAttempts beyond the limit.

    Call it before the act and outside its transaction: a refused act counts as well.
    """
    limit, span = ATTEMPT_LIMITS[kind]
    digest = fingerprint(f"attempt:{kind}:{source}")
    tries = Attempt.objects.filter(kind=kind, source=digest, made_at__gt=PortalNow() - span).count()
    if tries >= limit:
        raise TooManyAttempts(minutes=int(span.total_seconds() // 60))
    Attempt.objects.create(kind=kind, source=digest)


# --- second factor ------------------------------------------------------------------------------
@write_transaction
def enrol_second_factor(*, user: User, actor: User) -> TOTPDevice:
    """A new authenticator for ``user``, who alone may see its secret; it counts once confirmed.

    Raises OfficeMissing, SecondFactorStands.
    """
    if user != actor:
        raise OfficeMissing()
    _locked(user)
    if confirmed_device(user) is not None:
        raise SecondFactorStands()
    TOTPDevice.objects.filter(user=user, confirmed=False).delete()
    device = TOTPDevice.objects.create(user=user, name="totp", confirmed=False)
    _record("user", user.key, "enrol_second_factor", actor, device=device.pk)
    return device


def confirm_second_factor(*, user: User, code: str, actor: User) -> TOTPDevice:
    """The first right code proves that the authenticator was set up.

    Raises OfficeMissing, SecondFactorMissing, SecondFactorWrong, TooManyAttempts.
    """
    if user != actor:
        raise OfficeMissing()
    device = waiting_device(user)
    if device is None:
        raise SecondFactorMissing()
    return _require_code(device, code, confirming=True)


def require_second_factor(*, user: User, code: str) -> TOTPDevice:
    """Ask for a code before a weighty act: signing, a first transfer, a bulk export (domain.md).

    Call it before the act and outside its transaction, so that a wrong code is counted.
    Raises SecondFactorMissing, SecondFactorWrong, TooManyAttempts.
    """
    device = confirmed_device(user)
    if device is None:
        raise SecondFactorMissing()
    return _require_code(device, code, confirming=False)


@write_transaction
def remove_second_factor(*, user: User, actor: User) -> None:
    """Take an authenticator away: the user's own (after a code), or a lost one by an administrator.

    When an administrator does it, the user's sessions end.
    """
    if user != actor:
        _require_administrator(actor)
        _end_sessions(user)
    _locked(user)
    TOTPDevice.objects.filter(user=user).delete()
    _record("user", user.key, "remove_second_factor", actor)


# --- demonstration ------------------------------------------------------------------------------
@write_transaction
def ensure_demo_accounts() -> dict[str, User]:
    """The demo sign-ins of design.md, by user name; those that are there already stay as they are.

    Each has a confirmed authenticator; owners, the collective, buyers, banks and the insurer are
    checked parties. Raises DemoAccountsRefused where the settings do not allow them.
    """
    if not settings.DEMO_ACCOUNTS or settings.INSTALLATION_KIND == "production":
        raise DemoAccountsRefused()
    known = User.objects.filter(username__in=[account.username for account in DEMO_ACCOUNTS])
    users = {user.username: user for user in known}
    for account in DEMO_ACCOUNTS:
        if account.username not in users:
            users[account.username] = _open_demo_account(account)
    for account in DEMO_ACCOUNTS:
        if account.party is not None:
            _check_demo_party(account.party, users[account.username], users["forestry"])
    collective = Party.objects.get(mandates__user=users["collective"])
    if not members_of(collective).exists():
        owners = [Party.objects.get(mandates__user=users[name]) for name in DEMO_MEMBERS]
        record_members(
            collective=collective,
            members=[MemberShare(owner, 1) for owner in owners],
            denominator=len(owners),
            actor=users["collective"],
        )
    return users


# --- keys and upkeep ----------------------------------------------------------------------------
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
        sealed = seal(_open_identity(row), bound_to=_bound_to(row))
        row.identity_key_id = sealed.key_id
        row.identity_sealed = sealed.data
        row.save(update_fields=["identity_key_id", "identity_sealed"])
    if rows:
        _record("identity_keys", key.id, "reseal", actor, rows=len(rows))
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
        _record("party", document.party.key, "erase_file", None, document=str(document.key))
    return erased


# --- inside -------------------------------------------------------------------------------------
def _record(
    subject_kind: str, key: uuid.UUID | str, verb: str, actor: User | None, **facts: Any
) -> None:
    record_event(
        subject_kind=subject_kind,
        subject_key=key,
        verb=verb,
        actor_key=actor.key if actor else None,
        facts=facts,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _locked(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _require_administrator(actor: User) -> None:
    if not may_administer(actor):
        raise OfficeMissing()


def _require_counter(actor: User | None) -> None:
    if actor is not None and not may_check_identities(actor):
        raise OfficeMissing()


def _require_authority(actor: User, party: Party) -> None:
    if acts_for(actor, party, Mandate.Scope.ALL):
        return
    if may_check_identities(actor):
        return
    raise MandateMissing(party=str(party.key))


def _is_principal(mandate: Mandate) -> bool:
    return (
        mandate.party.kind == Party.Kind.PERSON
        and IdentityCheck.objects.filter(
            party=mandate.party,
            applicant=mandate.user,
            state=IdentityCheck.State.ACCEPTED,
        ).exists()
    )


def _new_user(
    *,
    username: str,
    password: str,
    full_name: str,
    phone: str,
    email: str,
    actor: User | None,
) -> User:
    user = User(
        username=User.normalize_username(username),
        full_name=full_name,
        phone=phone,
        email=User.objects.normalize_email(email),
    )
    user.set_password(password)
    user.save()
    _record("user", user.key, "open_account", actor or user)
    return user


def _body_kind(kind: Party.Kind) -> Party.Kind:
    if kind not in (Party.Kind.LEGAL_BODY, Party.Kind.COLLECTIVE):
        raise PartyKindWrong()
    return kind


def _ask_for_check(
    *,
    kind: Party.Kind,
    name: str,
    number: IdentityNumber,
    documents: Sequence[Scan],
    applicant: User,
    actor: User,
) -> IdentityCheck:
    key = uuid.uuid4()
    sealed = seal(number.text, bound_to=str(key))
    party = Party.objects.create(
        key=key,
        kind=kind,
        name=name.strip(),
        identity_key_id=sealed.key_id,
        identity_sealed=sealed.data,
        identity_digest=fingerprint(number.lookup_text),
        identity_prefix=number.prefix,
        identity_last4=number.last4,
    )
    check = IdentityCheck.objects.create(
        party=party, applicant=applicant, number_doubtful=number.doubtful
    )
    for scan in documents:
        _keep(scan, IdentityDocument.Kind.IDENTITY, party, actor, check)
    _record(
        "party",
        party.key,
        "ask_for_identity_check",
        actor,
        check=str(check.key),
        kind=kind,
        applicant=str(applicant.key),
        documents_sha256=[scan.sha256.hex() for scan in documents],
    )
    return check


def _keep(
    scan: Scan | None,
    kind: IdentityDocument.Kind,
    party: Party,
    actor: User,
    check: IdentityCheck | None = None,
) -> IdentityDocument | None:
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


def _open_identity(row: Party | PartyNumber) -> str:
    if row.identity_sealed is None:
        raise NoIdentityNumber()
    sealed = Sealed(row.identity_key_id, bytes(row.identity_sealed))
    return unseal(sealed, bound_to=_bound_to(row))


def _bound_to(row: Party | PartyNumber) -> str:
    return str(row.key if isinstance(row, Party) else row.party.key)


def _identity_of(row: Party | PartyNumber) -> dict[str, Any]:
    """The number as both tables keep it."""
    columns = ("key_id", "sealed", "digest", "prefix", "last4")
    return {f"identity_{name}": getattr(row, f"identity_{name}") for name in columns}


def _erase_identity(row: Party | PartyNumber) -> None:
    row.identity_key_id = row.identity_prefix = row.identity_last4 = ""
    row.identity_sealed = row.identity_digest = None
    row.save(
        update_fields=[
            "identity_key_id",
            "identity_prefix",
            "identity_last4",
            "identity_sealed",
            "identity_digest",
        ]
    )


def _tell_applicant(check: IdentityCheck) -> None:
    if not check.applicant.email:
        return
    if check.state == IdentityCheck.State.ACCEPTED:
        subject = _("身份核验已通过")
        body = _("您登记的“{name}”已通过身份核验，现在可以办理业务。")
    else:
        subject = _("身份核验未通过")
        body = _("您登记的“{name}”未通过身份核验。原因：{reason}。请登录后更正并重新提交。")
    post_message(
        recipient=check.applicant.email,
        subject=subject,
        body=body.format(name=check.party.name, reason=check.reason),
    )


def _grant(user: User, role: Role, department: Department | None, actor: User | None) -> RoleGrant:
    if role in (Role.CLERK, Role.APPROVER) and department is None:
        raise DepartmentMissing()
    user = _locked(user)
    grant = RoleGrant.objects.create(
        user=user, role=role, department=department or "", granted_by=actor
    )
    if role is Role.ADMINISTRATOR:
        _let_into_admin(user, True)
    if role in STAFF_ROLES:
        _end_sessions(user)
    _record(
        "user",
        user.key,
        "grant_role",
        actor,
        grant=grant.pk,
        role=role,
        department=department or "",
    )
    return grant


def _open_demo_account(account: DemoAccount) -> User:
    user = _new_user(
        username=account.username,
        password=DEMO_PASSWORD,
        full_name=account.full_name,
        phone="",
        email="",
        actor=None,
    )
    if account.role is not None:
        _grant(user, account.role, account.department, None)
    TOTPDevice.objects.create(user=user, name="totp", confirmed=True)
    user.refresh_from_db()
    return user


def _check_demo_party(wanted: DemoParty, user: User, clerk: User) -> None:
    if Party.objects.filter(mandates__user=user).exists():
        return
    parse = parse_person_number if wanted.kind == Party.Kind.PERSON else parse_body_number
    check = _ask_for_check(
        kind=wanted.kind,
        name=wanted.name,
        number=parse(wanted.identity_number),
        documents=(),
        applicant=user,
        actor=user,
    )
    decide_identity_check(check=check, accepted=True, actor=clerk)


def _let_into_admin(user: User, administers: bool) -> None:
    """Django's own flags follow the administrator's role; nothing else here sets them."""
    user.is_staff = user.is_superuser = administers
    user.save(update_fields=["is_staff", "is_superuser"])


def _end_sessions(user: User) -> None:
    live_sessions(user).update(revoked_at=PortalNow())


def _require_code(device: TOTPDevice, code: str, *, confirming: bool) -> TOTPDevice:
    # The device's own count of wrong codes must outlive the refusal, so it is raised afterwards.
    right, wait_s = _try_code(device_id=device.pk, code=code, confirming=confirming)
    if wait_s > 0:
        raise TooManyAttempts(minutes=int(wait_s // 60) + 1)
    if not right:
        raise SecondFactorWrong()
    device.refresh_from_db()
    return device


@write_transaction
def _try_code(*, device_id: int, code: str, confirming: bool) -> tuple[bool, float]:
    device = TOTPDevice.objects.select_for_update(of=("self",)).get(pk=device_id)
    allowed, why = device.verify_is_allowed()
    if not allowed:
        # The device counts in real time, as authenticators do.
        until = (why or {}).get("locked_until")
        return False, (until - datetime.now(tz=UTC)).total_seconds() if until else 60.0
    digits = "".join(code.split())
    if not digits.isdecimal() or not device.verify_token(digits):
        return False, 0.0
    if confirming:
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        _record("user", device.user.key, "confirm_second_factor", device.user, device=device.pk)
    return True, 0.0
