"""Zipped shapefiles: Chinese names, no .cpg, a lost .shx, several layers, any folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parcels.intake.encodings import EncodingGuess, decode, recognise
from parcels.intake.features import Raw
from parcels.intake.formats.geopackage import finite_bounds
from parcels.intake.formats.source import Layer, Opened, as_list, ask_gdal, read_with_gdal
from parcels.intake.gate import Limits, head_of
from parcels.intake.refusal import Refused

# Bytes come through GDAL unchanged under this encoding, and are decoded here, where a wrong
# character has a row and a column.
RAW_BYTES = "ISO-8859-1"
SAMPLED_FEATURES = 5000
MAGIC = b"\x00\x00\x27\x0a"  # GDAL would open anything under this suffix, by any driver.


class Shapefiles:
    """The shapefiles of one archive."""

    format = "Shapefile"

    def __init__(self, parts: dict[str, dict[str, Path]], limits: Limits) -> None:
        self.parts = parts
        self.limits = limits
        self._layers = []
        for name, files in parts.items():
            info = ask_gdal(files[".shp"], None, encoding=RAW_BYTES)
            if declared_rows(files[".dbf"]) < info["features"]:  # GDAL would stop without a word.
                raise Refused("file_damaged", detail=f"{name}.dbf")
            geometry = str(info.get("geometry_type") or "")
            self._layers.append(Layer(name, int(info["features"]), geometry))

    def layers(self) -> list[Layer]:
        return self._layers

    def open_layer(self, name: str, encoding: str | None) -> Opened:
        files = self.parts[name]
        info = ask_gdal(files[".shp"], None, encoding=RAW_BYTES)
        layer = next(layer for layer in self._layers if layer.name == name)
        raw_fields = [raw_bytes(str(field)) for field in info["fields"]]
        guess = recognise(
            chosen=encoding,
            cpg=text_of(files.get(".cpg")),
            language_byte=int.from_bytes(head_of(files[".dbf"], 30)[29:]),
            values=[*raw_fields, *self._sampled(files[".shp"])],
        )
        types = [str(kind) for kind in info["dtypes"]]
        fields = [
            # A name that cannot be read is shown as Chinese programs would have written it.
            (decoded(field, guess.value, 0, field.decode("gb18030", errors="replace")), kind)
            for field, kind in zip(raw_fields, types, strict=True)
        ]
        opened = Opened(
            layer, fields, text_of(files.get(".prj")) or "", finite_bounds(info["total_bounds"]),
            guess,
        )  # fmt: skip
        if ".shx" not in files:
            opened.notices.append(("shx_restored", {}))
        if not opened.declared_crs:
            opened.notices.append(("prj_missing", {}))
        return opened

    def _sampled(self, path: Path) -> list[bytes]:
        """Texts by which an encoding is recognised: of the first features, each once."""
        found: set[bytes] = set()
        for _rows, columns, _wkb in read_with_gdal(
            path, None, SAMPLED_FEATURES, encoding=RAW_BYTES, read_geometry=False
        ):
            for values in columns.values():
                if values.dtype == object:
                    found.update(raw_bytes(value) for value in values if isinstance(value, str))
        return list(found)

    def batches(self, opened: Opened) -> Iterator[Raw]:
        assert opened.encoding is not None
        path = self.parts[opened.layer.name][".shp"]
        names = [name for name, _kind in opened.fields]
        for rows, columns, wkb in read_with_gdal(
            path, None, opened.layer.features, encoding=RAW_BYTES
        ):
            texts = {
                name: decoded_column(values, opened.encoding, rows, name)
                for name, values in zip(names, columns.values(), strict=True)
            }
            yield Raw(rows, texts, wkb)


def declared_rows(table: Path) -> int:
    """The number of rows in a dBASE header, 0 where there is none."""
    head = head_of(table, 32)
    return int.from_bytes(head[4:8], "little") if len(head) == 32 else 0


def raw_bytes(text: str) -> bytes:
    return text.encode("latin-1")


def decoded(value: bytes, encoding: str, row: int, column: str) -> str:
    """Text of one cell; a wrong character refuses the file and says where it stands."""
    try:
        return decode(value, encoding)
    except UnicodeDecodeError as error:
        raise Refused("encoding_wrong", encoding=encoding, row=row, column=column) from error


def decoded_column(
    values: NDArray[Any], encoding: EncodingGuess, rows: list[int], name: str
) -> list[Any]:
    """A column in its encoding; equal texts are decoded once."""
    if values.dtype != np.dtype(object):
        return as_list(values)
    known: dict[str, str] = {}
    texts: list[Any] = []
    for row, value in zip(rows, values, strict=True):
        if not isinstance(value, str):
            texts.append(None)
            continue
        if value not in known:
            known[value] = decoded(raw_bytes(value), encoding.value, row, name)
        texts.append(known[value])
    return texts


def text_of(path: Path | None) -> str | None:
    """A small text file beside the shapes."""
    if path is None:
        return None
    return path.read_bytes()[:20_000].decode("utf-8", errors="replace").strip("\ufeff\x00 \r\n")


def open_source(files: dict[str, Path], scratch: Path, limits: Limits) -> Shapefiles:
    """Gather each layer's parts under one stem of ours; names inside the archive stay for show."""
    wanted = {".shp", ".shx", ".dbf", ".prj", ".cpg"}
    gathered: dict[str, dict[str, Path]] = {}
    shown: dict[str, str] = {}
    for name, path in files.items():
        inner = PurePosixPath(name)
        if inner.suffix.lower() not in wanted or "__MACOSX" in inner.parts:
            continue
        stem = str(inner.with_suffix("")).casefold()
        shown.setdefault(stem, inner.stem)
        target = scratch / f"layer{list(shown).index(stem)}{inner.suffix.lower()}"
        path.rename(target)
        gathered.setdefault(stem, {})[inner.suffix.lower()] = target
    for stem, parts in gathered.items():
        for part in (".shp", ".dbf"):
            if part not in parts:
                raise Refused("shapefile_part_missing", layer=shown[stem], part=part)
        if not head_of(parts[".shp"]).startswith(MAGIC):
            raise Refused("file_damaged", detail=f"{shown[stem]}.shp")
    names: dict[str, dict[str, Path]] = {}
    for stem, parts in gathered.items():
        # Two folders may hold layers of one name.
        names[shown[stem] if shown[stem] not in names else stem] = parts
    return Shapefiles(names, limits)
