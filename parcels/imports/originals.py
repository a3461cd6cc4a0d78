"""Files as they came, kept under their hash."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

from django.conf import settings

from parcels.models import ImportRecord


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def store_original(path: Path) -> tuple[str, str]:
    """Keep the file under its hash; returns (SHA-256, path below MEDIA_ROOT)."""
    sha256 = sha256_of(path)
    relative = Path("imports") / sha256[:2] / f"{sha256}{path.suffix.lower()}"
    target = Path(settings.MEDIA_ROOT) / relative
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{uuid.uuid4().hex}.part")
        shutil.copyfile(path, partial)
        partial.replace(target)
    return sha256, str(relative)


def original_path(record: ImportRecord) -> Path:
    """Where the file of an import lies."""
    return Path(settings.MEDIA_ROOT) / record.stored_path
