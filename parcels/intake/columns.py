"""What a file's columns may stand for, and which are proposed from the names bureaus use."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class TargetField:
    """One fact of the register; ``synonyms`` are column names seen in files, best first."""

    code: str
    label: str | Promise
    synonyms: tuple[str, ...]


# The first synonym is the national one-map field (data/README.md), then names of older forms.
FIELDS: tuple[TargetField, ...] = (
    TargetField(
        "unit_number", _("不动产单元号"), ("BDCDYH", "不动产单元号", "单元号", "unit_number")
    ),
    TargetField(
        "certificate_number",
        _("权属证书号"),
        ("ZQ_HAO", "LQZH", "BDCQZH", "不动产权证号", "林权证号", "证书号", "证号", "certificate"),
    ),
    TargetField(
        "holder_name",
        _("权利人"),
        ("LQ_QLR", "QLR", "QLRMC", "权利人", "林权权利人", "权利人名称", "holder", "owner"),
    ),
    TargetField("county_code", _("县（市）代码"), ("XIAN", "XIAN_DM", "县", "县代码", "county")),
    TargetField("township_code", _("乡镇代码"), ("XIANG", "XIANG_DM", "乡", "乡镇", "township")),
    TargetField("village", _("村"), ("CUN", "CUN_MC", "村", "行政村", "village")),
    TargetField("compartment", _("林班"), ("LIN_BAN", "LINBAN", "林班", "林班号", "compartment")),
    TargetField(
        "subcompartment", _("小班"), ("XIAO_BAN", "XIAOBAN", "小班", "小班号", "subcompartment")
    ),
    TargetField("place_name", _("小地名"), ("XDM", "XIAO_DM", "小地名", "坐落", "place_name")),
    TargetField(
        "area_ha_certified",
        _("证载面积（公顷）"),
        ("MIAN_JI", "ZZMJ", "面积", "证载面积", "面积公顷", "area_ha"),
    ),
    TargetField("tenure", _("土地权属"), ("LD_QS", "土地权属", "权属", "tenure")),
    TargetField("land_class", _("地类"), ("DI_LEI", "DILEI", "地类", "land_class")),
    TargetField("forest_purpose", _("林种"), ("LIN_ZHONG", "LINZHONG", "林种", "purpose")),
    TargetField("origin", _("起源"), ("QI_YUAN", "QIYUAN", "起源", "origin")),
    TargetField("forest_category", _("森林类别"), ("SEN_LIN_LB", "SLLB", "森林类别", "category")),
    TargetField(
        "species", _("优势树种"), ("YOU_SHI_SZ", "YSSZ", "优势树种", "主要树种", "树种", "species")
    ),
    TargetField("age_class", _("龄组"), ("LING_ZU", "LINGZU", "龄组", "age_class")),
    TargetField("mean_age_years", _("平均年龄"), ("PINGJUN_NL", "PJNL", "平均年龄", "mean_age")),
    TargetField(
        "mean_diameter_cm", _("平均胸径（厘米）"), ("PINGJUN_XJ", "PJXJ", "平均胸径", "mean_dbh")
    ),
    TargetField("canopy_closure", _("郁闭度"), ("YU_BI_DU", "YBD", "郁闭度", "canopy")),
    TargetField(
        "growing_stock_m3_per_ha",
        _("每公顷蓄积"),
        ("HUO_LMGQXJ", "GQXJ", "公顷蓄积", "每公顷蓄积", "每公顷蓄积量", "stock_m3_ha"),
    ),
    TargetField("term_ends_on", _("终止日期"), ("ZZRQ", "SYQX_Z", "终止日期", "term_ends_on")),
)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold().replace(" ", "").replace("_", "")


def propose_mapping(names: Iterable[str]) -> dict[str, str]:
    """Target → column, for columns whose name is known. A column is proposed once only."""
    by_name = {_plain(name): name for name in reversed(list(names))}
    proposed: dict[str, str] = {}
    for target in FIELDS:
        for synonym in (*target.synonyms, target.code):
            column = by_name.get(_plain(synonym))
            if column is not None and column not in proposed.values():
                proposed[target.code] = column
                break
    return proposed


def label_column(names: Iterable[str]) -> str | None:
    """The column by which people would call a feature; None when nothing like it is known."""
    mapping = propose_mapping(names)
    targets = ("unit_number", "certificate_number", "subcompartment")
    return next((mapping[target] for target in targets if target in mapping), None)
