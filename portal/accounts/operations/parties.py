"""Which parties are one, and who belongs to a collective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.accounts.documents import Scan
from portal.accounts.errors import (
    AlreadyDecided,
    OfficeMissing,
    PartyKindWrong,
    PartyNotChecked,
    ReasonMissing,
    SamePerson,
)
from portal.accounts.models import IdentityDocument, Mandate, Party, PartyLink, PartyMember, User
from portal.accounts.operations.authority import require_authority
from portal.accounts.operations.records import digest, keep_scan, record
from portal.accounts.queries import acts_for, may_check_identities, members_of
from portal.base.clock import PortalNow, now
from portal.base.transactions import write_transaction


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
        document=keep_scan(document, IdentityDocument.Kind.EVIDENCE, checked, actor),
        linked_by=actor,
    )
    facts: dict[str, Any] = {
        "link": str(link.key),
        "name_only": str(name_only.key),
        "checked": str(checked.key),
        "evidence_sha256": digest(link.evidence),
        "document_sha256": document.sha256.hex() if document else None,
    }
    record("party", name_only.key, "link_party", actor, **facts)
    record("party", checked.key, "link_party", actor, **facts)
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
        record("party", party.key, "unlink_party", actor, link=str(link.key))
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
    require_authority(actor, collective)
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
    record(
        "party",
        collective.key,
        "record_members",
        actor,
        denominator=denominator,
        members=[[str(share.member.key), share.numerator] for share in members],
    )
    return list(members_of(collective))
