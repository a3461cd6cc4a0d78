"""Pictures with and without a place; no logic."""

from __future__ import annotations

import io

from PIL import Image

_GPS = 0x8825


def jpeg(place: tuple[float, float] | None = None) -> bytes:
    """A small JPEG, tagged with (longitude, latitude) as phones do."""
    image = Image.new("RGB", (64, 48), (40, 110, 70))
    exif = image.getexif()
    if place is not None:
        exif[_GPS] = {
            1: "N" if place[1] >= 0 else "S",
            2: _parts(place[1]),
            3: "E" if place[0] >= 0 else "W",
            4: _parts(place[0]),
        }
    written = io.BytesIO()
    image.save(written, "JPEG", exif=exif)
    return written.getvalue()


def _parts(angle: float) -> tuple[float, float, float]:
    angle = abs(angle)
    degrees, minutes = int(angle), int(angle * 60 % 60)
    return degrees, minutes, round(angle * 3600 % 60, 4)
