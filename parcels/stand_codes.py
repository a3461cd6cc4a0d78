"""Codes of the forest inventory in words (LY/T 2893, GB/T 26424: the national one-map of forests).

Unknown codes are shown as they are.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TENURE: dict[str, Promise] = {
    "10": _("国有"),
    "15": _("国有"),
    "16": _("国有"),
    "20": _("集体"),
    "21": _("农户家庭承包"),
    "22": _("联户合作经营"),
    "23": _("集体经济组织经营"),
}
ORIGIN: dict[str, Promise] = {
    "10": _("天然"),
    "11": _("天然（纯天然）"),
    "12": _("天然（人工促进）"),
    "13": _("天然（萌生）"),
    "20": _("人工"),
    "21": _("人工（植苗）"),
    "22": _("人工（直播）"),
    "23": _("人工（飞播）"),
    "24": _("人工（萌生）"),
}
CATEGORY: dict[str, Promise] = {
    "11": _("重点公益林"),
    "12": _("一般公益林"),
    "21": _("重点商品林"),
    "22": _("一般商品林"),
}
AGE_CLASS: dict[str, Promise] = {
    "1": _("幼龄林"),
    "2": _("中龄林"),
    "3": _("近熟林"),
    "4": _("成熟林"),
    "5": _("过熟林"),
}
LAND_CLASS: dict[str, Promise] = {
    "0301": _("乔木林地"),
    "0302": _("竹林地"),
    "0303": _("红树林地"),
    "0304": _("森林沼泽"),
    "0305": _("灌木林地"),
    "0306": _("灌丛沼泽"),
    "0307": _("其他林地"),
}
PURPOSE: dict[str, Promise] = {
    "11": _("防护林"),
    "12": _("特种用途林"),
    "23": _("用材林"),
    "24": _("能源林"),
    "25": _("经济林"),
}


def in_words(table: dict[str, Promise], code: str) -> str:
    """The words of the longest known prefix, with the code behind them."""
    for length in range(len(code), 0, -1):
        if code[:length] in table:
            return f"{table[code[:length]]}（{code}）"
    return code
