"""Identities checked, unmasked, renamed and numbered anew (guarantee 7)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.documents import Scan
from portal.accounts.errors import (
    AlreadyDecided,
    IdentityTaken,
    NoIdentityNumber,
    OfficeMissing,
    PartyNotChecked,
    ReasonMissing,
    SamePerson,
)
from portal.accounts.identity import IdentityNumber, parse_body_number, parse_person_number
from portal.accounts.models import (
    IdentityCheck,
    IdentityDocument,
    Mandate,
    Party,
    PartyNumber,
    Unmasking,
    User,
)
from portal.accounts.operations.authority import require_authority
from portal.accounts.operations.records import digest, keep_scan, record
from portal.accounts.queries import may_check_identities, may_unmask
from portal.base.clock import now, today
from portal.base.errors import InvalidInput
from portal.base.outbox import post_message
from portal.base.secrets import Sealed, fingerprint, seal, unseal
from portal.base.transactions import write_transaction


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
    record(
        "party",
        party.key,
        "accept_identity" if accepted else "refuse_identity",
        actor,
        check=str(check.key),
        applicant=str(check.applicant.key),
        reason_sha256=digest(check.reason),
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
    record(
        "party",
        party.key,
        "unmask_identity",
        actor,
        unmasking=seen.pk,
        reason_sha256=digest(seen.reason),
        **({"number": str(number.key)} if number else {}),
    )
    return open_identity(number or party)


@write_transaction
def read_document(*, document: IdentityDocument, actor: User) -> IdentityDocument:
    """A clerk looks at a scan, which shows what the mask hides; the journal says who and when."""
    if not may_check_identities(actor):
        raise OfficeMissing()
    record("party", document.party.key, "read_document", actor, document=str(document.key))
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
    record(
        "party", party.key, "rename_party", actor, because=str(because),
        former_sha256=digest(party.name), name_sha256=digest(wanted),
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
    require_authority(actor, party)
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
    record("party", party.key, "propose_number", actor, number=str(made.key))
    return made


@write_transaction
def erase_proposed_number(*, number: PartyNumber, actor: User) -> None:
    """The number is not registered: it may be another's and is kept no longer. AlreadyDecided for one
    that the party has or had."""
    proposed = PartyNumber.objects.select_for_update().get(pk=number.pk)
    if proposed.valid_from is not None:
        raise AlreadyDecided()
    _erase_identity(proposed)
    record("party", proposed.party.key, "erase_number", actor, number=str(proposed.key))


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
    record("party", party.key, "change_number", actor, number=str(number.key), because=str(because))
    party.refresh_from_db()
    return party


def ask_for_check(
    *,
    kind: Party.Kind,
    name: str,
    number: IdentityNumber,
    documents: Sequence[Scan],
    applicant: User,
    actor: User,
) -> IdentityCheck:
    """A new party whose number is sealed, and the question whether it is who it says."""
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
        keep_scan(scan, IdentityDocument.Kind.IDENTITY, party, actor, check)
    record(
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


def open_identity(row: Party | PartyNumber) -> str:
    """The number in clear; raises NoIdentityNumber."""
    if row.identity_sealed is None:
        raise NoIdentityNumber()
    sealed = Sealed(row.identity_key_id, bytes(row.identity_sealed))
    return unseal(sealed, bound_to=bound_to(row))


def bound_to(row: Party | PartyNumber) -> str:
    """What a number is sealed to: its party's stable key."""
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
