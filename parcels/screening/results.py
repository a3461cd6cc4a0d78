"""The results of a bulk screening as files: written and read in chunks, so that memory stays flat.

``result.gpkg`` holds the layers ``candidates`` and ``findings``; ``result.xlsx`` the same as tables
with the sums by township and species. The verdicts are PostGIS's; only tables are made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import geopandas
import pandas
import pyogrio
import shapely
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from parcels.rules.screening import Screened
from parcels.rules.table import RULES

CHUNK = 2000
PACKAGE, WORKBOOK = "result.gpkg", "result.xlsx"
CANDIDATES, FINDINGS = "candidates", "findings"
VERDICTS = ("clear", "warning", "conflict")
CANDIDATE_TEXTS = ("id", "verdict", "township", "species", "gravest", "refused")
FINDING_TEXTS = (
    "candidate", "verdict", "rule", "title", "article", "severity", "other", "message",
)  # fmt: skip
# What the sheets call the columns of the layers, in the language of whoever asked.
HEADINGS: Mapping[str, str | Promise] = {
    "id": gettext_lazy("编号"),
    "candidate": gettext_lazy("候选"),
    "row": gettext_lazy("行"),
    "verdict": gettext_lazy("结论"),
    "findings": gettext_lazy("发现数"),
    "area_ha": gettext_lazy("面积（公顷）"),
    "conflict_m2": gettext_lazy("冲突面积（平方米）"),
    "township": gettext_lazy("乡镇"),
    "species": gettext_lazy("优势树种"),
    "gravest": gettext_lazy("最重的发现"),
    "refused": gettext_lazy("不能读取的原因"),
    "rule": gettext_lazy("规则代码"),
    "title": gettext_lazy("规则"),
    "article": gettext_lazy("条款"),
    "severity": gettext_lazy("程度"),
    "other": gettext_lazy("对方编号"),
    "area_m2": gettext_lazy("面积（平方米）"),
    "mean_width_m": gettext_lazy("平均宽度（米）"),
    "message": gettext_lazy("说明"),
}
WORDS: Mapping[str, str | Promise] = {
    "clear": gettext_lazy("通过"),
    "info": gettext_lazy("说明"),
    "warning": gettext_lazy("提示"),
    "conflict": gettext_lazy("冲突"),
}
XLSX_ROWS = 1_048_575  # What a sheet holds below its heading.


class ResultFiles:
    """A context: candidates are added in order; the files appear whole when it ends well."""

    def __init__(self, folder: Path, townships: dict[str, str]) -> None:
        self.folder = folder
        self.townships = townships
        self.partial = folder / "partial.gpkg"
        self.waiting: list[Screened] = []
        self.begun: set[str] = set()
        self.sums = pandas.DataFrame()

    def __enter__(self) -> ResultFiles:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.partial.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            self._write()
            self.partial.replace(self.folder / PACKAGE)
            write_workbook(self.folder, self.sums)
        self.partial.unlink(missing_ok=True)

    def add(self, screened: Screened) -> None:
        self.waiting.append(screened)
        if len(self.waiting) >= CHUNK:
            self._write()

    def _write(self) -> None:
        candidates = candidates_frame(self.waiting, self.townships)
        self._append(candidates, CANDIDATES)
        self._append(findings_frame(self.waiting), FINDINGS)
        if len(candidates):
            self.sums = pandas.concat([self.sums, sums_of(candidates)])
            self.sums = self.sums.groupby(level=[0, 1, 2]).sum()
        self.waiting = []

    def _append(self, frame: geopandas.GeoDataFrame, layer: str) -> None:
        if not len(frame) and layer in self.begun:
            return
        kind = "MultiPolygon" if layer == CANDIDATES else "Unknown"
        pyogrio.write_dataframe(
            frame, self.partial, layer=layer, append=layer in self.begun, geometry_type=kind
        )
        self.begun.add(layer)


def candidates_frame(screened: list[Screened], townships: dict[str, str]) -> geopandas.GeoDataFrame:
    """One row a candidate, with its verdict and what its own columns say of place and species."""
    shapes = [None if one.wkb is None else shapely.from_wkb(one.wkb) for one in screened]
    return geopandas.GeoDataFrame(
        {
            "id": [str(one.id) for one in screened],
            "row": [one.row for one in screened],
            "verdict": [one.verdict for one in screened],
            "findings": [len(one.findings) for one in screened],
            "area_ha": [None if one.area_m2 is None else one.area_m2 / 10_000 for one in screened],
            "conflict_m2": [
                sum(found.area_m2 or 0 for found in one.findings if found.severity == "conflict")
                for one in screened
            ],
            "township": [townships.get(one.township, one.township) for one in screened],
            "species": [one.species for one in screened],
            "gravest": [gravest(one) for one in screened],
            "refused": [one.rejected for one in screened],
        },
        geometry=shapes,
        crs=4490,
    ).astype(_types(CANDIDATE_TEXTS, "area_ha", "conflict_m2"))


def _types(texts: tuple[str, ...], *numbers: str) -> dict[str, str]:
    """Said, not guessed: an empty first chunk must not make a text column one of numbers."""
    return {**dict.fromkeys(texts, "string"), **dict.fromkeys(numbers, "float64")}


def gravest(screened: Screened) -> str:
    """The words of the finding that decided, for the table."""
    order = {"conflict": 0, "warning": 1, "info": 2}
    found = min(screened.findings, key=lambda one: order[one.severity.value], default=None)
    return "" if found is None else found.message


def findings_frame(screened: list[Screened]) -> geopandas.GeoDataFrame:
    """One row a finding, with its exact shape."""
    pairs = [(one, found) for one in screened for found in one.findings]
    return geopandas.GeoDataFrame(
        {
            "candidate": [str(one.id) for one, _found in pairs],
            "verdict": [one.verdict for one, _found in pairs],
            "rule": [found.rule for _one, found in pairs],
            "title": [str(RULES[found.rule].title) for _one, found in pairs],
            "article": [RULES[found.rule].article for _one, found in pairs],
            "severity": [found.severity.value for _one, found in pairs],
            "other": [found.other for _one, found in pairs],
            "area_m2": [found.area_m2 for _one, found in pairs],
            "mean_width_m": [found.mean_width_m for _one, found in pairs],
            "message": [found.message for _one, found in pairs],
        },
        geometry=[
            None if found.shape is None else shapely.from_wkb(found.shape) for _one, found in pairs
        ],
        crs=4490,
    ).astype(_types(FINDING_TEXTS, "area_m2", "mean_width_m"))


def sums_of(candidates: geopandas.GeoDataFrame) -> pandas.DataFrame:
    """Number and area by (what, name, verdict), for townships and species."""
    parts = []
    for what in ("township", "species"):
        grouped = candidates.groupby([what, "verdict"], dropna=False)["area_ha"]
        part = grouped.agg(n="size", area_ha="sum").reset_index(names=["name", "verdict"])
        part["what"] = what
        parts.append(part)
    sums: pandas.DataFrame = pandas.concat(parts).set_index(["what", "name", "verdict"])
    return sums


def read_chunks(path: Path, layer: str, *, shapes: bool = True) -> Iterator[pandas.DataFrame]:
    """A layer of a result, so many rows at a time."""
    for start in range(0, int(pyogrio.read_info(path, layer=layer)["features"]), CHUNK):
        yield pyogrio.read_dataframe(
            path, layer=layer, skip_features=start, max_features=CHUNK, read_geometry=shapes
        )


def write_workbook(folder: Path, sums: pandas.DataFrame) -> None:
    """Sums, candidates and findings as sheets; text stays text, whatever it begins with."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_("汇总"))
    put(sheet, [_("分类"), _("名称"), _("结论"), _("个数"), _("面积（公顷）")])
    names = {"township": _("乡镇"), "species": _("优势树种")}
    for row in sums.reset_index().to_dict("records"):
        verdict, area_ha = str(WORDS[row["verdict"]]), round(float(row["area_ha"]), 4)
        put(sheet, [names[row["what"]], row["name"], verdict, int(row["n"]), area_ha])
    for layer, title in ((CANDIDATES, _("候选")), (FINDINGS, _("检查发现"))):
        sheet = book.create_sheet(title)
        left = XLSX_ROWS
        for at, frame in enumerate(read_chunks(folder / PACKAGE, layer, shapes=False)):
            if at == 0:
                put(sheet, [str(HEADINGS[column]) for column in frame.columns])
            for words in ("verdict", "severity"):
                if words in frame.columns:
                    frame[words] = frame[words].map(lambda code: str(WORDS.get(code, code)))
            for values in frame.head(left).itertuples(index=False):
                put(sheet, list(values))
            left -= len(frame)
            if left <= 0:
                break
    partial = folder / "partial.xlsx"
    book.save(partial)
    partial.replace(folder / WORKBOOK)


