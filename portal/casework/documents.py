"""Files of subjects: judged by content, stored once under their hash, read back against it."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.db.models import Max
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from portal.casework.errors import DocumentLost, DocumentTooLarge, DocumentUnreadable
from portal.casework.models import Document
from portal.journal.operations import record_event

FOLDER = "documents"
MIB = 1024**2
CHUNK = MIB
NAME_LENGTH = 200
PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP, CSV, JSON = "application/zip", "text/csv", "application/json"
SCANS = frozenset({PDF, JPEG, PNG})
# The first bytes say what a file is; its name and the browser's word say nothing.
_BEGINNINGS = (
    (b"%PDF-", PDF),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"PK\x03\x04", ZIP),
)
# What looks for the first page stops here: a file of anybody may name any number of object streams
# of any size, and one that breaks off counts as much as the largest.
_INFLATE_LIMIT = 4 * MIB
_STREAM_LIMIT = MIB // 4
_STREAMS_TRIED = 4096
_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_OBJECT_STREAM = re.compile(rb"/ObjStm[^>]{0,1000}+>>\s{0,8}stream\r?\n")
_SMALLEST_IMAGE = 100


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of one file that was judged, and what it is."""

    data: bytes
    media_type: str
    name: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def limit_bytes() -> int:
    """The largest file that policy admits."""
    return int(policy_number("document.limit_mib")) * MIB


def read_upload(sent: UploadedFile, *, kinds: frozenset[str] = SCANS) -> Upload:
    """A form's file; one too large is refused before it is read."""
    limit = limit_bytes()
    if (sent.size or 0) > limit:
        raise DocumentTooLarge(limit_mib=limit // MIB)
    return parse_upload(sent.read(), name=sent.name or "", kinds=kinds)


def parse_upload(data: bytes, *, name: str, kinds: frozenset[str] = SCANS) -> Upload:
    """DocumentUnreadable unless the content is whole and of one of ``kinds``."""
    limit = limit_bytes()
    if len(data) > limit:
        raise DocumentTooLarge(limit_mib=limit // MIB)
    name = Path(name.replace("\\", "/")).name.strip()[-NAME_LENGTH:] or "file"
    if not data:
        raise DocumentUnreadable(name=name, reason=_("文件是空的"))
    media_type = _media_type(data)
    if media_type not in kinds:
        raise DocumentUnreadable(name=name, reason=_wanted(kinds))
    if media_type == PDF and not pdf_has_a_page(data):
        raise DocumentUnreadable(name=name, reason=_("PDF 里没有任何页面，或文件不完整"))
    if media_type in (JPEG, PNG) and len(data) < _SMALLEST_IMAGE:
        raise DocumentUnreadable(name=name, reason=_("图片不完整"))
    return Upload(data, media_type, name)


def _media_type(data: bytes) -> str:
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            if media_type == ZIP and b"xl/workbook.xml" in data:
                return XLSX
            return media_type
    try:
        text = data.decode("utf-8-sig").lstrip()
    except UnicodeDecodeError:
        return "application/octet-stream"
    if text.startswith(("{", "[")):
        return JSON
    if "\x00" not in text and "," in text.partition("\n")[0]:
        return CSV
    return "text/plain"


def _wanted(kinds: frozenset[str]) -> str | Promise:
    if kinds == SCANS:
        return _("内容不是 PDF、JPEG 或 PNG（扩展名不算数）")
    return _("内容不是所需的格式（扩展名不算数）")


def pdf_has_a_page(data: bytes) -> bool:
    """Whether a PDF ends and holds a page object, openly or in a compressed object stream."""
    if b"%%EOF" not in data[-2048:]:
        return False
    return _PAGE.search(data) is not None or _page_in_object_streams(data)


def _page_in_object_streams(data: bytes) -> bool:
    """In time that grows with the file alone: each name is looked at once, a bounded way ahead."""
    view, budget, at = memoryview(data), _INFLATE_LIMIT, -1
    for _tried in range(_STREAMS_TRIED):
        at = data.find(b"/ObjStm", at + 1)
        if at < 0 or budget <= 0:
            return False
        begun = _OBJECT_STREAM.match(data, at)
        if begun is None:
            continue
        limit = min(budget, _STREAM_LIMIT)
        try:
            text = zlib.decompressobj().decompress(
                view[begun.end() : begun.end() + _STREAM_LIMIT], limit
            )
        except zlib.error:
            budget -= limit
            continue
        if _PAGE.search(text):
            return True
        budget -= max(len(text), 1)
    return False


@write_transaction
def add_document(
    *,
    subject_kind: str,
    subject_key: uuid.UUID,
    kind: str,
    upload: Upload,
    actor: User | None,
) -> Document:
    """Keep a file as the next version of its kind; the former versions stay."""
    store(upload)
    with connection.cursor() as cursor:
        # Two uploads of one kind get their versions one after the other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"document:{subject_kind}:{subject_key}:{kind}"],
        )
    latest = Document.objects.filter(
        subject_kind=subject_kind, subject_key=subject_key, kind=kind
    ).aggregate(latest=Max("version"))["latest"]
    document = Document.objects.create(
        subject_kind=subject_kind,
        subject_key=subject_key,
        kind=kind,
        version=(latest or 0) + 1,
        file_name=upload.name,
        media_type=upload.media_type,
        size_bytes=len(upload.data),
        sha256=upload.sha256,
        added_by=actor,
    )
    document.refresh_from_db()
    record_event(
        subject_kind="document",
        subject_key=document.key,
        verb="added",
        actor_key=actor.key if actor else None,
        facts={
            "of": f"{subject_kind}:{subject_key}",
            "kind": kind,
            "version": document.version,
            "sha256": document.sha256,
        },
    )
    return document


def store(upload: Upload) -> Path:
    """Write the bytes under their hash, synced, readable by the portal alone; equal ones once."""
    path = path_of_hash(upload.sha256)
    if path.exists() and path.stat().st_size == len(upload.data):
        return path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as writer:
            writer.write(upload.data)
            writer.flush()
            os.fsync(writer.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def path_of_hash(sha256: str) -> Path:
    return Path(settings.MEDIA_ROOT) / FOLDER / sha256[:2] / sha256


def content_of(document: Document) -> bytes:
    """The stored bytes, compared with the hash on record; DocumentLost where they differ."""
    try:
        data = path_of_hash(document.sha256).read_bytes()
    except OSError as error:
        raise DocumentLost() from error
    if hashlib.sha256(data).hexdigest() != document.sha256:
        raise DocumentLost()
    return data


def latest_documents(subject_kind: str, subject_key: uuid.UUID) -> dict[str, Document]:
    """The newest version of each kind."""
    rows = Document.objects.filter(subject_kind=subject_kind, subject_key=subject_key)
    return {row.kind: row for row in rows.order_by("version")}


def orphans(*, older_than_s: float, now_s: float) -> Iterator[Path]:
    """Files without a row (of acts that were rolled back) that are older than an act can last."""
    for path in (Path(settings.MEDIA_ROOT) / FOLDER).glob("*/*"):
        if now_s - path.stat().st_mtime < older_than_s:
            continue
        if not Document.objects.filter(sha256=path.name).exists():
            yield path
