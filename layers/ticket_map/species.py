"""Names of tree species in the reader's language, as certificates and inventories here write them.

Unknown ones are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SPECIES: dict[str, Promise] = {
    "杨": _("杨"),
    "杨树": _("杨树"),
    "新疆杨": _("新疆杨"),
    "银白杨": _("银白杨"),
    "胡杨": _("胡杨"),
    "箭杆杨": _("箭杆杨"),
    "俄罗斯杨": _("俄罗斯杨"),
    "云杉": _("云杉"),
    "雪岭云杉": _("雪岭云杉"),
    "天山云杉": _("天山云杉"),
    "松": _("松"),
    "松树": _("松树"),
    "松类": _("松类"),
    "樟子松": _("樟子松"),
    "油松": _("油松"),
    "其他松类": _("其他松类"),
    "榆": _("榆"),
    "榆树": _("榆树"),
    "白榆": _("白榆"),
    "裂叶榆": _("裂叶榆"),
    "大叶榆": _("大叶榆"),
    "桦": _("桦"),
    "桦树": _("桦树"),
    "桦木": _("桦木"),
    "天山桦": _("天山桦"),
    "白桦": _("白桦"),
    "疣枝桦": _("疣枝桦"),
    "白蜡": _("白蜡"),
    "白蜡树": _("白蜡树"),
    "大叶白蜡": _("大叶白蜡"),
    "小叶白蜡": _("小叶白蜡"),
    "水曲柳": _("水曲柳"),
    "沙枣": _("沙枣"),
    "柳": _("柳"),
    "柳树": _("柳树"),
    "软阔": _("软阔"),
    "其他软阔": _("其他软阔"),
    "硬阔": _("硬阔"),
    "其他硬阔": _("其他硬阔"),
    "苹果": _("苹果"),
    "野苹果": _("野苹果"),
    "杏": _("杏"),
    "野杏": _("野杏"),
    "核桃": _("核桃"),
    "果树": _("果树"),
}


def species_words() -> dict[str, str]:
    """Each known species as the reader's language calls it."""
    return {name: str(words) for name, words in SPECIES.items()}


def species_in_words(species: Iterable[str]) -> str:
    """Several of them as one text; empty of none."""
    return str(_("、")).join(str(SPECIES.get(one, one)) for one in species)
