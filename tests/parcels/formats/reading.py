"""Reading a file with all of the reader's code, but in the process of the test: it is quicker.

What a process of its own is for (limits, crashes, no secrets) is tested elsewhere.
"""

from __future__ import annotations

import io
import json
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from parcels.intake import child
from parcels.intake.errors import notice_message, reject_message
from parcels.intake.gate import Limits

SAMPLES = Path(__file__).resolve().parents[3] / "fixtures" / "samples"
LIMITS = Limits()
# Metres in a degree near the city, for distances between shapes.
METRES = np.array([80_286.0, 111_112.0])


@dataclass
class Read:
    """What a file gave."""

    shapes: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    rejects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        return [reject["code"] for reject in self.rejects]


def frames(path: Path, what: str, limits: Limits, choices: dict[str, Any]) -> Iterator[bytes]:
    given = {"layer": None, "crs_epsg": None, "encoding": None, **choices}
    request = {"what": what, "path": str(path), "choices": given, "limits": limits.as_json()}
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as scratch:
        child.answer(request, Path(scratch), out)
    data, at = out.getvalue(), 0
    while at < len(data):
        _kind, length = struct.unpack_from(">cI", data, at)
        yield data[at + 5 : at + 5 + length]
        at += 5 + length


def look(path: Path, *, limits: Limits = LIMITS, **choices: Any) -> dict[str, Any]:
    """The inspection. Every notice and problem has its words."""
    [answer] = frames(path, "inspect", limits, choices)
    found: dict[str, Any] = json.loads(answer)
    for notice in found["notices"]:
        assert "{" not in notice_message(notice["code"], notice["params"])
    for problem in found["problems"]:
        assert "{" not in reject_message(problem["code"], problem["params"])
    return found


def notices(path: Path, **choices: Any) -> list[str]:
    return [notice["code"] for notice in look(path, **choices)["notices"]]


def read(path: Path, *, limits: Limits = LIMITS, **choices: Any) -> Read:
    """All features, and the same number of answers as features were announced."""
    found, total = Read(), 0
    answers = frames(path, "read", limits, choices)
    for answer in answers:
        head = json.loads(answer)
        if head.get("end"):
            break
        blob, at = next(answers), 0
        for length in head["lengths"]:
            found.shapes.append(shapely.from_wkb(blob[at : at + length]))
            at += length
        found.rows += head["rows"]
        found.rejects += head["rejects"]
        for name, values in head["columns"].items():
            found.columns.setdefault(name, []).extend(values)
        total = head["total"]
    assert len(found.shapes) + len(found.rejects) == total
    assert all(len(values) == len(found.shapes) for values in found.columns.values())
    for reject in found.rejects:
        message = reject_message(reject["code"], reject["params"])
        assert "请" in message or "须" in message, message
    return found


def metres_apart(one: Any, other: Any) -> float:
    """The largest distance between two boundaries."""
    flat = [shapely.transform(shape, lambda points: points * METRES) for shape in (one, other)]
    return float(shapely.hausdorff_distance(flat[0].boundary, flat[1].boundary))


def holes(shape: Any) -> int:
    return int(shapely.get_num_interior_rings(shapely.get_parts(shape)).sum())
