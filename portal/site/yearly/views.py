"""The report's address: everyone's, for each year that has acts."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.base.errors import NotFound
from portal.base.pdf import compile_pdf
from portal.base.policy import policy_text
from portal.site.yearly.figures import Year, sections_of
from tickets.market.chart import price_chart
from tickets.market.queries import months
from tickets.registry.queries import register_years

TEMPLATE = Path(__file__).parent / "report.typ"


@require_safe
def report(request: HttpRequest, year: int) -> HttpResponse:
    """The year's statistics as PDF; a year that is not over is counted to now."""
    if year not in register_years():
        raise NotFound()
    response = HttpResponse(report_pdf(Year(year)), content_type="application/pdf")
    name = f"yining-statistics-{year}.pdf"
    response.headers["Content-Disposition"] = content_disposition_header(False, name) or ""
    return response


def report_pdf(year: Year) -> bytes:
    """Tables and the price history, as of the year's end."""
    chart = price_chart([one for one in months() if one.month.year == year.number])
    facts = {
        "lang": (get_language() or "zh")[:2],
        "title": _("伊宁市林业碳票 {year} 年度统计报告").format(year=year.number),
        "subtitle": _("数据截至 {moment}；不含个人信息。").format(
            moment=f"{year.counted_to:%Y-%m-%d %H:%M}"
        ),
        "chart": _("成交价格与数量"),
        "nothing": _("本年度没有。"),
        "sections": [
            {"title": one.title, "head": one.head, "rows": one.rows} for one in sections_of(year)
        ],
        "notice": policy_text("notice.not_ccer"),
    }
    picture = render_to_string("market/_prices.html", {"chart": chart}) if chart else ""
    return compile_pdf(TEMPLATE, facts=facts, pictures={"chart": picture}, dated=year.counted_to)
