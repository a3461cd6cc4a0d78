"""Problem codes in words: the reader's own, and those that only the register can tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from parcels.intake.errors import reject_message

REGISTER_MESSAGES = {
    "verified_shape_differs": _(
        "该宗地已审核冻结，文件中的图形与之不同：已存为待审版本，现行图形不变。可在权属审核台依职权立案变更。"
    ),
    "unit_number_twice": _("不动产单元号 {unit_number} 出现多次：已分别登记，请核对哪一个正确。"),
    "fits_after_gcj02_shift": _(
        "按 GCJ-02（手机地图）反偏移约 280 米后与已登记宗地吻合，现有位置则不吻合：坐标很可能已偏移。"
        "请换用 CGCS2000 或 WGS 84 坐标重新导出。"
    ),
    "area_differs": _(
        "证载面积 {certified_ha} 公顷与图上面积 {mapped_ha} 公顷相差 {percent}%，审核时须书面说明。"
    ),
    "area_looks_like_mu": _(
        "证载面积 {certified_ha} 公顷约为图上面积 {mapped_ha} 公顷的 15 倍，可能把亩填成了公顷。"
    ),
}


def problem_message(code: str, facts: Mapping[str, Any]) -> str:
    """What a problem of an import says to people."""
    if code in REGISTER_MESSAGES:
        return str(REGISTER_MESSAGES[code]).format(**facts)
    return reject_message(code, dict(facts))
