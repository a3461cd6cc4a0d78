"""Where a JPEG says it was taken: the GPS part of its EXIF block, read without trusting a byte."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_APP1, _EXIF = 0xE1, b"Exif\x00\x00"
_GPS_POINTER = 0x8825
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_RATIONAL, _ASCII = 5, 2
_ENTRIES_MAX = 200


def place_of(jpeg: bytes) -> tuple[float, float] | None:
    """(longitude, latitude) in degrees, or None where the picture says none or says it badly."""
    try:
        for block in _exif_blocks(jpeg):
            return _place_in(block)
    except (struct.error, IndexError, ZeroDivisionError, ValueError):
        return None
    return None


def _exif_blocks(jpeg: bytes) -> Iterator[bytes]:
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if length < 2:
            return
        block = jpeg[at + 4 : at + 2 + length]
        if marker == _APP1 and block.startswith(_EXIF):
            yield block[len(_EXIF) :]
        at += 2 + length


def _place_in(block: bytes) -> tuple[float, float] | None:
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None
    first = struct.unpack(f"{order}I", block[4:8])[0]
    pointer = _directory(block, first, order).get(_GPS_POINTER)
    if pointer is None:
        return None
    found = _directory(block, struct.unpack(f"{order}I", pointer[2])[0], order)
    latitude = _degrees(block, found, _LATITUDE, _LATITUDE_REF, order, b"S")
    longitude = _degrees(block, found, _LONGITUDE, _LONGITUDE_REF, order, b"W")
    if latitude is None or longitude is None:
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return longitude, latitude


def _directory(block: bytes, at: int, order: str) -> dict[int, tuple[int, int, bytes]]:
    """Tag → (type, count, the four bytes of its value or of its offset)."""
    count = struct.unpack(f"{order}H", block[at : at + 2])[0]
    if count > _ENTRIES_MAX:
        raise ValueError(count)
    entries = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack(f"{order}HHI", block[place : place + 8])
        entries[tag] = (kind, number, block[place + 8 : place + 12])
    return entries


def _degrees(
    block: bytes,
    found: dict[int, tuple[int, int, bytes]],
    tag: int,
    reference: int,
    order: str,
    negative: bytes,
) -> float | None:
    if tag not in found or reference not in found:
        return None
    kind, count, value = found[tag]
    if kind != _RATIONAL or count != 3 or found[reference][0] != _ASCII:
        return None
    at = struct.unpack(f"{order}I", value)[0]
    six: tuple[int, ...] = struct.unpack(f"{order}6I", block[at : at + 24])
    degrees, minutes, seconds = (six[place] / six[place + 1] for place in (0, 2, 4))
    angle: float = degrees + minutes / 60 + seconds / 3600
    return -angle if found[reference][2][:1] == negative else angle
