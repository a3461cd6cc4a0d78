"""A file from a form, held on disk under its own suffix for as long as a request needs it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from parcels.imports.errors import UploadTooLarge
from parcels.intake.errors import IntakeError


@contextmanager
def receive_upload(sent: UploadedFile) -> Iterator[Path]:
    """Write ``sent`` to a scratch file named by us; only its suffix is the sender's."""
    if sent.size is not None and sent.size > settings.UPLOAD_LIMIT_BYTES:
        raise UploadTooLarge(
            size_mib=sent.size // 1024**2, limit_mib=settings.UPLOAD_LIMIT_BYTES // 1024**2
        )
    suffix = Path(str(sent.name)).suffix.lower()
    if not re.fullmatch(r"\.[a-z0-9]{1,10}", suffix):
        suffix = ""
    scratch = Path(settings.UPLOAD_SCRATCH)
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / f"{uuid.uuid4().hex}{suffix}"
    try:
        with path.open("wb") as target:
            for piece in sent.chunks():
                target.write(piece)
        yield path
    except IntakeError as error:
        # People know the file by the name that they gave it, not by ours.
        if error.facts.get("name") == path.name:
            error.facts["name"] = str(sent.name)
        raise
    finally:
        path.unlink(missing_ok=True)
