"""What the tests ask of the reader, always through its own door."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from parcels.intake.errors import IntakeError, reject_message
from parcels.intake.reader import Choices, Inspection, Limits, Reject, inspect_file, read_batches
from tests.factories.files import METRE_LAT, METRE_LON

Answer = TypeVar("Answer")
CHINESE = re.compile(r"[\u4e00-\u9fff]{2}")
ADVICE = re.compile("请|可以|可选|需要|须")


@dataclass
class Found:
    """Everything that a file gave."""

    rows: list[int] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    shapes: list[Any] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def look(path: Path, *, limits: Limits = Limits(), **choices: Any) -> Inspection:
    return inspect_file(path, choices=Choices(**choices), limits=limits)


def read(path: Path, *, limits: Limits = Limits(), **choices: Any) -> Found:
    found = Found()
    for batch in read_batches(path, choices=Choices(**choices), limits=limits):
        found.rows += batch.rows
        found.shapes += list(shapely.from_wkb(batch.wkb))
        found.rejects += batch.rejects
        for name, values in batch.columns.items():
            found.columns.setdefault(name, []).extend(values)
    return found


def refusal(path: Path, *, limits: Limits = Limits(), **choices: Any) -> IntakeError:
    """Why the file is refused; not one batch of it came out, and the words are fit for people."""
    batches = []
    with pytest.raises(IntakeError) as caught:
        for batch in read_batches(path, choices=Choices(**choices), limits=limits):
            batches.append(batch)
    assert batches == []
    assert_says_what_to_do(str(caught.value))
    return caught.value


def at_once(ask: Callable[[Path], Answer], paths: Iterable[Path]) -> list[Answer]:
    """The same question about several files, as many readers side by side as there are cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(ask, paths))


def notices(inspection: Inspection) -> list[str]:
    """Codes of the notices; their words are fit for people."""
    for notice in inspection.as_json()["notices"]:
        assert CHINESE.search(notice["message"]), notice
        assert "{" not in notice["message"]
    return [notice["code"] for notice in inspection.raw["notices"]]


def assert_says_what_to_do(message: str) -> None:
    assert CHINESE.search(message), message
    assert ADVICE.search(message), message
    assert message.endswith(("。", "）")), message
    assert not re.search(r"[{}?]", message), f"a fact is missing: {message}"


def words(reject: Reject) -> str:
    message = reject_message(reject.code, reject.params)
    assert_says_what_to_do(message)
    return message


def metres_between(found: Any, expected: NDArray[Any] | list[tuple[float, float]]) -> float:
    """The largest distance from a vertex of one to the nearest of the other, near the city."""
    scale = np.array([1 / METRE_LON, 1 / METRE_LAT])
    points = shapely.get_coordinates(found) * scale
    wanted = np.asarray(expected, dtype=float) * scale
    apart = np.hypot(*(points[:, None, :] - wanted[None, :, :]).transpose(2, 0, 1))
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def reader_processes() -> list[int]:
    """Children of this process that read files, zombies too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        is_reader = b"parcels.intake.child" in command or after_name[0] == "Z"
        if int(after_name[1]) == os.getpid() and is_reader:
            found.append(int(folder.name))
    return found