def put(sheet: Any, values: list[Any]) -> None:
    """One row; a text that begins with "=" must not become a formula."""
    cells = []
    for value in values:
        empty = value is None or (isinstance(value, float) and value != value)
        cell = WriteOnlyCell(sheet, value=None if empty else value)
        if isinstance(value, str):
            cell.data_type = "s"
        cells.append(cell)
    sheet.append(cells)


def statistics(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The sums of the finished result by township and by species, the largest first."""
    sums = pandas.DataFrame()
    for frame in read_chunks(folder / PACKAGE, CANDIDATES, shapes=False):
        sums = pandas.concat([sums, sums_of(frame.fillna({"township": "", "species": ""}))])
        sums = sums.groupby(level=[0, 1, 2]).sum()
    answer: dict[str, list[dict[str, Any]]] = {"township": [], "species": []}
    if not len(sums):
        return answer
    wide = sums.unstack("verdict", fill_value=0)
    for key, row in wide.iterrows():
        what, name = cast("tuple[str, str]", key)
        counts = {verdict: int(row.get(("n", verdict), 0)) for verdict in VERDICTS}
        areas = [float(row.get(("area_ha", verdict), 0)) for verdict in VERDICTS]
        answer[what].append(
            {"name": name, **counts, "n": sum(counts.values()), "area_ha": round(sum(areas), 4)}
        )
    for rows in answer.values():
        rows.sort(key=lambda row: -row["n"])
    return answer


def table_page(folder: Path, *, verdict: str, start: int, count: int) -> list[dict[str, Any]]:
    """So many rows of the candidates with a verdict (all when empty)."""
    where = f"verdict = '{verdict}'" if verdict in VERDICTS else None
    path = folder / PACKAGE
    frame = pyogrio.read_dataframe(
        path, layer=CANDIDATES, where=where, skip_features=start, max_features=count,
    )  # fmt: skip
    places = frame.geometry.representative_point()
    rows = frame.drop(columns="geometry").astype(object).where(frame.notna(), None)
    found: list[dict[str, Any]] = rows.to_dict("records")
    for row, place in zip(found, places, strict=True):
        row["lon"], row["lat"] = (None, None) if place is None else (place.x, place.y)
    return found


def map_features(folder: Path, box: tuple[float, float, float, float], most: int) -> str:
    """The candidates in a box as GeoJSON, thinned to what a screen shows."""
    frame = pyogrio.read_dataframe(
        folder / PACKAGE, layer=CANDIDATES, bbox=box, max_features=most,
        columns=["id", "row", "verdict", "gravest", "area_ha"],
    )  # fmt: skip
    step = max(box[2] - box[0], box[3] - box[1]) / 4000
    frame["geometry"] = shapely.set_precision(
        shapely.simplify(frame.geometry.values, step), 1e-7, mode="pointwise"
    )
    text: str = frame.to_json(drop_id=True)
    return text
