"""Keys in files, and what is done with them: AES-256-GCM to keep, HMAC-SHA256 to look up.

A key file holds one key a line, ``id:base64`` of 32 bytes; the last line is the one in use, the
earlier ones still open what they sealed. Files are read anew when they change, so a rotation
reaches running processes without a restart.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError

IDENTITY_KEYS = "identity.key"
LOOKUP_KEYS = "lookup.key"
SIGNING_KEYS = "signing.key"  # Seeds of Ed25519 keys, 32 bytes as well.
KEY_FILES = {
    IDENTITY_KEYS: "k",
    LOOKUP_KEYS: "l",
    SIGNING_KEYS: "s",
}  # file → first letter of its key ids
KEY_BYTES = 32
NONCE_BYTES = 12
_LINE = re.compile(r"([a-z][0-9]{1,6}):([A-Za-z0-9+/]{43}=)")


class KeyUnavailable(PortalError):
    """A key file is missing or unreadable, or the key that sealed a value is gone."""

    code = "key_unavailable"
    message = _("密钥文件“{file}”不可用：{reason}。请联系系统管理员。")


class SealBroken(PortalError):
    """The sealed bytes were changed, or belong to another row."""

    code = "seal_broken"
    message = _("加密内容校验失败，可能已被篡改。请联系系统管理员。")


@dataclass(frozen=True, slots=True)
class Key:
    """One key and the id that rows keep beside what it sealed."""

    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext with its nonce in front, and the id of the key."""

    key_id: str
    data: bytes


_read: dict[Path, tuple[tuple[int, int, int], tuple[Key, ...]]] = {}


def key_path(file: str) -> Path:
    """Where a key file lies: the folder of ``settings.SECRETS``."""
    return Path(settings.SECRETS) / file


def keys(file: str) -> tuple[Key, ...]:
    """The keys of ``file``, oldest first. Outside production a missing file is made."""
    path = key_path(file)
    try:
        found = path.stat()
    except OSError as error:
        if settings.INSTALLATION_KIND == "production":
            raise KeyUnavailable(file=file, reason=_("文件不存在或无权读取")) from error
        make_missing(file)
        found = path.stat()
    version = (found.st_mtime_ns, found.st_size, found.st_ino)
    known = _read.get(path)
    if known is None or known[0] != version:
        known = _read[path] = (version, parse_keys(file, read_text(path)))
    return known[1]


def read_text(path: Path) -> str:
    """The file's text; bytes that are none make it malformed instead of stopping the reader."""
    return path.read_text(encoding="ascii", errors="replace")


def parse_keys(file: str, text: str) -> tuple[Key, ...]:
    """Read ``id:base64`` lines; blank lines and lines that begin with ``#`` say nothing."""
    found: list[Key] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or any(key.id == match[1] for key in found):
            raise KeyUnavailable(file=file, reason=_("内容格式有误"))
        try:
            secret = base64.b64decode(match[2], validate=True)
        except binascii.Error as error:
            raise KeyUnavailable(file=file, reason=_("内容格式有误")) from error
        found.append(Key(match[1], secret))
    if not found:
        raise KeyUnavailable(file=file, reason=_("没有密钥"))
    return tuple(found)


def make_missing(file: str) -> None:
    """The first key of a file; of several processes at once, one makes it."""
    path = key_path(file)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(path.parent):
        if not path.exists():
            _append_key(file, path)


def add_key(file: str) -> Key:
    """Append a new key, which is in use from now on, and return it. The file is never half-written.

    Two processes that make a missing file at once agree on the first one's.
    """
    path = key_path(file)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(path.parent):
        return _append_key(file, path)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """One process at a time; the folder itself is the lock, so nothing is left behind."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _append_key(file: str, path: Path) -> Key:
    before = read_text(path) if path.exists() else ""
    known = parse_keys(file, before) if before.strip() else ()
    serial = max((int(key.id[1:]) for key in known), default=0) + 1
    key = Key(f"{KEY_FILES[file]}{serial}", secrets.token_bytes(KEY_BYTES))
    line = f"{key.id}:{base64.b64encode(key.secret).decode()}\n"
    scratch = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as writer:
            writer.write(before if not before or before.endswith("\n") else before + "\n")
            writer.write(line)
            writer.flush()
            os.fsync(writer.fileno())
        if before:
            os.replace(scratch, path)
        else:
            try:
                os.link(scratch, path)
            except FileExistsError:
                return keys(file)[-1]
    finally:
        scratch.unlink(missing_ok=True)
    return key


def ensure_key_files() -> None:
    """Make what is missing where the installation may make it; production must bring its own."""
    for file in KEY_FILES:
        keys(file)


def key_in_use(file: str) -> Key:
    """The newest key of a file."""
    return keys(file)[-1]


def seal(text: str, *, bound_to: str) -> Sealed:
    """Encrypt ``text``. It opens only together with the same ``bound_to`` (the row's own key)."""
    key = key_in_use(IDENTITY_KEYS)
    nonce = secrets.token_bytes(NONCE_BYTES)
    data = nonce + AESGCM(key.secret).encrypt(nonce, text.encode(), bound_to.encode())
    return Sealed(key.id, data)


def unseal(sealed: Sealed, *, bound_to: str) -> str:
    """Decrypt; SealBroken when a bit or the row differs, KeyUnavailable when the key is gone."""
    for key in keys(IDENTITY_KEYS):
        if key.id == sealed.key_id:
            break
    else:
        raise KeyUnavailable(file=IDENTITY_KEYS, reason=sealed.key_id)
    nonce, data = sealed.data[:NONCE_BYTES], sealed.data[NONCE_BYTES:]
    try:
        return AESGCM(key.secret).decrypt(nonce, data, bound_to.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def fingerprint(text: str) -> bytes:
    """HMAC-SHA256 under the look-up key: equal texts find each other, nobody reads them back."""
    key = key_in_use(LOOKUP_KEYS)
    return hmac.new(key.secret, text.encode(), hashlib.sha256).digest()
