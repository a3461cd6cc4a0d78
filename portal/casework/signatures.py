"""The bureau's signature. The algorithm's name stands beside each, so that SM2 can follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from portal.base.secrets import SIGNING_KEYS, Key, key_in_use, keys
from portal.casework.models import SigningKey

ED25519 = "Ed25519"


@dataclass(frozen=True, slots=True)
class Signature:
    """The bytes, by which algorithm and key."""

    value: bytes
    algorithm: str
    key_id: str


def sign(content: bytes, *, at: datetime | None = None) -> Signature:
    """Sign with the newest key, or as it would have been signed ``at`` a moment; the public half of the
    key is kept for whoever checks later."""
    key = key_in_use(SIGNING_KEYS) if at is None else _key_at(at)
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    SigningKey.objects.get_or_create(
        key_id=key.id,
        defaults={
            "algorithm": ED25519,
            "public_key": private.public_key().public_bytes_raw(),
        },
    )
    return Signature(private.sign(content), ED25519, key.id)


def _key_at(moment: datetime) -> Key:
    """The newest key of those used by then; today's where none was, or its file keeps it no more."""
    used = SigningKey.objects.filter(first_used_at__lte=moment).order_by("first_used_at").last()
    kept = {key.id: key for key in keys(SIGNING_KEYS)}
    return kept.get(used.key_id if used else "", key_in_use(SIGNING_KEYS))


def is_valid(content: bytes, signature: Signature) -> bool:
    """Whether the signature is the bureau's and the content is what was signed."""
    if signature.algorithm != ED25519:
        return False
    key = SigningKey.objects.filter(key_id=signature.key_id, algorithm=ED25519).first()
    if key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes(key.public_key)).verify(signature.value, content)
    except InvalidSignature:
        return False
    return True
