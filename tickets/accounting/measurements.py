"""Plots and trees from CSV or XLSX: read by the same gate as other files, all rows or none."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import openpyxl
from defusedxml.common import DefusedXmlException
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from parcels.intake.formats.text import read_text
from parcels.intake.gate import Limits, check_entry, check_size, declared_entries
from parcels.intake.refusal import Refused
from portal.accounts.models import User
from portal.base.clock import today
from portal.base.policy import policy_number
from portal.base.transactions import write_transaction
from tickets.accounting.biomass import Tree, TreeEquation, biomass_t_per_ha, tree_biomass_kg
from tickets.accounting.equations import volume_per_hectare
from tickets.accounting.errors import TableRowsWrong, TableUnreadable
from tickets.accounting.models import (
    AccountingReport,
    BiomassEquation,
    ParameterSet,
    PlotMeasurement,
    ReportFile,
    Stratum,
    StratumSpecies,
)
from tickets.accounting.operations import keep_file, lock_draft, record
from tickets.accounting.stands import proposed_set

MIB = 1024**2
LIMITS = Limits(file_bytes=10 * MIB, entries=200, unpacked_bytes=100 * MIB)
ROWS_MOST = 50_000
COLUMNS_MOST = 64
SHOWN_FAULTS = 5
HEADER_WITHIN = 10
PLOT_AREA_M2 = (Decimal(1), Decimal(100_000))
HEIGHT_M_MOST = Decimal(120)
BIOMASS_STEP = Decimal("1e-24")

STRATUM, PLOT, SPECIES, VOLUME, VOLUME_MU, DATE, AREA, DIAMETER, HEIGHT = (
    "stratum", "plot", "species", "volume", "volume_mu", "date", "area", "diameter", "height",
)  # fmt: skip
# Headings without what stands in brackets, folded; 蓄积/亩 is told apart by its unit.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    STRATUM: ("碳层", "碳层号", "碳层编号", "stratum"),
    PLOT: ("样地", "样地号", "样地编号", "plot", "plotno"),
    SPECIES: ("树种", "优势树种", "species"),
    VOLUME: ("蓄积", "蓄积量", "每公顷蓄积", "公顷蓄积", "volume"),
    VOLUME_MU: ("每亩蓄积", "亩蓄积", "volumemu"),
    DATE: ("期次", "时期", "调查期", "date", "period"),
    AREA: ("样地面积", "面积", "plotarea", "area"),
    DIAMETER: ("胸径", "d", "dbh", "diameter"),
    HEIGHT: ("树高", "h", "height"),
}
NAMES: Mapping[str, str | Promise] = {
    STRATUM: gettext_lazy("碳层"),
    PLOT: gettext_lazy("样地号"),
    SPECIES: gettext_lazy("树种"),
    VOLUME: gettext_lazy("蓄积"),
    DATE: gettext_lazy("期次"),
    AREA: gettext_lazy("样地面积"),
    DIAMETER: gettext_lazy("胸径"),
}
BEGIN_WORDS = ("期初", "前期", "begin", "1")
END_WORDS = ("期末", "后期", "end", "2")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: its number in the file, and its cells by role."""

    number: int
    cells: Mapping[str, str]


class RowWrong(Exception):
    """One row cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Book:
    """What rows refer to: the report's strata by code, and the parameter sets in force."""

    strata: Mapping[str, Stratum]
    sets: Sequence[ParameterSet]

    def stratum(self, row: Row) -> Stratum:
        found = self.strata.get(row.cells.get(STRATUM, ""))
        if found is None:
            raise RowWrong(_("没有碳层“{code}”").format(code=row.cells.get(STRATUM, "")))
        return found

    def species(self, row: Row, stratum: Stratum) -> ParameterSet:
        """The set of the row's species; of a pure stratum where no species is named."""
        own = [one.parameter_set for one in stratum.species.all()]
        name = row.cells.get(SPECIES, "")
        if not name:
            if len(own) == 1:
                return own[0]
            raise RowWrong(_("混交碳层须写明树种"))
        named = [one for one in own if name in one.species_names or name in (one.code, one.name)]
        chosen = named[0] if named else proposed_set(name, self.sets)
        if chosen is None:
            raise RowWrong(_("没有树种“{species}”的参数集").format(species=name))
        return chosen


