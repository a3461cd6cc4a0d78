"""The data dictionary: every column of table, downloads and API, once (``/open-data/`` shows it)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from tickets.registry.queries import Standing


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` has at most ten characters, so that a shapefile keeps it whole."""

    field: str
    name: str
    title: str | Promise


COLUMNS = (
    Column("number", "number", _("碳票编号")),
    Column("area", "area", _("与 OGC 数据集 tickets 的要素标识、瓦片的 uid 对应")),
    Column("state", "state", format_lazy("{}{}", _("状态："), "、".join(Standing.values))),
    Column("project", "project", _("项目编号")),
    Column("filing", "filing", _("备案号")),
    Column("project_type", "type", _("项目类型：planting 造林、tending 森林抚育经营、restoration 退化林修复")),
    Column("township", "township", _("乡镇（街道）代码")),
    Column("species", "species", _("主要树种")),
    Column("holder", "holder", _("持有人，自然人隐去名字")),
    Column("holder_kind", "holder_knd", _("持有人类型")),
    Column("issued_on", "issued_on", _("制发日期")),
    Column("period_start", "period_beg", _("监测期首日")),
    Column("period_end", "period_end", _("监测期末日")),
    Column("area_ha", "area_ha", _("面积（公顷，取一位小数）")),
    Column("price_fen", "price_fen", _("成交价（分/吨）；不是从交易所得的为空")),
    Column("total_kg", "total_kg", _("票上减排量（千克二氧化碳当量）")),
    Column("held_kg", "held_kg", _("其中持有")),
    Column("listed_kg", "listed_kg", _("其中挂牌")),
    Column("pledged_kg", "pledged_kg", _("其中质押")),
    Column("offset_kg", "offset_kg", _("其中已抵消")),
    Column("cancelled_kg", "cancel_kg", _("其中已注销")),
    Column("frozen_kg", "frozen_kg", _("冻结或挂失中的数量，已含在以上各项")),
)  # fmt: skip
