"""Asking for an offset, preparing and signing it; the reviewed list of names."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from portal.accounts.errors import OfficeMissing, ReasonMissing
from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.accounts.queries import people_acting_for, works_in
from portal.base.clock import now
from portal.base.errors import NotFound, PortalError
from portal.base.numbers import NumberKind, draw_number, new_code
from portal.base.transactions import write_transaction
from portal.casework.documents import Upload, add_document
from portal.casework.notices import tell
from portal.casework.signatures import sign
from portal.journal.operations import record_event
from tickets.offsets.access import owners_lacking
from tickets.offsets.errors import (
    NameNotReviewed,
    NameReviewed,
    OffsetDecided,
    PurposeIncomplete,
    SignerPrepared,
)
from tickets.offsets.models import (
    Beneficiary,
    CertificatePaper,
    Offset,
    OffsetConsent,
    OffsetFacts,
    OffsetRequest,
    Purpose,
)
from tickets.offsets.paper import offset_pdf
from tickets.offsets.signing import content_of
from tickets.registry.access import (
    may_dispose,
    owners_of,
    refuse_own_ticket,
    require_office,
)
from tickets.registry.errors import BlockNotFree, ConsentMissing, MandateTooSmall, TicketClosed
from tickets.registry.ledger import hold
from tickets.registry.models import CarbonTicket, Cause
from tickets.registry.operations import offset_blocks, open_cause
from tickets.registry.quantities import require_quantity, tonnes

SUBJECT = "offset_request"
State = OffsetRequest.State


# --- names --------------------------------------------------------------------------------------
@write_transaction
def propose_name(*, name: str, actor: User) -> Beneficiary:
    """A name for certificates; ecology reviews it. The one that stands already is answered."""
    wanted = " ".join(name.split())[:100]
    found = Beneficiary.objects.filter(name=wanted).exclude(state="refused").first()
    if found is not None:
        return found
    made = Beneficiary.objects.create(name=wanted, proposed_by=actor)
    _record("beneficiary", made.key, "proposed", actor)
    return made


@write_transaction
def review_name(
    *, beneficiary: Beneficiary, accepted: bool, actor: User, reason: str = ""
) -> Beneficiary:
    """Ecology's clerk or approver; who proposed it does not review it. Once."""
    _require_ecology(actor)
    if not accepted and not reason.strip():
        raise ReasonMissing()
    if beneficiary.proposed_by_id == actor.pk:
        raise SignerPrepared()
    done = Beneficiary.objects.filter(pk=beneficiary.pk, state=Beneficiary.State.WAITING).update(
        state=Beneficiary.State.ACCEPTED if accepted else Beneficiary.State.REFUSED,
        reviewed_by=actor,
        reviewed_at=now(),
        reason=reason.strip()[:200],
    )
    if not done:
        raise NameReviewed()
    beneficiary.refresh_from_db()
    _record("beneficiary", beneficiary.key, str(beneficiary.state), actor)
    return beneficiary


# --- requests -----------------------------------------------------------------------------------
@write_transaction
def ask_offset(
    *,
    ticket: CarbonTicket,
    quantity_kg: int,
    purpose: Purpose,
    beneficiary: Beneficiary,
    actor: User,
    year: int | None = None,
    event_name: str = "",
    place: str = "",
    begins_on: date | None = None,
    ends_on: date | None = None,
    headcount: int | None = None,
    authority: str = "",
    document_number: str = "",
    uploads: Sequence[tuple[str, Upload]] = (),
) -> OffsetRequest:
    """The holder asks ecology (article 17), within the mandates' limits; owners for whom ``actor``
    does not act agree before it is prepared.

    Raises InvalidQuantity, TicketClosed, ConsentMissing, MandateTooSmall, BlockNotFree,
    PurposeIncomplete.
    """
    require_quantity(quantity_kg)
    if not ticket.is_open:
        raise TicketClosed(number=ticket.number)
    represented = _represented(owners_of(ticket), actor, quantity_kg)
    free = ticket.blocks.free().quantity_kg()
    if free < quantity_kg:
        raise BlockNotFree(wanted=quantity_kg, free=free)
    wanted = OffsetRequest(
        ticket=ticket,
        quantity_kg=quantity_kg,
        purpose=purpose,
        beneficiary=beneficiary,
        year=year,
        event_name=event_name.strip(),
        place=place.strip(),
        begins_on=begins_on,
        ends_on=ends_on,
        headcount=headcount,
        authority=authority.strip(),
        document_number=document_number.strip(),
        asked_by=actor,
    )
    require_purpose(wanted)
    wanted.save(force_insert=True)
    wanted.refresh_from_db()
    for slot, upload in uploads:
        add_document(
            subject_kind=SUBJECT, subject_key=wanted.key, kind=slot, upload=upload, actor=actor
        )
    _record(SUBJECT, wanted.key, "asked", actor, kg=str(quantity_kg))
    _note_consents(wanted, represented, actor)
    tell(
        users=people_acting_for(owners_lacking(wanted), Mandate.Scope.DISPOSE),
        subject=_("抵消申请，等待您同意：{ticket}").format(ticket=ticket.number),
        body=_("{who} 申请抵消 {tonnes} 吨，全体持有人同意后才能办理。").format(
            who=actor.get_full_name(), tonnes=tonnes(quantity_kg)
        ),
        link=f"/offset-requests/{wanted.key}/",
    )
    return wanted


