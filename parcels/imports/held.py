"""A file that was looked at and waits for an answer: kept once, known by a signed word.

The reader chooses nothing silently. What it read a file in is shown and may be changed, and what it
only guessed is answered by a person before anything comes of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _

from parcels.imports.errors import CoordinateSystemOpen, EncodingOpen
from parcels.imports.originals import store_original
from parcels.imports.suspicion import shift_notices
from parcels.intake.reader import Inspection
from parcels.stage import stage_config
from portal.base.errors import InvalidInput

SALT = "parcels.held"
HOLD_S = 3600  # How long it may wait.


@dataclass(frozen=True, slots=True)
class Held:
    """The file under its own name; ``word`` is what a form sends back."""

    path: Path
    name: str
    word: str


def hold_file(path: Path, name: str) -> Held:
    """Keep a file until its form comes back."""
    _sha256, stored_path = store_original(path)
    word = signing.dumps({"path": stored_path, "name": name}, salt=SALT)
    return Held(Path(settings.MEDIA_ROOT) / stored_path, name, word)


def held_file(word: str) -> Held:
    """The file that a form sends the word of; InvalidInput for a forged or an old one."""
    try:
        found = signing.loads(word, salt=SALT, max_age=HOLD_S)
    except signing.BadSignature as error:
        raise InvalidInput(field=_("文件"), reason=_("请重新选择文件")) from error
    return Held(Path(settings.MEDIA_ROOT) / found["path"], found["name"], word)


def refuse_guesses(found: Inspection, *, with_texts: bool = True) -> None:
    """CoordinateSystemOpen, or EncodingOpen where texts are taken, if the reader could only guess."""
    if found.crs.needs_question:
        raise CoordinateSystemOpen()
    if with_texts and found.encoding is not None and not found.encoding.certain:
        raise EncodingOpen()


def reading_of(found: Inspection) -> dict[str, Any]:
    """How a file was read, with the alternatives, for ``parcels/imports/_reading.html``."""
    seen = found.as_json()
    encoding = found.encoding
    return {
        "crs": seen["crs"],
        "encoding": seen["encoding"],
        "layer": found.layer,
        "layers": seen["layers"],
        "notices": [*seen["notices"], *shift_notices(found)],
        "crs_open": found.crs.needs_question,
        "encoding_open": encoding is not None and not encoding.certain,
        "map": {**stage_config(), "shapes": seen["preview"]},
    }