@write_transaction
def take_plots(
    *, report: AccountingReport, path: Path, name: str, seen: int, actor: User
) -> AccountingReport:
    """The sample plots of the end of the period, for the uncertainty (equation 6).

    Columns: 碳层, 样地号, 蓄积 (m³/ha, or 每亩蓄积), 树种 in mixed strata. A file with a wrong row is
    refused whole, with its rows named.
    """
    draft = lock_draft(report, seen=seen)
    book = _book(draft)
    most = policy_number("accounting.volume_most_m3_per_ha")
    found: dict[tuple[int, str, int], PlotMeasurement] = {}

    def take(row: Row) -> None:
        stratum = book.stratum(row)
        chosen = book.species(row, stratum)
        plot = _required(row, PLOT)
        volume = _volume_per_hectare(row)
        if not 0 <= volume <= most:
            raise RowWrong(
                _("蓄积 {volume} 立方米/公顷超出 0 至 {most}").format(
                    volume=f"{volume.normalize():f}", most=f"{most.normalize():f}"
                )
            )
        key = (stratum.pk, plot, chosen.pk)
        if key in found:
            raise RowWrong(_("样地 {plot} 重复").format(plot=plot))
        found[key] = PlotMeasurement(
            stratum=stratum, plot_number=plot, parameter_set=chosen, volume_m3_per_ha=volume
        )

    _each_row(read_table(path, needed=[STRATUM, PLOT, VOLUME]), take)
    PlotMeasurement.objects.filter(stratum__report=draft).delete()
    PlotMeasurement.objects.bulk_create(found.values())
    kept = keep_file(draft, ReportFile.Kind.PLOTS, path, name, actor)
    draft.uncertainty_basis = AccountingReport.Basis.PLOTS
    draft.save(update_fields=["uncertainty_basis"])
    record(draft, "plots_taken", actor, sha256=kept.sha256, rows=len(found))
    return draft


@write_transaction
def take_trees(
    *, report: AccountingReport, path: Path, name: str, seen: int, actor: User
) -> AccountingReport:
    """Measured trees of both dates: biomass by equations in the place of volumes.

    Columns: 碳层, 样地号, 期次 (期初/期末), 样地面积 (m²), 树种, 胸径 (cm), 树高 (m, where the equation
    takes it). Every stratum named must have plots at both dates. The trees of the end also become
    the plots of the uncertainty.
    """
    draft = lock_draft(report, seen=seen)
    book = _book(draft)
    equations = {row.group: row for row in BiomassEquation.objects.in_force(today())}
    trees: dict[tuple[int, bool, str, int], list[Decimal]] = {}
    areas: dict[tuple[int, bool, str], Decimal] = {}
    used: dict[int, tuple[ParameterSet, BiomassEquation]] = {}

    def take(row: Row) -> None:
        stratum = book.stratum(row)
        chosen = book.species(row, stratum)
        equation = equations.get(chosen.group)
        if equation is None:
            raise RowWrong(_("没有“{species}”的生物量方程").format(species=chosen.name))
        at_end = _at_end(row)
        plot = (stratum.pk, at_end, _required(row, PLOT))
        area = _number(row, AREA)
        if not PLOT_AREA_M2[0] <= area <= PLOT_AREA_M2[1]:
            raise RowWrong(_("样地面积须在 1 至 100000 平方米之间"))
        if areas.setdefault(plot, area) != area:
            raise RowWrong(_("样地 {plot} 的面积前后不一").format(plot=plot[2]))
        height = _number(row, HEIGHT, _("树高")) if row.cells.get(HEIGHT) else None
        if height is not None and not 0 < height <= HEIGHT_M_MOST:
            raise RowWrong(_("树高须在 0 至 120 米之间"))
        try:
            kg = tree_biomass_kg(Tree(_number(row, DIAMETER), height), _coefficients(equation))
        except ValueError as error:
            raise RowWrong(
                _("胸径须在 {least} 至 {most} 厘米之间，方程需要树高时须填写").format(
                    least=f"{equation.diameter_cm_min:f}", most=f"{equation.diameter_cm_max:f}"
                )
            ) from error
        trees.setdefault((*plot, chosen.pk), []).append(kg)
        used[chosen.pk] = (chosen, equation)

    _each_row(read_table(path, needed=[STRATUM, PLOT, DATE, AREA, DIAMETER]), take)
    strata = {stratum.pk: stratum for stratum in book.strata.values()}
    named = {plot[0] for plot in areas}
    for pk in sorted(named):
        if {at_end for stratum, at_end, _plot in areas if stratum == pk} != {True, False}:
            raise TableRowsWrong(
                count=1, rows=_("碳层 {code} 须有期初和期末两期样地").format(code=strata[pk].code)
            )
    means = _means(trees, areas)
    StratumSpecies.objects.filter(stratum__in=named).delete()
    StratumSpecies.objects.bulk_create(
        StratumSpecies(
            stratum_id=pk,
            parameter_set=used[chosen][0],
            basis=StratumSpecies.Basis.TREES,
            equation=used[chosen][1],
            biomass_begin_t_per_ha=means.get((pk, False, chosen), Decimal()),
            biomass_end_t_per_ha=means.get((pk, True, chosen), Decimal()),
        )
        for pk in sorted(named)
        for chosen in sorted({one for own, _end, one in means if own == pk})
    )
    PlotMeasurement.objects.filter(stratum__in=named).delete()
    PlotMeasurement.objects.bulk_create(
        PlotMeasurement(
            stratum_id=pk,
            plot_number=plot,
            parameter_set=used[chosen][0],
            biomass_t_per_ha=biomass_t_per_ha(kg, areas[pk, at_end, plot]).quantize(BIOMASS_STEP),
        )
        for (pk, at_end, plot, chosen), kg in trees.items()
        if at_end
    )
    kept = keep_file(draft, ReportFile.Kind.TREES, path, name, actor)
    record(draft, "trees_taken", actor, sha256=kept.sha256, strata=len(named))
    return draft


