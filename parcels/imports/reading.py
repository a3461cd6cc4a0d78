"""How a file was read, as plain values: for the answers of commands and for what is kept of a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from parcels.intake.reader import Choices, Inspection


def reading_json(
    inspection: Inspection,
    columns: Mapping[str, str],
    *,
    choices: Choices,
    notices: Iterable[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """How a file is read, for the answer; ``guessed`` names what it does not say itself."""
    encoding, crs = inspection.encoding, inspection.crs
    layers = [layer["name"] for layer in inspection.raw["layers"]]
    guessed = {
        "layer": len(layers) > 1 and choices.layer is None,
        "crs": not crs.certain,
        "encoding": encoding is not None and not encoding.certain,
    }
    return {
        "format": inspection.format,
        "layer": inspection.layer,
        "layers": layers,
        "crs": {"epsg": crs.epsg or None, "name": crs.name, "how": crs.how},
        "encoding": encoding and {"value": encoding.value, "how": encoding.how},
        "columns": dict(columns),
        "guessed": [name for name, is_guessed in guessed.items() if is_guessed],
        "notices": [*inspection.as_json()["notices"], *notices],
    }
