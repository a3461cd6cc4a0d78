"""The gate before any parser: size, archive entries, names, ratio, and what the bytes are."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from parcels.intake.refusal import Refused

MIB = 1024**2
NESTED_ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".kmz", ".ovkmz")
_ENCRYPTED = 0x1
_MOST_OF_ALL = 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost; each is refused with its own message."""

    file_bytes: int = 50 * MIB
    entries: int = 500
    ratio: int = 200
    unpacked_bytes: int = 2048 * MIB
    vertices: int = 100_000
    nesting: int = 40
    features: int = 2_000_000
    text_bytes: int = 600 * MIB
    cpu_seconds: int = 900
    memory_bytes: int = 4096 * MIB
    silence_seconds: int = 180

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def check_size(path: Path, limits: Limits) -> int:
    """Refuse what is absent, empty or larger than the limit; returns the bytes."""
    if not path.is_file():
        raise Refused("file_missing", name=path.name)
    size = path.stat().st_size
    if size == 0:
        raise Refused("file_empty", name=path.name)
    if size > limits.file_bytes:
        raise Refused("file_too_large", size_mib=size // MIB, limit_mib=limits.file_bytes // MIB)
    return size


def entry_name(entry: zipfile.ZipInfo) -> str:
    """The entry's name in the encoding it was really written in.

    Without the UTF-8 flag zipfile reads names as code page 437; Chinese Windows writes GBK there.
    """
    if entry.flag_bits & 0x800:
        return entry.filename
    raw = entry.filename.encode("cp437", errors="replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def declared_entries(path: Path) -> int:
    """The number of entries that the end record declares, read before anything is listed."""
    with path.open("rb") as source:
        source.seek(max(0, path.stat().st_size - 66_000))
        tail = source.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 12 > len(tail):
        raise Refused("zip_damaged")
    count: int = struct.unpack_from("<H", tail, at + 10)[0]
    return count


def check_entry(entry: zipfile.ZipInfo, limits: Limits) -> PurePosixPath:
    """Refuse names that lead out of the folder, links, locks, archives within, and bombs."""
    name = entry_name(entry)
    path = PurePosixPath(name.replace("\\", "/"))
    shown = name[:120]
    if path.is_absolute() or re.match(r"^[A-Za-z]:", name) or "\x00" in name:
        raise Refused("zip_name_absolute", name=shown)
    if ".." in path.parts:
        raise Refused("zip_name_leads_out", name=shown)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Refused("zip_has_link", name=shown)
    if entry.flag_bits & _ENCRYPTED:
        raise Refused("zip_encrypted", name=shown)
    if path.suffix.lower() in NESTED_ARCHIVES:
        raise Refused("zip_nested", name=shown)
    if entry.file_size > MIB and entry.file_size > limits.ratio * max(entry.compress_size, 1):
        raise Refused("zip_ratio", name=shown, limit=limits.ratio)
    return path


def unpack(path: Path, into: Path, limits: Limits) -> dict[str, Path]:
    """Unpack a zip under names of our own; returns the original relative name → the file."""
    # 0xFFFF stands for "more, see the 64-bit record": over our limit either way.
    if (count := declared_entries(path)) > limits.entries:
        raise Refused("zip_entries", entries=count, limit=limits.entries)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise Refused("zip_damaged") from error
    unpacked: dict[str, Path] = {}
    with archive:
        entries = archive.infolist()
        if len(entries) > limits.entries:
            raise Refused("zip_entries", entries=len(entries), limit=limits.entries)
        # Not is_dir(): it stumbles over an entry without a name.
        files = [entry for entry in entries if not entry.filename.endswith("/")]
        checked = [(entry, check_entry(entry, limits)) for entry in files]
        if sum(entry.file_size for entry, _path in checked) > limits.unpacked_bytes:
            raise Refused("zip_unpacked_size", limit_mib=limits.unpacked_bytes // MIB)
        room = shutil.disk_usage(into).free * _MOST_OF_ALL
        if sum(entry.file_size for entry, _path in checked) > room:
            raise Refused("zip_unpacked_size", limit_mib=int(room) // MIB)
        for at, (entry, name) in enumerate(checked):
            target = into / f"{at}{name.suffix.lower()}"
            _unpack_one(archive, entry, target)
            unpacked[str(name)] = target
    if not unpacked:
        raise Refused("zip_empty")
    return unpacked


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one entry and stop where it is larger than it said."""
    written = 0
    try:
        with archive.open(entry) as source, target.open("wb") as sink:
            while piece := source.read(MIB):
                written += len(piece)
                if written > entry.file_size:
                    raise Refused("zip_damaged")
                sink.write(piece)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise Refused("zip_damaged") from error
    except Exception as error:  # zlib.error and friends derive from Exception alone.
        if isinstance(error, Refused):
            raise
        raise Refused("zip_damaged") from error


def head_of(path: Path, count: int = 4096) -> bytes:
    """The first bytes, by which a format is known; names and suffixes are not believed."""
    with path.open("rb") as source:
        return source.read(count)


def limits_from_json(given: dict[str, Any]) -> Limits:
    """The other side of ``Limits.as_json``."""
    return Limits(**{name: int(value) for name, value in given.items()})