def _means(
    trees: Mapping[tuple[int, bool, str, int], list[Decimal]],
    areas: Mapping[tuple[int, bool, str], Decimal],
) -> dict[tuple[int, bool, int], Decimal]:
    """t/ha by stratum, date and species: the mean of all plots of that date, empty ones too."""
    sums: dict[tuple[int, bool, int], Decimal] = {}
    for (pk, at_end, plot, chosen), kg in trees.items():
        own = biomass_t_per_ha(kg, areas[pk, at_end, plot])
        sums[pk, at_end, chosen] = sums.get((pk, at_end, chosen), Decimal()) + own
    counts: dict[tuple[int, bool], int] = {}
    for pk, at_end, _plot in areas:
        counts[pk, at_end] = counts.get((pk, at_end), 0) + 1
    return {
        (pk, at_end, chosen): (total / counts[pk, at_end]).quantize(BIOMASS_STEP)
        for (pk, at_end, chosen), total in sums.items()
    }


def _coefficients(row: BiomassEquation) -> TreeEquation:
    return TreeEquation(row.a, row.b, row.c, row.diameter_cm_min, row.diameter_cm_max)


def _book(draft: AccountingReport) -> Book:
    strata = Stratum.objects.filter(report=draft).defer("geom")
    return Book(
        {row.code: row for row in strata.prefetch_related("species__parameter_set")},
        list(ParameterSet.objects.in_force(today())),
    )


def _each_row(rows: Iterable[Row], take: Any) -> None:
    """Take every row; TableRowsWrong names the first wrong ones and how many there are."""
    faults: list[str] = []
    count = taken = 0
    for row in rows:
        try:
            take(row)
            taken += 1
        except RowWrong as fault:
            count += 1
            if len(faults) < SHOWN_FAULTS:
                faults.append(_("第 {row} 行：{why}").format(row=row.number, why=fault))
    if count:
        raise TableRowsWrong(count=count, rows="；".join(faults))
    if not taken:
        raise TableUnreadable(reason=_("表头下面没有数据"))


def read_table(path: Path, *, needed: Sequence[str]) -> Iterator[Row]:
    """The rows under the header; TableUnreadable when it is no table or lacks a column."""
    roles: dict[int, str] = {}
    for number, cells in enumerate(_cells(path), start=1):
        if number > ROWS_MOST:
            raise TableUnreadable(reason=_("超过 {n} 行").format(n=ROWS_MOST))
        if not roles:
            roles = _roles(cells)
            missing = [role for role in needed if role not in roles.values()]
            if VOLUME in missing and VOLUME_MU in roles.values():
                missing.remove(VOLUME)
            if missing:
                if number >= HEADER_WITHIN:
                    break
                roles = {}
            continue
        found = {role: cells[at] for at, role in roles.items() if at < len(cells) and cells[at]}
        if found:
            yield Row(number, found)
    if not roles:
        columns = "、".join(str(NAMES[role]) for role in needed)
        raise TableUnreadable(
            reason=_("没有找到表头，须有这些列：{columns}").format(columns=columns)
        )


