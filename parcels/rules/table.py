"""The table of spatial rules: what each serves, how severe it is at each stage, what it says.

A rule is an entry here and a file ``sql/CODE.sql``. The file is one SELECT over ``candidate`` (see
``engine``) that answers, in this order: candidate's n, level, shape (EPSG:4490 or null), area in m²
(ellipsoidal), mean width in m, the other object's kind, key and number, and facts as JSON. What a
level means at a stage, and in which words, is said here alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from parcels.intake.errors import FEATURE_MESSAGES
from parcels.intake.features import REASONS


class Subject(StrEnum):
    """What a candidate is put forward as."""

    TITLE = "title"
    PROJECT = "project"


class Stage(StrEnum):
    """Where the rules are asked. Screening compares whole files with the register."""

    DRAW = "draw"
    SUBMIT = "submit"
    REVIEW = "review"
    ISSUE = "issue"
    SCREEN = "screen"


class Severity(StrEnum):
    """Ordered from light to grave; a verdict is the gravest of its findings."""

    INFO = "info"
    WARNING = "warning"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Level:
    """One way in which a rule can strike: words with ``{facts}``, and a severity for each stage.

    ``stages`` holds one letter a stage in the order of ``Stage``: i, w, c, or - for "not told";
    ``as_title`` those of a title where a rule of both judges it otherwise than a project.
    """

    message: str | Promise
    stages: str
    as_title: str = ""

    def severity(self, stage: Stage, subject: Subject) -> Severity | None:
        """None where the level is not told of this subject at this stage."""
        letters = self.as_title if subject is Subject.TITLE and self.as_title else self.stages
        letter = letters[list(Stage).index(stage)]
        return {"i": Severity.INFO, "w": Severity.WARNING, "c": Severity.CONFLICT}.get(letter)


@dataclass(frozen=True, slots=True)
class Rule:
    """One spatial rule.

    ``policies`` are the codes whose numbers its SQL reads, as parameters with ``_`` for ``.``.
    ``needs`` are the run's inputs without which the rule has nothing to say; ``facts`` the
    candidate's columns of which one must be known.
    """

    code: str
    article: str
    title: str | Promise
    subjects: frozenset[Subject]
    levels: Mapping[str, Level]
    policies: tuple[str, ...] = ()
    needs: tuple[str, ...] = field(default=())
    facts: tuple[str, ...] = field(default=())

    def is_told(self, stage: Stage, subject: Subject) -> bool:
        """Whether the rule has anything to say of this subject at this stage."""
        return subject in self.subjects and any(
            level.severity(stage, subject) is not None for level in self.levels.values()
        )


_TITLE = frozenset({Subject.TITLE})
_PROJECT = frozenset({Subject.PROJECT})
_BOTH = _TITLE | _PROJECT
_OVERLAP = ("overlap.grid_m", "overlap.sliver_area_m2", "overlap.sliver_halfwidth_m")
_SLIVER = Level(
    _("重叠 {area_m2} 平方米，平均宽 {mean_width_m} 米，属细缝，建议与邻界对齐。"), "wwwiw"
)

#                                                                  draw submit review issue screen
_RULES = (
    Rule(
        "valid_geometry",
        "第七条",
        _("图形有效"),
        _BOTH,
        {
            "invalid": Level(_("图形无效：{reason}"), "ccccc"),
            "empty": Level(_("图形是空的。"), "ccccc"),
        },
    ),
    Rule(
        "sharp_angle",
        "第七条",
        _("尖角"),
        _BOTH,
        {"sharp": Level(_("有 {count} 处尖角，最小 {degrees} 度，可能是多余的界址点。"), "wwwiw")},
        ("title.sharp_angle_deg",),
    ),
    Rule(
        "close_vertices",
        "第七条",
        _("界址点过近"),
        _BOTH,
        {"close": Level(_("有 {count} 对相邻界址点过近，最近 {metres} 米。"), "wwwiw")},
        ("title.close_vertices_m",),
    ),
    Rule(
        "tiny_hole",
        "第七条",
        _("小洞"),
        _BOTH,
        {"tiny": Level(_("有 {count} 个小洞，共 {area_m2} 平方米。"), "wwwiw")},
        ("title.tiny_hole_m2",),
    ),
    Rule(
        "tiny_part",
        "第七条",
        _("碎部"),
        _BOTH,
        {"tiny": Level(_("有 {count} 个碎部，共 {area_m2} 平方米。"), "wwwiw")},
        ("title.tiny_part_m2",),
    ),
    Rule(
        "within_city",
        "第二条",
        _("位于本市范围内"),
        _BOTH,
        {
            "outside": Level(_("在本市示意界线以外，请核对是否属伊宁市。"), "wwwiw"),
            "partly_outside": Level(_("部分超出本市示意界线，请核对。"), "wwwiw"),
        },
    ),
    Rule(
        "minimum_area",
        "第七条",
        _("最小面积"),
        _BOTH,
        {"small": Level(_("面积 {area_m2} 平方米，小于 {least_m2} 平方米。"), "wcccw")},
        ("title.min_area_m2",),
    ),
    Rule(
        "area_against_certificate",
        "第七条",
        _("图上面积与证载面积"),
        _TITLE,
        {
            "note": Level(
                _("证载 {certified_ha} 公顷，图上 {mapped_ha} 公顷，相差 {percent}%。"), "iiiii"
            ),
            "reason": Level(
                _("证载 {certified_ha} 公顷，图上 {mapped_ha} 公顷，相差 {percent}%，须书面说明。"),
                "wwwww",
            ),
            "looks_like_mu": Level(
                _("证载 {certified_ha} 公顷约为图上 {mapped_ha} 公顷的 15 倍，可能误填了亩。"),
                "wwwww",
            ),
        },
        ("area.note_percent", "area.reason_percent"),
        facts=("area_m2_certified",),
    ),
    Rule(
        "right_expired",
        "第七条",
        _("权利期限"),
        _TITLE,
        {"expired": Level(_("权利已于 {ended_on} 到期。"), "wwccw")},
        facts=("term_ends_on",),
    ),
    Rule(
        "duplicate_number",
        "第七条",
        _("编号唯一"),
        _TITLE,
        {
            "unit_verified": Level(_("不动产单元号 {number} 已用于另一已审核宗地。"), "wcccw"),
            "unit_registered": Level(_("不动产单元号 {number} 已用于另一已登记宗地。"), "wwwww"),
            "certificate_verified": Level(_("证号 {number} 已用于另一已审核证书。"), "wcccw"),
            "certificate_registered": Level(_("证号 {number} 已用于另一已登记证书。"), "wwwww"),
        },
        facts=("unit_key", "certificate_key"),
    ),
    Rule(
        "overlap_title",
        "第四条",
        _("与其他权属重叠"),
        _TITLE,
        {
            # Registered titles may overlap: that is what the bench is for. A file that is screened
            # is asked only whether its land is free.
            "verified": Level(_("与已审核宗地 {other} 重叠 {area_m2} 平方米。"), "ccccc"),
            "registered": Level(_("与已登记宗地 {other} 重叠 {area_m2} 平方米。"), "wwwwc"),
            "other_right": Level(
                _("与宗地 {other} 重叠 {area_m2} 平方米，但权利种类不同。"), "iiiii"
            ),
            "sliver": _SLIVER,
        },
        _OVERLAP,
    ),
    Rule(
        "overlap_within",
        "第四条",
        _("本证书的宗地相互重叠"),
        _TITLE,
        {
            "within": Level(_("与本证书的另一宗地 {other} 重叠 {area_m2} 平方米。"), "wccc-"),
            "sliver": Level(_SLIVER.message, "wwwi-"),
        },
        _OVERLAP,
        facts=("certificate_id",),
    ),
    Rule(
        "rival_title",
        "第四条",
        _("同一宗地上的其他证书"),
        _TITLE,
        {
            "verified": Level(
                _("已审核证书 {number} 在此宗地上持有同一种权利，共 {area_m2} 平方米。"), "cccc-"
            ),
            "registered": Level(
                _("已登记证书 {number} 在此宗地上持有同一种权利，共 {area_m2} 平方米。"), "wwww-"
            ),
        },
        facts=("parcel_id",),
    ),
    Rule(
        "gap",
        "第四条",
        _("与同林班相邻小班的缝隙"),
        _TITLE,
        # Not asked of whole files: closing every neighbourhood costs more than all else together.
        {
            "gap": Level(
                _("与 {other} 之间有缝隙 {area_m2} 平方米，平均宽 {mean_width_m} 米。"), "www--"
            )
        },
        ("overlap.grid_m", "overlap.sliver_area_m2", "title.gap_width_m"),
        facts=("compartment",),
    ),
    Rule(
        "covered_by_titles",
        "第四条、第七条",
        _("位于已审核的林木所有权范围内"),
        _PROJECT,
        {
            "uncovered": Level(_("有 {area_m2} 平方米没有已审核的林木所有权证明。"), "wcccc"),
            # To an owner who draws: of others' titles he is told nothing (``live``).
            "beyond": Level(_("有 {area_m2} 平方米在您的已审核林木所有权范围之外。"), "wcc--"),
            "sliver": Level(
                _("有 {area_m2} 平方米细缝不在权属范围内，建议与权属界线对齐。"), "wwwiw"
            ),
        },
        _OVERLAP,
    ),
    Rule(
        "title_of_applicant",
        "第五条",
        _("权属属于申请人"),
        _PROJECT,
        {
            "other_holder": Level(_("证书 {number} 的林木所有权人不是申请人。"), "wcccc"),
            "unknown_holder": Level(
                # Nobody consents for a name: it is linked to a checked party before the submission.
                _(
                    "证书 {number} 的权利人仅知名称，尚不能确认是否为申请人："
                    "请其核验身份，由林业部门关联名称后列为共同申请人。"
                ),
                "wcccw",
            ),
        },
        _OVERLAP,
        ("applicants",),
    ),
    Rule(
        "linked_titles",
        "第七条",
        _("所附权属证明覆盖项目范围"),
        _PROJECT,
        {
            "unlinked": Level(
                _("证书 {number} 覆盖范围内 {area_m2} 平方米，但没有列入所附权属证明。"), "wcccc"
            )
        },
        _OVERLAP,
        ("certificates",),
    ),
    Rule(
        "title_outlives_period",
        "第四条",
        _("权利期限覆盖监测期"),
        _PROJECT,
        {"ends_early": Level(_("证书 {number} 的期限止于 {ends_on}，早于监测期末。"), "wcccc")},
        _OVERLAP,
        ("period",),
    ),
    Rule(
        "title_expired",
        "第四条",
        _("权利仍在期限内"),
        _PROJECT,
        {"expired": Level(_("证书 {number} 的期限已于 {ended_on} 届满。"), "wwwww")},
        _OVERLAP,
    ),
    Rule(
        "overlap_claim",
        "第四条、第二十四条",
        _("与其他项目的占用重叠"),
        _PROJECT,
        {
            "live": Level(
                _("与项目 {number}（监测期 {from} 至 {to}）重叠 {area_m2} 平方米。"), "ccccc"
            ),
            # An earlier pending claim refuses nobody's submission, but the determination.
            "pending": Level(
                _("与先于 {submitted_at} 提交的项目 {number}（待审定）重叠 {area_m2} 平方米。"),
                "wwccw",
            ),
            "pending_later": Level(
                _("与后于本项目、于 {submitted_at} 提交的项目 {number} 重叠 {area_m2} 平方米。"),
                "iiiii",
            ),
            "sliver": _SLIVER,
        },
        _OVERLAP,
    ),
    # Article 6 keeps tickets off this land, not titles: a title there is as sound as any, and its
    # owner and the officers are told in time. Drawn shapes and screened files are asked as projects.
    Rule(
        "overlap_exclusion",
        "第六条、第二十四条",
        _("与 CCER、VCS 等项目重叠"),
        _BOTH,
        {
            "registered": Level(
                _("与已备案的项目 {number} 重叠 {area_m2} 平方米，该部分不得申请碳票。"),
                "ccccc",
                "-www-",
            ),
            "planned": Level(
                _("与拟申报的项目 {number} 重叠 {area_m2} 平方米，该部分不得申请碳票。"),
                "ccccc",
                "-www-",
            ),
            "ended_in_period": Level(
                _("与已结束的项目 {number} 重叠 {area_m2} 平方米，计入期与监测期有交集。"),
                "ccccc",
                "-----",
            ),
            "ended_any_period": Level(
                _("与已结束的项目 {number}（计入期 {from} 至 {to}）重叠 {area_m2} 平方米。"),
                "ccccc",
                "-iii-",
            ),
            "ended": Level(
                _("与已结束的项目 {number} 重叠 {area_m2} 平方米，计入期早于监测期。"),
                "iiiii",
                "-----",
            ),
            "sliver": Level(_SLIVER.message, _SLIVER.stages, "-iii-"),
        },
        _OVERLAP,
    ),
    Rule(
        "harvest_in_period",
        "第六条",
        _("规划采伐"),
        _BOTH,
        {
            "clear_cut": Level(
                _("采伐规划 {number}（{from} 至 {to}）涉及 {area_m2} 平方米。"), "ccccc", "-www-"
            ),
            "ended": Level(
                _("已结束的采伐规划 {number} 涉及 {area_m2} 平方米。"), "iiiii", "-iii-"
            ),
            "sliver": Level(_SLIVER.message, _SLIVER.stages, "-iii-"),
        },
        _OVERLAP,
    ),
)
RULES: Mapping[str, Rule] = {rule.code: rule for rule in _RULES}


class _Facts(dict[str, Any]):
    """A missing fact must not hide a finding behind a KeyError."""

    def __missing__(self, key: str) -> str:
        return "?"


def message_of(rule: str, level: str, facts: Mapping[str, Any]) -> str:
    """What a finding says to people; ``facts`` are its own with area, width and other side."""
    if rule == "valid_geometry" and "reason" in facts:
        facts = {**facts, "reason": _fault_in_words(facts)}
    return str(RULES[rule].levels[level].message).format_map(_Facts(facts))


def _fault_in_words(facts: Mapping[str, Any]) -> str:
    """The reader's words for what PostGIS, or the reader itself, found wrong with a shape."""
    reason = str(facts["reason"])
    words = FEATURE_MESSAGES.get(REASONS.get(reason, reason), reason)
    return str(words).format_map(_Facts(facts))


def rules_for(
    stage: Stage,
    subject: Subject,
    *,
    period_known: bool,
    applicants_known: bool,
    certificates_known: bool = False,
) -> list[Rule]:
    """The rules that have something to say, in the table's order."""
    known = {"period"} if period_known else set()
    if applicants_known:
        known.add("applicants")
    if certificates_known:
        known.add("certificates")
    return [
        rule
        for rule in RULES.values()
        if rule.is_told(stage, subject) and known.issuperset(rule.needs)
    ]
