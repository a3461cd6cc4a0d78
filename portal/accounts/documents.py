"""Scans that people bring: judged by content, kept without a name, read through a gate."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from portal.accounts.errors import DocumentRefused
from portal.accounts.models import IdentityDocument

FOLDER = "identity"
LIMIT_MIB = 10
LIMIT_FILES = 6
# The first bytes say what a file is; its name and the browser's word say nothing.
MEDIA_TYPES = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """The bytes of one PDF, JPEG or PNG."""

    data: bytes
    media_type: str

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()


def parse_scan(data: bytes) -> Scan:
    """DocumentRefused unless it is a PDF, JPEG or PNG of at most LIMIT_MIB."""
    if len(data) <= LIMIT_MIB * 1024**2:
        for beginning, media_type in MEDIA_TYPES.items():
            if data.startswith(beginning):
                return Scan(data, media_type)
    raise DocumentRefused(limit_mib=LIMIT_MIB, count=LIMIT_FILES)


def parse_scans(sent: Sequence[UploadedFile]) -> list[Scan]:
    """The files of a form; one too large is refused before it is read."""
    limit = LIMIT_MIB * 1024**2
    if len(sent) > LIMIT_FILES or any((file.size or 0) > limit for file in sent):
        raise DocumentRefused(limit_mib=LIMIT_MIB, count=LIMIT_FILES)
    return [parse_scan(file.read()) for file in sent]


def store_scan(scan: Scan) -> str:
    """Write the file, synced and readable by the portal alone; its path below MEDIA_ROOT.

    When the act is rolled back the file stays without a row, until ``orphans`` finds it.
    """
    name = uuid.uuid4().hex
    stored_path = f"{FOLDER}/{name[:2]}/{name}"
    path = Path(settings.MEDIA_ROOT) / stored_path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as writer:
        writer.write(scan.data)
        writer.flush()
        os.fsync(writer.fileno())
    return stored_path


def path_of(document: IdentityDocument) -> Path:
    """Where the file lies, or lay before it was erased."""
    return Path(settings.MEDIA_ROOT) / document.stored_path


def orphans(*, older_than_s: float, now_s: float) -> Iterator[Path]:
    """Files without a row that are older than an act can last."""
    root = Path(settings.MEDIA_ROOT)
    for path in (root / FOLDER).glob("*/*"):
        if now_s - path.stat().st_mtime < older_than_s:
            continue
        if not IdentityDocument.objects.filter(stored_path=str(path.relative_to(root))).exists():
            yield path
