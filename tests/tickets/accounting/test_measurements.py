"""Plots and trees from files: what they give, and files that are none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.base.errors import PortalError
from tests.factories.land import square
from tests.tickets.accounting.reports import D, draft_on, fresh, seen, species, stratum, terms
from tickets.accounting.calculation import work_through
from tickets.accounting.errors import TableRowsWrong, TableUnreadable
from tickets.accounting.measurements import read_table, take_plots, take_trees
from tickets.accounting.models import AccountingReport, PlotMeasurement, StratumSpecies
from tickets.accounting.operations import add_strata, set_terms

pytestmark = pytest.mark.django_db

PLOTS = """碳层,样地号,蓄积(m³/ha)
1,P1,90
1,P2,95
1,P3,100
2,P4,40
2,P5,38.4
2,P6,36.8
"""


def two_strata() -> AccountingReport:
    report = draft_on(square(0, 0))
    add_strata(
        report=report,
        strata=[
            stratum("1", square(0, 0, 60, 100), species("populus", "60", "95")),
            stratum("2", square(60, 0, 40, 100), species("ulmus", "30", "38.4")),
        ],
        seen=1,
        actor=report.opened_by,
    )
    set_terms(report=report, terms=terms(baseline="0"), seen=2, actor=report.opened_by)
    return report


def take(report: AccountingReport, path: Path, operation: object = take_plots) -> AccountingReport:
    return operation(  # type: ignore[operator, no-any-return]
        report=report, path=path, name=path.name, seen=seen(report), actor=report.opened_by
    )


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "样地.csv"
    path.write_bytes(text.encode(encoding))
    return path


def as_xlsx(folder: Path, text: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in text.strip().splitlines():
        sheet.append([_value(cell) for cell in line.split(",")])
    path = folder / "样地.xlsx"
    book.save(path)
    return path


def _value(cell: str) -> object:
    try:
        return float(cell)
    except ValueError:
        return cell


@pytest.mark.parametrize("kind", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "xlsx"])
def test_plots_give_the_uncertainty_and_its_discount(tmp_path: Path, kind: str) -> None:
    report = two_strata()
    if kind == "xlsx":
        path = as_xlsx(tmp_path, PLOTS.replace("1,P", "一,P").replace("2,P", "二,P"))
        for code, name in (("1", "一"), ("2", "二")):
            report.strata.filter(code=code).update(code=name)
    else:
        path = written(tmp_path, PLOTS, kind)
    take(report, path)
    made = work_through(fresh(report))
    assert made.uncertainty is not None
    assert (made.uncertainty.plots, made.uncertainty.strata) == (6, 2)
    # t(0.90; 4) = 2.132; carbon of both strata by their own factors, areas 0.6 : 0.4.
    assert f"{made.uncertainty.t:.3f}" == "2.132"
    assert made.u is not None
    assert D("0.03") < made.u < D("0.07")
    assert made.discount == 0


def test_few_plots_are_said_by_stratum(tmp_path: Path) -> None:
    report = two_strata()
    take(report, written(tmp_path, PLOTS.replace("2,P5,38.4\n2,P6,36.8\n", "")))
    made = work_through(fresh(report))
    assert made.result is None
    assert "碳层 2" in made.missing[0]


def test_a_volume_per_mu_is_told_by_its_heading(tmp_path: Path) -> None:
    report = two_strata()
    take(
        report, written(tmp_path, PLOTS.replace("蓄积(m³/ha)", "蓄积(m³/亩)").replace(",90", ",6"))
    )
    assert PlotMeasurement.objects.get(plot_number="P1").volume_m3_per_ha == 90


TREES = "碳层,样地号,期次,样地面积(m2),树种,胸径(cm),树高(m)\n" + "".join(
    f"{code},{code}-{plot},{date},600,{kind},{diameter},\n"
    for code, kind in (("1", "新疆杨"), ("2", "白榆"))
    for date, diameter in (("期初", 14), ("期末", 17))
    for plot in (1, 2, 3)
    for _tree in range(20 + plot)
)


def test_measured_trees_take_the_place_of_volumes(tmp_path: Path) -> None:
    report = two_strata()
    take(report, written(tmp_path, TREES), take_trees)
    rows = StratumSpecies.objects.order_by("stratum__code")
    assert {row.basis for row in rows} == {"trees"}
    # ln W = −2.2094 + 2.3867·ln 17: 94.975 kg; a plot has 22 trees on average and 600 m².
    assert float(rows[0].biomass_end_t_per_ha or 0) == pytest.approx(94.975 * 22 / 60, rel=1e-3)
    made = work_through(fresh(report))
    assert made.result is not None
    assert made.result.quantity_t > 0
    take(report, written(tmp_path, TREES + "1,x,期末,600,白榆,12,\n"), take_trees)
    assert StratumSpecies.objects.filter(stratum__code="1").count() == 2  # Mixed now.
    assert PlotMeasurement.objects.filter(stratum__code="1").count() == 4


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("9,P7,50", "没有碳层"),
        ("1,P1,50", "重复"),
        ("1,P7,-5", "超出"),
        ("1,P7,2000", "超出"),
        ("1,P7,九十", "不是数"),
        ("1,P7,1e400", "不是数"),
        ("1,P7,=1+1", "不是数"),
        ("1,,50", "未填写"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_kept(tmp_path: Path, line: str, why: str) -> None:
    report = two_strata()
    with pytest.raises(TableRowsWrong, match=f"第 8 行：.*{why}"):
        take(report, written(tmp_path, PLOTS + line + "\n"))
    assert not PlotMeasurement.objects.exists()
    assert not report.files.exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,1-1,期末,600,新疆杨,90,", "胸径"),
        ("1,1-1,中期,600,新疆杨,20,", "期次"),
        ("1,1-1,期末,500,新疆杨,20,", "前后不一"),
        ("1,new,期末,0,新疆杨,20,", "样地面积"),
        ("1,1-1,期末,600,梭梭,20,", "参数集"),
    ],
)
def test_a_wrong_tree_is_named(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(TableRowsWrong, match=why):
        take(two_strata(), written(tmp_path, TREES + line + "\n"), take_trees)
    only_begin = "\n".join(row for row in TREES.splitlines() if "期末" not in row)
    with pytest.raises(TableRowsWrong, match="两期"):
        take(two_strata(), written(tmp_path, only_begin), take_trees)


def bomb(folder: Path) -> Path:
    path = folder / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    return path


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7 hello", b"\x00\x01\x02" * 99, b"PK\x03\x04junk",
                                  "没有,表头\n1,2\n".encode(), "碳层,样地号,蓄积\n".encode()])  # fmt: skip
def test_a_file_that_is_none_says_what_is_wrong(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "plots.csv"
    path.write_bytes(data)
    with pytest.raises(TableUnreadable) as caught:
        take(two_strata(), path)
    assert "?" not in str(caught.value)


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(TableUnreadable):
        take(two_strata(), bomb(tmp_path))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode()))
def test_no_bytes_end_in_anything_but_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(data)
    try:
        for row in read_table(path, needed=["stratum", "plot", "volume"]):
            assert row.cells
    except PortalError as refusal:
        assert str(refusal)
