"""The handbooks' pictures, taken by the browser tests: ``make pictures`` takes them all anew."""

from __future__ import annotations

import os
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from portal.site.handbooks.books import HANDBOOKS
from portal.site.handbooks.rendering import PICTURES, links_of, parse

WANTED = "HANDBOOK_PICTURES"
WIDTH_MOST = 1200
QUALITY = 60


def pictures_in(path: Path) -> list[Path]:
    """The picture files that a handbook shows."""
    shown = [token for token in links_of(parse(path)) if token.type == "image"]
    return [(path.parent / str(token.attrs["src"])).resolve() for token in shown]


@cache
def referred() -> dict[str, Path]:
    """The name of each picture that some handbook shows, and its file."""
    texts = [path for book in HANDBOOKS for path in book.files.values()]
    return {file.stem: file for text in texts for file in pictures_in(text)}


def keep_for_handbooks(shot: bytes, name: str) -> None:
    """Put the screenshot where the handbooks look for it, when they do and when it is asked for."""
    if not os.environ.get(WANTED) or name not in referred():
        return
    picture = Image.open(BytesIO(shot)).convert("RGB")
    if picture.width > WIDTH_MOST:
        height = round(picture.height * WIDTH_MOST / picture.width)
        picture = picture.resize((WIDTH_MOST, height), Image.Resampling.LANCZOS)
    PICTURES.mkdir(exist_ok=True)
    picture.save(referred()[name], quality=QUALITY, method=6)
