"""Public tiles as they were sent: packed once, kept in files under their geometry version.

A tile under a version never changes, so a file that is there is right. Files of former versions are
swept away; losing the folder loses nothing but time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from layers.registry import PUBLIC_LAYERS, Layer
from layers.tiles import geometry_version
from portal.base.negotiation import pack, unpack

FREE_BYTES_LEFT = 1 << 30  # A map that is looked at must never fill the disk.
SUFFIX = {"br": ".br", "gzip": ".gz", "identity": ".mvt"}


def place(layer: Layer, version: int, z: int, x: int, y: int, encoding: str) -> Path:
    """The file of one tile in one packing."""
    name = f"{layer.name}/{version}/{z}/{x}/{y}{SUFFIX[encoding]}"
    return Path(f"{settings.TILE_STORE}/{name}")


def stored(layer: Layer, version: int, z: int, x: int, y: int, encoding: str) -> bytes | None:
    """The tile as kept, packed as asked for; None when it was not made yet.

    It is kept in the packing that was asked for first, and in another from when that is asked for.
    """
    for kept in (encoding, *(other for other in SUFFIX if other != encoding)):
        with suppress(OSError):
            packed = place(layer, version, z, x, y, kept).read_bytes()
            if kept == encoding:
                return packed
            packed = pack(unpack(packed, kept), encoding)
            store(layer, version, z, x, y, packed, encoding)
            return packed
    return None


def newest_stored(layer: Layer, z: int, x: int, y: int) -> int | None:
    """The newest version under which this tile is kept."""
    with suppress(OSError):
        versions = Path(settings.TILE_STORE) / layer.name
        numbers = sorted(int(name) for name in os.listdir(versions) if name.isdecimal())
        if numbers and any(
            place(layer, numbers[-1], z, x, y, encoding).exists() for encoding in SUFFIX
        ):
            return numbers[-1]
    return None


def store(layer: Layer, version: int, z: int, x: int, y: int, packed: bytes, encoding: str) -> None:
    """Keep a public tile as it travels; a disk that refuses is no reason to refuse the tile."""
    if layer.staff_only:
        raise ValueError(f"{layer.name} is not public and is never kept")
    with suppress(OSError):
        root = Path(settings.TILE_STORE)
        root.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(root).free < FREE_BYTES_LEFT:
            return
        write_whole(place(layer, version, z, x, y, encoding), packed)


def write_whole(path: Path, content: bytes) -> None:
    """A reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        with suppress(OSError):
            os.unlink(name)
        raise


def sweep() -> int:
    """Remove the tiles of other versions than the present; returns how many versions went.

    Later ones too: a register restored from a backup counts on from an earlier version.
    """
    gone = 0
    for layer in PUBLIC_LAYERS.values():
        present = geometry_version(layer)
        versions = Path(settings.TILE_STORE) / layer.name
        for old in versions.iterdir() if versions.is_dir() else ():
            if old.name.isdecimal() and int(old.name) != present:
                shutil.rmtree(old, ignore_errors=True)
                gone += 1
    return gone