def _roles(cells: Sequence[str]) -> dict[int, str]:
    roles: dict[int, str] = {}
    for at, cell in enumerate(cells):
        folded = re.sub(r"[\s_\-.:*]", "", unicodedata.normalize("NFKC", cell)).casefold()
        bare = re.sub(r"[(\[【<].*?[)\]】>]", "", folded)
        role = next((name for name, words in HEADINGS.items() if bare in words), None)
        if role == VOLUME and "亩" in folded:
            role = VOLUME_MU
        if role is not None and role not in roles.values():
            roles[at] = role
    return roles


def _cells(path: Path) -> Iterator[list[str]]:
    """Each row as texts, whatever kind of table it is."""
    try:
        check_size(path, LIMITS)
        with path.open("rb") as source:
            head = source.read(4)
        if head.startswith(b"PK"):
            yield from _xlsx(path)
            return
        data = path.read_bytes()
        if b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise TableUnreadable(reason=_("内容不是 CSV 或 XLSX 表格"))
        text, _guess = read_text(data, None)
    except Refused as error:
        raise TableUnreadable(reason=_refusal_text(error)) from error
    if "\x00" in text:
        raise TableUnreadable(reason=_("内容不是 CSV 或 XLSX 表格"))
    delimiter = max(",\t;，", key=text[:4096].count)
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            yield [cell.strip() for cell in row[:COLUMNS_MOST]]
    except csv.Error as error:
        raise TableUnreadable(reason=_("内容不是 CSV 或 XLSX 表格")) from error


def _refusal_text(error: Refused) -> str:
    if error.code == "file_empty":
        return _("文件是空的")
    if error.code == "file_too_large":
        return _("超过 {n} MB").format(n=LIMITS.file_bytes // MIB)
    return _("内容不是 CSV 或 XLSX 表格")


def _xlsx(path: Path) -> Iterator[list[str]]:
    if declared_entries(path) > LIMITS.entries:
        raise Refused("zip_entries")
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                check_entry(entry, LIMITS)
            if sum(entry.file_size for entry in archive.infolist()) > LIMITS.unpacked_bytes:
                raise Refused("zip_unpacked_size")
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (
        zipfile.BadZipFile, KeyError, ValueError, OSError, DefusedXmlException, SyntaxError, TypeError,
    ) as error:  # fmt: skip
        raise TableUnreadable(reason=_("内容不是 CSV 或 XLSX 表格")) from error
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for row in sheet.iter_rows(values_only=True, max_col=COLUMNS_MOST):
            yield ["" if cell is None else str(cell).strip() for cell in row]
    except (IndexError, KeyError, ValueError, DefusedXmlException, SyntaxError) as error:
        raise TableUnreadable(reason=_("内容不是 CSV 或 XLSX 表格")) from error
    finally:
        book.close()


def _required(row: Row, role: str) -> str:
    value = row.cells.get(role, "")
    if not value or len(value) > 40:
        raise RowWrong(_("“{name}”未填写或过长").format(name=NAMES[role]))
    return value


def _number(row: Row, role: str, name: str | Promise = "") -> Decimal:
    value = row.cells.get(role, "")
    shown = name or NAMES.get(role, role)
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,15})?", value):
        raise RowWrong(_("“{name}”不是数：{value}").format(name=shown, value=value[:20] or "—"))
    try:
        return Decimal(value).quantize(Decimal("0.0001"))
    except InvalidOperation as error:  # pragma: no cover - the pattern lets none through.
        raise RowWrong(str(shown)) from error


def _volume_per_hectare(row: Row) -> Decimal:
    if VOLUME_MU in row.cells:
        return volume_per_hectare(_number(row, VOLUME_MU, NAMES[VOLUME]))
    return _number(row, VOLUME)


def _at_end(row: Row) -> bool:
    word = row.cells.get(DATE, "").casefold()
    if word in END_WORDS:
        return True
    if word in BEGIN_WORDS:
        return False
    raise RowWrong(_("“期次”须为“期初”或“期末”"))
