"""``python -m parcels.intake.child``: the process that opens strangers' files.

It is given one JSON request on standard input and answers in frames on standard output:
one byte of kind, four bytes of length (big-endian), the payload. ``J`` is JSON, ``W`` the WKB of
the batch announced before it, one after another. Its environment holds no secret, its time and
memory are limited by the kernel, and when it dies the portal lives.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

PREVIEW_FEATURES = 3000
INSPECTED_FEATURES = 20_000
SHOWN_PROBLEMS = 500
SAMPLES = 4
# Two decimals of an arc-second: the preview is for the eye.
PREVIEW_DIGITS = 6


def limit_myself(limits: dict[str, int]) -> None:
    """Before any parser is loaded: processor time, memory, file size, open files, no core."""
    for what, value in (
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_FSIZE, limits["unpacked_bytes"]),
        (resource.RLIMIT_NOFILE, 128),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (wanted, wanted))


def send(out: BinaryIO, kind: bytes, payload: bytes) -> None:
    out.write(kind + struct.pack(">I", len(payload)))
    out.write(payload)
    out.flush()


def send_json(out: BinaryIO, value: dict[str, Any]) -> None:
    # Lone surrogates from odd tables must not stop the pipe.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=str)
    send(out, b"J", text.encode("utf-8", errors="replace"))


def answer(request: dict[str, Any], scratch: Path, out: BinaryIO) -> None:
    """Open the file and do what was asked: ``inspect`` or ``read``."""
    from parcels.intake import crs as systems
    from parcels.intake.formats import open_file
    from parcels.intake.formats.source import pick_layer
    from parcels.intake.formats.survey_txt import SurveyText
    from parcels.intake.gate import check_size, limits_from_json

    limits = limits_from_json(request["limits"])
    path = Path(request["path"])
    choices = request["choices"]
    check_size(path, limits)
    seven = tuple(choices.get("seven_parameters") or ())
    source = open_file(path, scratch, limits)
    if isinstance(source, SurveyText):
        source.by_hand = seven
    layer = pick_layer(source.layers(), choices["layer"])
    opened = source.open_layer(layer.name, choices["encoding"])
    if layer.features > limits.features:
        raise_refused("too_many_features", limit=limits.features)
    if layer.features == 0:
        raise_refused("layer_empty", layer=layer.name)
    declared = None
    if choices["crs_epsg"] is None:
        declared = systems.from_text(opened.declared_crs, seven)
        if declared is None and opened.declared_crs:
            opened.notices.append(("crs_unreadable", {}))
    chosen = choices["encoding"] is not None
    if chosen and (opened.encoding is None or opened.encoding.how != "chosen"):
        opened.notices.append(("encoding_idle", {}))
    crs = systems.choose(
        declared=declared, chosen_epsg=choices["crs_epsg"], bounds=opened.bounds, seven=seven
    )
    systems.check_seven(crs, opened.bounds, seven)
    used = crs.older is not None or any(
        code == "seven_parameters_used" for code, _params in opened.notices
    )
    if seven and not used:
        opened.notices.append(("seven_parameters_idle", {}))
    if request["what"] == "inspect":
        send_json(out, inspect(source, opened, crs, limits))
        return
    for batch in judged(source, opened, crs, limits):
        lengths = [len(wkb) for wkb in batch.wkb]
        send_json(
            out,
            {
                "rows": batch.rows,
                "columns": batch.columns,
                "lengths": lengths,
                "warnings": [as_json(found) for found in batch.warnings],
                "rejects": [as_json(found) for found in batch.rejects],
                "total": layer.features,
            },
        )
        send(out, b"W", b"".join(batch.wkb))
    send_json(out, {"end": True})


def raise_refused(code: str, **params: Any) -> None:
    from parcels.intake.refusal import Refused

    raise Refused(code, **params)


def judged(source: Any, opened: Any, crs: Any, limits: Any) -> Iterator[Any]:
    """The batches of a layer after every test, with labels that people know."""
    from parcels.intake.columns import label_column
    from parcels.intake.features import judge

    column = label_column([name for name, _kind in opened.fields])
    for raw in source.batches(opened):
        values = raw.columns.get(column, []) if column else []
        labels = [str(value) if value is not None else "" for value in values]
        yield judge(raw, crs=crs, limits=limits, labels=labels or [""] * len(raw.rows))


def as_json(found: Any) -> dict[str, Any]:
    return {
        "row": found.row,
        "id": found.id,
        "code": found.code,
        "params": dict(found.params),
        "lon": found.lon,
        "lat": found.lat,
    }


def inspect(source: Any, opened: Any, crs: Any, limits: Any) -> dict[str, Any]:
    """What people must see before they commit: reading choices, fields, shapes, problems."""
    import shapely

    from parcels.intake import crs as systems
    from parcels.intake import encodings

    samples: dict[str, list[str]] = {name: [] for name, _kind in opened.fields}
    problems: list[dict[str, Any]] = []
    shapes: list[Any] = []
    rows: list[int] = []
    rejected = inspected = 0
    west, south, east, north = 1e9, 1e9, -1e9, -1e9
    for batch in judged(source, opened, crs, limits):
        inspected += len(batch.rows) + len(batch.rejects)
        rejected += len(batch.rejects)
        room = SHOWN_PROBLEMS - len(problems)
        problems.extend(as_json(found) for found in itertools.islice(batch.rejects, room))
        for name, values in batch.columns.items():
            for value in values:
                if len(samples[name]) >= SAMPLES:
                    break
                if value not in (None, "") and str(value)[:40] not in samples[name]:
                    samples[name].append(str(value)[:40])
        if batch.wkb:
            found = shapely.from_wkb(batch.wkb)
            low_x, low_y, high_x, high_y = shapely.total_bounds(found)
            west, south = min(west, low_x), min(south, low_y)
            east, north = max(east, high_x), max(north, high_y)
            keep = PREVIEW_FEATURES - len(shapes)
            if keep > 0:
                shapes.extend(found[:keep])
                rows.extend(batch.rows[:keep])
        if inspected >= INSPECTED_FEATURES:
            break
    bounds = [west, south, east, north] if west <= east else None
    notices = [*opened.notices, *((code, {}) for code in crs.notices)]
    if crs.swapped:
        notices.append(("axes_swapped", {}))
    if inspected < opened.layer.features:
        notices.append(("inspected_part", {"n": inspected}))
    if bounds is not None and not systems.within((west, south, east, north), systems.ILI):
        notices.append(("far_from_ili", {"lon": round(west, 2), "lat": round(south, 2)}))
    return {
        "format": source.format,
        "layers": [
            {"name": layer.name, "features": layer.features, "geometry": layer.geometry}
            for layer in source.layers()
        ],
        "layer": opened.layer.name,
        "fields": [
            {"name": name, "type": kind, "samples": samples[name]} for name, kind in opened.fields
        ],
        "encoding": opened.encoding
        and {
            "value": opened.encoding.value,
            "how": opened.encoding.how,
            "certain": opened.encoding.certain,
            "alternatives": [
                {"value": value, "label": label} for value, label in encodings.CHOICES
            ],
        },
        "crs": {
            "epsg": crs.epsg,
            "name": crs.name,
            "how": crs.how,
            "certain": crs.certain,
            "needs_question": crs.needs_question,
            "alternatives": systems.systems_as_json(),
        },
        "feature_count": opened.layer.features,
        "bounds": bounds,
        "preview": preview(shapes, rows, bounds),
        "notices": [{"code": code, "params": params} for code, params in notices],
        "problems": problems,
        "rejected": rejected,
    }


def preview(shapes: list[Any], rows: list[int], bounds: list[float] | None) -> dict[str, Any]:
    """Shapes thinned to a two-thousandth of the view."""
    import numpy as np
    import shapely

    if bounds is None:
        return {"type": "FeatureCollection", "features": []}
    step = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / 4000
    thinned = shapely.set_precision(
        shapely.simplify(np.array(shapes, dtype=object), step), 10.0**-PREVIEW_DIGITS,
        mode="pointwise",
    )  # fmt: skip
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"row": row}, "geometry": json.loads(text)}
            for row, text in zip(rows, shapely.to_geojson(thinned), strict=True)
            if text is not None
        ],
    }


def main() -> int:
    request = json.load(sys.stdin)
    limit_myself(request["limits"])
    # pyogrio would load geopandas and pandas, half of this process's start, for nothing.
    sys.modules["geopandas"] = sys.modules["pandas"] = None  # type: ignore[assignment]
    from parcels.intake.refusal import Refused

    # What a library prints must not get between the frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="intake-", dir=request["scratch"]) as scratch:
        try:
            answer(request, Path(scratch), out)
        except Refused as refused:
            send_json(out, {"refused": refused.code, "params": refused.params})
        except (MemoryError, ImportError):  # A library that finds no room is not imported.
            send_json(out, {"refused": "reader_memory", "params": {}})
        except RecursionError:
            send_json(out, {"refused": "nested_too_deeply", "params": {}})
    return 0


if __name__ == "__main__":
    sys.exit(main())
