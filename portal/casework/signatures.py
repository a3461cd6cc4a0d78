"""The bureau's signature. The algorithm's name stands beside each, so that SM2 can follow."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from portal.base.secrets import SIGNING_KEYS, key_in_use
from portal.casework.models import SigningKey

ED25519 = "Ed25519"


@dataclass(frozen=True, slots=True)
class Signature:
    """The bytes, by which algorithm and key."""

    value: bytes
    algorithm: str
    key_id: str


def sign(content: bytes) -> Signature:
    """Sign with the newest key; its public half is kept for whoever checks later."""
    key = key_in_use(SIGNING_KEYS)
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    SigningKey.objects.get_or_create(
        key_id=key.id,
        defaults={
            "algorithm": ED25519,
            "public_key": private.public_key().public_bytes_raw(),
        },
    )
    return Signature(private.sign(content), ED25519, key.id)


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
