"""The door to files: each is opened in a process of its own, and only plain values come back."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from parcels.intake.errors import IntakeError, notice_message, reject_message
from parcels.intake.features import Batch, Reject
from parcels.intake.gate import Limits

__all__ = ["Batch", "Choices", "Inspection", "Limits", "Reject", "inspect_file", "read_batches"]

ROOT = Path(__file__).resolve().parents[2]
FRAME_BYTES = 1 << 30
# GDAL: no VRT (it reads other files of the server), no network, and no cache beside the data.
CHILD_ENVIRONMENT = {
    "GDAL_SKIP": "OGR_VRT VRT DODS WFS WMS WCS OAPIF HTTP CSW Elasticsearch Carto AmigoCloud",
    "OGR_SKIP": "OGR_VRT",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_PAM_ENABLED": "NO",
    "SHAPE_RESTORE_SHX": "YES",
    "PROJ_NETWORK": "OFF",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True, slots=True)
class Choices:
    """How a file is to be read; None means "propose"."""

    layer: str | None = None
    crs_epsg: int | None = None
    encoding: str | None = None
    seven_parameters: tuple[float, ...] | None = None  # From an older datum; see ``datums``.

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Choices:
        epsg = given.get("crs_epsg")
        return cls(
            layer=given.get("layer") or None,
            crs_epsg=int(epsg) if epsg else None,
            encoding=given.get("encoding") or None,
            seven_parameters=tuple(given.get("seven_parameters") or ()) or None,
        )


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the file with a few of its values."""

    name: str
    type: str
    samples: list[str]


@dataclass(frozen=True, slots=True)
class ReadEncoding:
    """The encoding in which the attributes were read."""

    value: str
    how: str
    certain: bool


@dataclass(frozen=True, slots=True)
class ReadCrs:
    """The coordinate system in which the numbers were read."""

    epsg: int
    name: str
    how: str
    certain: bool
    needs_question: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file holds, read with certain choices; ``raw`` is the whole answer as plain JSON."""

    raw: dict[str, Any]

    @property
    def format(self) -> str:
        return cast(str, self.raw["format"])

    @property
    def layer(self) -> str:
        return cast(str, self.raw["layer"])

    @property
    def feature_count(self) -> int:
        return cast(int, self.raw["feature_count"])

    @property
    def fields(self) -> list[Field]:
        return [Field(**found) for found in self.raw["fields"]]

    @property
    def encoding(self) -> ReadEncoding | None:
        found = self.raw["encoding"]
        if not found:
            return None
        return ReadEncoding(found["value"], found["how"], found["certain"])

    @property
    def crs(self) -> ReadCrs:
        found = self.raw["crs"]
        return ReadCrs(
            found["epsg"], found["name"], found["how"], found["certain"], found["needs_question"]
        )

    def as_json(self) -> dict[str, Any]:
        """For the import page: notices and problems in words."""
        return {
            **self.raw,
            "notices": [
                {"code": found["code"], "message": notice_message(found["code"], found["params"])}
                for found in self.raw["notices"]
            ],
            "problems": [
                {**found, "message": reject_message(found["code"], found["params"])}
                for found in self.raw["problems"]
            ],
        }


def parse_seven_parameters(text: str) -> tuple[float, ...] | None:
    """``X,Y,Z,RX,RY,RZ,scale`` in m, arc-seconds and ppm; None when empty.

    IntakeError unless it is seven finite numbers, not all nought.
    """
    cells = [cell for cell in re.split(r"[,，;；\s]+", text.strip()) if cell]
    if not cells:
        return None
    try:
        values = tuple(float(cell) for cell in cells)
    except ValueError as error:
        raise IntakeError("survey_parameters_wrong", written=text[:80]) from error
    if len(values) != 7 or not all(map(math.isfinite, values)) or not any(values):
        raise IntakeError("survey_parameters_wrong", written=text[:80])
    return values


def inspect_file(path: Path, *, choices: Choices, limits: Limits) -> Inspection:
    """Layers, fields, encoding, coordinate system, a preview and the problems of a file.

    IntakeError with a stable code when the file as a whole cannot be read.
    """
    with _child("inspect", path, choices, limits) as frames:
        return Inspection(raw=json.loads(next(frames)[1]))


def read_batches(path: Path, *, choices: Choices, limits: Limits) -> Generator[Batch, None, None]:
    """The features of a file, tested and in EPSG:4490, a thousand at a time; closed, its child ends."""
    with _child("read", path, choices, limits) as frames:
        for kind, payload in frames:
            head = json.loads(payload)
            if kind != b"J" or head.get("end"):
                return
            _kind, blob = next(frames)
            wkb, start = [], 0
            for length in head["lengths"]:
                wkb.append(blob[start : start + length])
                start += length
            yield Batch(
                rows=head["rows"],
                columns=head["columns"],
                wkb=wkb,
                warnings=[Reject(**found) for found in head["warnings"]],
                rejects=[Reject(**found) for found in head["rejects"]],
                total=head["total"],
            )


@contextmanager
def _child(
    what: str, path: Path, choices: Choices, limits: Limits
) -> Iterator[Iterator[tuple[bytes, bytes]]]:
    """Start the reader's process, hand on its frames, and see that it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="reader-") as scratch:
        process = subprocess.Popen(
            [sys.executable, "-m", "parcels.intake.child"],
            cwd=ROOT,
            env={**CHILD_ENVIRONMENT, "PATH": os.environ.get("PATH", ""), "TMPDIR": scratch},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin is not None
        request = {
            "what": what,
            "path": str(path.resolve()),
            "choices": choices.as_json(),
            "limits": limits.as_json(),
            "scratch": scratch,
        }
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(request).encode())
                process.stdin.close()
            yield _frames(process, limits)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _frames(process: subprocess.Popen[bytes], limits: Limits) -> Iterator[tuple[bytes, bytes]]:
    """The frames as they come; IntakeError when the process refuses, dies or falls silent."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)

        def take(count: int) -> bytes:
            pieces = []
            while count:
                if not selector.select(timeout=limits.silence_seconds):
                    process.kill()
                    raise IntakeError("reader_timeout", seconds=limits.silence_seconds)
                piece = os.read(descriptor, min(count, 1 << 20))
                if not piece:
                    raise _death(process, limits)
                pieces.append(piece)
                count -= len(piece)
            return b"".join(pieces)

        while True:
            kind, length = struct.unpack(">cI", take(5))
            if length > FRAME_BYTES:
                raise IntakeError("reader_crashed")
            payload = take(length)
            if kind == b"J" and payload.startswith(b'{"refused"'):
                found = json.loads(payload)
                raise IntakeError(found["refused"], **found["params"])
            yield kind, payload


def _death(process: subprocess.Popen[bytes], limits: Limits) -> IntakeError:
    """Why the process ended before its answer did."""
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return IntakeError("reader_timeout", seconds=limits.cpu_seconds)
    return IntakeError("reader_crashed")
