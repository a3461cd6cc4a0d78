"""The report as a PDF by typst: every intermediate value, the map, the chart, the signature."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from parcels.claims.queries import last_day
from portal.base.base_map import as_shape, read_base_map
from portal.base.clock import CITY_TIME
from portal.base.map_sheet import SheetShape, map_sheet
from portal.base.pdf import compile_pdf
from tickets.accounting.calculation import Calculation
from tickets.accounting.chart import bar_chart
from tickets.accounting.models import AccountingReport, Stratum, StratumSpecies

TEMPLATE = Path(__file__).parent / "report.typ"
MAP_MM = (170, 84)


def report_pdf(made: Calculation) -> bytes:
    """The document of a calculated report; a signed one gives the same bytes each time."""
    assert made.result is not None
    report = made.report
    pictures = {
        "map": _map(report),
        "chart": bar_chart([(one.stratum.code, one.result.co2_change_t) for one in made.lines]),
    }
    return compile_pdf(
        TEMPLATE,
        facts=_content(made),
        pictures=pictures,
        dated=report.signed_at or report.opened_at,
    )


def _map(report: AccountingReport) -> str:
    area = SheetShape(as_shape(report.area_version.geom), "subject")
    strata = [
        SheetShape(as_shape(stratum.geom), "part", stratum.code)
        for stratum in Stratum.objects.filter(report=report).order_by("pk")
    ]
    width, height = MAP_MM
    return map_sheet(
        shapes=[area, *strata],
        base=read_base_map(),
        width_mm=width,
        height_mm=height,
        approval_number=settings.MAP_APPROVAL_NUMBER,
    )


def number(value: Decimal | None, places: int = 4) -> str:
    """For people: grouped, so many places."""
    return "—" if value is None else f"{value:,.{places}f}"


def as_typed(value: Decimal | str | None) -> str:
    """For a field: a number without trailing zeros, empty where there is none; words as they are."""
    if isinstance(value, str):
        return value
    return "" if value is None else f"{value.normalize():f}"


def _content(made: Calculation) -> dict[str, Any]:
    """All texts and numbers of the document, in the active language."""
    report, result, terms = made.report, made.result, made.terms
    assert result is not None
    assert terms is not None
    area = report.area_version.area
    return {
        "lang": (get_language() or "zh")[:2],
        "title": _("监测核算报告"),
        "subtitle": f"{area.name} · {_('第 {n} 版').format(n=report.version)}",
        "draft": "" if report.state == AccountingReport.State.SIGNED else _("草稿 · 未签署"),
        "facts": [
            [_("项目业主"), area.party.name if area.party else "—"],
            [_("监测期"), f"{report.period.lower} — {last_day(report.period)}"],
            [_("核算方法"), str(report.method)],
            [_("计量面积"), f"{number(made.area_ha)} {_('公顷')}"],
            [_("图上面积"), f"{number(made.mapped_ha)} {_('公顷')}"],
        ],
        "headings": {
            "result": _("核算结果"),
            "map": _("项目范围与碳层"),
            "strata": _("分层计算"),
            "chart": _("各碳层固碳量"),
            "uncertainty": _("不确定性"),
            "parameters": _("参数集与出处"),
            "alternatives": _("参数集对照"),
            "flags": _("提示与说明"),
            "signature": _("签署"),
        },
        "equations": report.method.equations,
        "steps": steps_of(made),
        "quantity": f"{result.quantity_t:,}",
        "unit": "tCO₂",
        "strata_head": [
            _("碳层"), _("树种与参数集"), _("面积\n公顷"), _("期初\nm³/公顷"), _("期末\nm³/公顷"),
            _("C₁\ntC/公顷"), _("C₂\ntC/公顷"), _("ΔCO₂\ntCO₂"), _("年均\ntCO₂/公顷"),
        ],
        "strata": list(_strata_rows(made)),
        "uncertainty": _uncertainty(made),
        "sets_head": [_("参数集"), "D", "BEF", "R", "CF", _("依据程度"), _("来源"), _("批准")],
        "sets": list(_set_rows(made)),
        "alternatives_head": [
            _("采用"), _("对照"), _("采用得 tCO₂"), _("对照得 tCO₂"), _("相差"), _("整份报告得"),
        ],
        "alternatives": [
            [
                str(one.chosen),
                str(one.other),
                number(one.removals_chosen_t),
                number(one.removals_other_t),
                "—" if one.difference_percent is None else f"{one.difference_percent:+.1f} %",
                f"{one.quantity_t:,} t",
            ]
            for one in made.alternatives
        ],
        "flags": [str(flag) for flag in made.flags] or [_("没有提示。")],
        "explanation": report.explanation,
        "basis_note": report.basis_note,
        "signature": _signature(report),
        "page": _("第 {n} 页，共 {all} 页"),
    }  # fmt: skip


def steps_of(made: Calculation) -> list[list[str]]:
    """From removals to whole tonnes: symbol, words, value."""
    result, terms, report = made.result, made.terms, made.report
    assert result is not None
    assert terms is not None
    percent = Decimal(100)
    return [
        ["G", _("固碳量合计"), f"{number(result.removals_t)} tCO₂"],
        ["", _("减：基线"), f"{number(report.baseline_t)} tCO₂"],
        ["", _("减：泄漏"), f"{number(report.leakage_t)} tCO₂"],
        ["", _("减：上期结转亏缺"), f"{number(report.deficit_brought_t)} tCO₂"],
        ["N", _("净固碳量"), f"{number(result.net_t)} tCO₂"],
        ["u", _("不确定性"), f"{number((made.u or Decimal()) * percent, 2)} %"],
        ["DR", _("不确定性扣减"), f"{number(terms.discount * percent, 2)} %"],
        ["K", _("非持久性风险扣减"), f"{number(terms.risk * percent, 2)} %"],
        ["E", _("可签发量（未取整）"), f"{number(result.creditable_t)} tCO₂"],
        ["", _("结转下期的亏缺"), f"{number(result.deficit_carried_t)} tCO₂"],
    ]


def stock_text(row: StratumSpecies, *, end: bool) -> str:
    """The stock at one date as it went into the calculation."""
    if row.basis == StratumSpecies.Basis.TREES:
        biomass = row.biomass_end_t_per_ha if end else row.biomass_begin_t_per_ha
        return f"{number(biomass, 3)} t"
    volume = row.volume_end_m3_per_ha if end else row.volume_begin_m3_per_ha
    return number(volume, 2)


def _strata_rows(made: Calculation) -> Iterable[list[str]]:
    for line in made.lines:
        rows = [one.row for one in line.species]
        yield [
            line.stratum.code,
            "\n".join(f"{row.parameter_set}" for row in rows) + f" · {line.origin}",
            number(line.stratum.area_ha_counted),
            "\n".join(stock_text(row, end=False) for row in rows),
            "\n".join(stock_text(row, end=True) for row in rows),
            number(line.result.carbon_begin_t_per_ha),
            number(line.result.carbon_end_t_per_ha),
            number(line.result.co2_change_t),
            number(line.yearly_t_per_ha, 2),
        ]


def _set_rows(made: Calculation) -> Iterable[list[str]]:
    seen: set[int] = set()
    for line in made.lines:
        for one in line.species:
            row = one.row.parameter_set
            if row.pk in seen:
                continue
            seen.add(row.pk)
            yield [
                f"{row}\n{row.sha256[:16]}…",
                f"{row.wood_density_t_per_m3.normalize():f}",
                f"{row.expansion_factor.normalize():f}",
                f"{row.root_ratio.normalize():f}",
                f"{row.carbon_fraction.normalize():f}",
                row.get_standing_display(),
                row.source,
                row.approver,
            ]


def _uncertainty(made: Calculation) -> list[list[str]]:
    found = made.uncertainty
    if found is None:
        return [[_("依据"), _("报告所载")]]
    return [
        [_("依据"), _("由样地计算：u = t(0.90; n − I) · SE / 均值")],
        [_("样地数 n / 碳层数 I"), f"{found.plots} / {found.strata}"],
        [_("均值"), f"{number(found.mean)} tC/{_('公顷')}"],
        ["SE", f"{number(found.standard_error)} tC/{_('公顷')}"],
        ["t", number(found.t)],
    ]


def _signature(report: AccountingReport) -> list[list[str]]:
    if report.signed_by is None or report.signed_at is None or report.content_sha256 is None:
        return [[_("状态"), _("草稿 · 未签署")]]
    moment: datetime = report.signed_at.astimezone(CITY_TIME)
    return [
        [_("第三方核算机构"), report.signed_by.get_full_name()],
        [_("签署时间"), f"{moment:%Y-%m-%d %H:%M}"],
        [_("报告所载减排量"), f"{report.quantity_t_reported:,} t"],
        [_("内容 SHA-256"), bytes(report.content_sha256).hex()],
        [_("参数 SHA-256"), bytes(report.parameters_sha256 or b"").hex()],
    ]
