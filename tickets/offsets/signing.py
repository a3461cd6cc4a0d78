"""What the ecology bureau signs under an offset, and whether a signature holds."""

from __future__ import annotations

import hashlib
import json

from portal.base.clock import CITY_TIME
from portal.casework.signatures import Signature, is_valid
from tickets.offsets.models import Offset

FORM = "yining-offset/1"


def content_of(offset: Offset) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; every value a string. The beneficiary by key: its
    name may be corrected, the signature stands."""
    facts = {
        "form": FORM,
        "number": offset.number,
        "code": offset.code,
        "ticket": str(offset.ticket_id),
        "cause": str(offset.cause_id),
        "quantity_kg": str(offset.quantity_kg),
        "purpose": str(offset.purpose),
        "beneficiary": str(offset.beneficiary.key),
        "year": str(offset.year or ""),
        "event": offset.event_name,
        "place": offset.place,
        "begins_on": str(offset.begins_on or ""),
        "ends_on": str(offset.ends_on or ""),
        "headcount": str(offset.headcount or ""),
        "authority": offset.authority,
        "document_number": offset.document_number,
        "signed_by": str(offset.signed_by.key),
        "signed_at": offset.signed_at.astimezone(CITY_TIME).isoformat(),
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signature_holds(offset: Offset) -> bool:
    """Whether the row says today what the bureau signed."""
    content = content_of(offset)
    if hashlib.sha256(content).hexdigest() != offset.content_sha256:
        return False
    signature = Signature(
        bytes(offset.signature), offset.signature_algorithm, offset.signing_key_id
    )
    return is_valid(content, signature)
