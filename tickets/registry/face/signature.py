"""What a ticket's QR code carries, signed so that a page can check it without asking the server."""

from __future__ import annotations

import base64

from portal.base.transactions import write_transaction
from portal.casework.models import SigningKey
from portal.casework.signatures import ED25519, sign
from tickets.registry.models import CarbonTicket, FaceSignature
from tickets.registry.showing import face_kg, issued_on

FORM = "yining-ticket/1"


def signed_text(number: str, code: str, quantity_kg: int, issued: str) -> bytes:
    """Line by line: form, number, code, kilograms, day of issue (frontend/src/pages/ticket-check.ts
    builds the same)."""
    return "\n".join([FORM, number, code, str(quantity_kg), issued]).encode()


@write_transaction
def signature_of(ticket: CarbonTicket) -> FaceSignature:
    """Signed once, at first sight, with the key that was in use when the ticket was opened.

    Whoever looks first makes the same: kilograms and day are those of the issue, and Ed25519 gives one
    value for a text and a key.
    """
    found = FaceSignature.objects.filter(pk=ticket.pk).first()
    if found is not None:
        return found
    quantity_kg, day = face_kg(ticket), issued_on(ticket)
    text = signed_text(ticket.number, ticket.code, quantity_kg, day.isoformat())
    made = sign(text, at=ticket.opened_at)
    FaceSignature.objects.bulk_create(
        [
            FaceSignature(
                ticket=ticket,
                quantity_kg=quantity_kg,
                issued_on=day,
                algorithm=made.algorithm,
                key_id=made.key_id,
                signature=made.value,
            )
        ],
        ignore_conflicts=True,  # Two readers at once: the first stands.
    )
    return FaceSignature.objects.get(pk=ticket.pk)


def qr_address(ticket: CarbonTicket, address: str) -> str:
    """``/v/CODE/`` and, behind ``#``, what no server is told: number, kilograms, day, signature."""
    signed = signature_of(ticket)
    value = base64.urlsafe_b64encode(bytes(signed.signature)).rstrip(b"=").decode()
    return (
        f"{address}#n={ticket.number}&kg={signed.quantity_kg}&d={signed.issued_on.isoformat()}"
        f"&k={signed.key_id}&s={value}"
    )


def public_keys() -> list[dict[str, str]]:
    """The bureau's public keys, for whoever checks."""
    return [
        {
            "id": key.key_id,
            "algorithm": key.algorithm,
            "public_key": base64.urlsafe_b64encode(bytes(key.public_key)).rstrip(b"=").decode(),
        }
        for key in SigningKey.objects.filter(algorithm=ED25519).order_by("key_id")
    ]