@write_transaction
def agree_to_offset(*, request: OffsetRequest, actor: User) -> OffsetRequest:
    """The owners that lack a consent and for whom ``actor`` may dispose of so much agree; also anew,
    when a mandate ended or an owner came since.

    ConsentMissing when there is none, MandateTooSmall when only less is allowed.
    """
    waiting = _locked(request, *OffsetRequest.OPEN)
    _note_consents(
        waiting, _represented(owners_lacking(waiting), actor, waiting.quantity_kg), actor
    )
    return waiting


def _represented(owners: Sequence[Party], actor: User, quantity_kg: int) -> list[Party]:
    """For whom ``actor`` may dispose of so much; a small mandate of one keeps nobody from the others."""
    found: list[Party] = []
    refusal: PortalError = ConsentMissing(count=1)
    for owner in owners:
        try:
            if may_dispose(owner, actor, quantity_kg):
                found.append(owner)
        except MandateTooSmall as too_small:
            refusal = too_small
    if not found:
        raise refusal
    return found


def _note_consents(request: OffsetRequest, owners: Sequence[Party], actor: User) -> None:
    OffsetConsent.objects.bulk_create(
        OffsetConsent(request=request, party=owner, given_by=actor) for owner in owners
    )
    for owner in owners:
        _record(SUBJECT, request.key, "consented", actor, party=str(owner.key))


def _require_consents(request: OffsetRequest) -> None:
    """ConsentMissing unless every present owner agreed, by a mandate that reaches so far today."""
    if missing := owners_lacking(request):
        raise ConsentMissing(count=len(missing))


def require_purpose(facts: OffsetFacts) -> None:
    """What the constraint demands, in kinder words."""
    complete = {
        Purpose.ORGANISATION_YEAR: facts.year is not None,
        Purpose.EVENT: bool(
            facts.event_name
            and facts.place
            and facts.begins_on
            and facts.ends_on
            and facts.ends_on >= facts.begins_on
        ),
        Purpose.VISITORS: bool(facts.place and facts.year is not None),
        Purpose.PERSON: True,
        Purpose.ECO_JUSTICE: bool(facts.authority and facts.document_number),
    }
    if not complete[Purpose(facts.purpose)]:
        raise PurposeIncomplete()


@write_transaction
def prepare_offset(*, request: OffsetRequest, opinion: str, actor: User) -> OffsetRequest:
    """Ecology's clerk has looked at it and hands it to the signer."""
    require_office(actor, Role.CLERK, Department.ECOLOGY)
    waiting = _locked(request, State.ASKED)
    if waiting.asked_by_id == actor.pk:
        raise SignerPrepared()
    refuse_own_ticket(waiting.ticket, actor)
    _require_name(waiting)
    _require_consents(waiting)
    OffsetRequest.objects.filter(pk=waiting.pk).update(
        state=State.PREPARED, prepared_by=actor, prepared_at=now(), opinion=opinion.strip()[:2000]
    )
    _record(SUBJECT, waiting.key, "prepared", actor)
    waiting.refresh_from_db()
    return waiting


@write_transaction
def sign_offset(*, request: OffsetRequest, actor: User) -> Offset:
    """The signer's decision: the kilograms are retired for good and the certificate stands.

    The second factor is asked before, outside this transaction. Raises OfficeMissing,
    OffsetDecided, SignerPrepared, OwnMatter, NameNotReviewed, ConsentMissing, and what the ledger
    refuses.
    """
    require_office(actor, Role.APPROVER, Department.ECOLOGY)
    waiting = _locked(request, State.PREPARED)
    if actor.pk in (waiting.prepared_by_id, waiting.asked_by_id):
        raise SignerPrepared()
    refuse_own_ticket(waiting.ticket, actor)
    _require_name(waiting)
    hold(waiting.ticket.issuance_id)  # Owners and kilograms stand until it is written.
    _require_consents(waiting)
    cause = open_cause(Cause.Kind.OFFSET)
    OffsetRequest.objects.filter(pk=waiting.pk).update(
        state=State.SIGNED, decided_by=actor, decided_at=now()
    )
    offset = certify(facts=waiting, cause=cause, actor=actor, request=waiting)
    offset_blocks(
        ticket=waiting.ticket,
        quantity_kg=waiting.quantity_kg,
        cause=cause,
        actor=actor,
        document_sha256=bytes.fromhex(offset.content_sha256),
    )
    _record("offset", offset.pk, "signed", actor, number=offset.number)
    tell(
        users=[waiting.asked_by],
        subject=f"{offset.number}：{State.SIGNED.label}",
        body=f"{waiting.ticket.number} · {offset.number}",
        link=f"/offsets/{offset.number}/",
    )
    return offset


def certify(
    *, facts: OffsetFacts, cause: Cause, actor: User, request: OffsetRequest | None = None
) -> Offset:
    """Number, code and signature of a certificate; the kilograms move in the same transaction."""
    offset = Offset(
        cause=cause,
        number=draw_number(NumberKind.OFFSET),
        code=new_code(),
        request=request,
        signed_by=actor,
        signed_at=now(),
        **facts_of(facts),
    )
    content = content_of(offset)
    signature = sign(content)
    offset.content_sha256 = hashlib.sha256(content).hexdigest()
    offset.signature = signature.value
    offset.signature_algorithm = signature.algorithm
    offset.signing_key_id = signature.key_id
    offset.save(force_insert=True)
    return offset


@write_transaction
def certificate_pdf(*, offset: Offset, address: str) -> bytes:
    """The certificate as it was first given out; ``address`` is where its QR code leads."""
    kept = CertificatePaper.objects.filter(pk=offset.pk).first()
    if kept is None:
        pdf = offset_pdf(offset, address=address)
        made = CertificatePaper(offset=offset, pdf=pdf, sha256=hashlib.sha256(pdf).digest())
        # Two readers at once: the first stands.
        CertificatePaper.objects.bulk_create([made], ignore_conflicts=True)
        kept = CertificatePaper.objects.get(pk=offset.pk)
    return bytes(kept.pdf)


def facts_of(facts: OffsetFacts) -> dict[str, Any]:
    """The shared columns by name."""
    return {field.name: getattr(facts, field.name) for field in OffsetFacts._meta.get_fields()}


@write_transaction
def refuse_offset(*, request: OffsetRequest, reason: str, actor: User) -> OffsetRequest:
    """Clerk or signer says no, with a reason that the holder reads."""
    _require_ecology(actor)
    waiting = _locked(request, *OffsetRequest.OPEN)
    if not reason.strip():
        raise ReasonMissing()
    if waiting.prepared_by_id == actor.pk:
        raise SignerPrepared()
    refuse_own_ticket(waiting.ticket, actor)
    OffsetRequest.objects.filter(pk=waiting.pk).update(
        state=State.REFUSED, decided_by=actor, decided_at=now(), reason=reason.strip()[:2000]
    )
    _record(SUBJECT, waiting.key, "refused", actor)
    tell(
        users=[waiting.asked_by],
        subject=f"{waiting.ticket.number}：{State.REFUSED.label}",
        body=reason.strip(),
        link=f"/offset-requests/{waiting.key}/",
    )
    waiting.refresh_from_db()
    return waiting


@write_transaction
def withdraw_offset(*, request: OffsetRequest, actor: User) -> OffsetRequest:
    """Whoever asked takes it back before it is signed."""
    waiting = _locked(request, *OffsetRequest.OPEN)
    if waiting.asked_by_id != actor.pk:
        raise NotFound()
    OffsetRequest.objects.filter(pk=waiting.pk).update(state=State.WITHDRAWN)
    _record(SUBJECT, waiting.key, "withdrawn", actor)
    waiting.refresh_from_db()
    return waiting


def _locked(request: OffsetRequest, *states: OffsetRequest.State) -> OffsetRequest:
    found = (
        OffsetRequest.objects.select_for_update(of=("self",))
        .select_related("ticket", "beneficiary", "asked_by")
        .get(pk=request.pk)
    )
    if found.state not in states:
        raise OffsetDecided()
    return found


def _require_name(request: OffsetRequest) -> None:
    if request.beneficiary.state != Beneficiary.State.ACCEPTED:
        raise NameNotReviewed(name=request.beneficiary.name)


def _require_ecology(actor: User) -> None:
    if not works_in(actor, Department.ECOLOGY):
        raise OfficeMissing()


def _record(kind: str, key: uuid.UUID, verb: str, actor: User, **facts: str) -> None:
    record_event(subject_kind=kind, subject_key=key, verb=verb, actor_key=actor.key, facts=facts)
