"""The move table as a picture: states as boxes, verdicts as arrows, computed from the table itself."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.casework.moves import MOVES, By, StepStatus, VerdictKind

BOX_WIDTH, BOX_HEIGHT = 132, 46
ASIDE = 9
FLAT = 40
LABEL_LIFT, LABEL_ASIDE, LINE_DROP = 9, 8, 6
WIDE, NARROW, LINE = 12, 6.5, 15  # A Chinese character's width, a letter's, and a line's height.
# Where each state's box stands: column and row of the sheet.
PLACES: dict[StepStatus, tuple[int, int]] = {
    StepStatus.WAITING: (20, 165),
    StepStatus.OPEN: (270, 165),
    StepStatus.PREPARED: (480, 280),
    StepStatus.ENDORSED: (770, 165),
    StepStatus.RETURNED: (480, 20),
    StepStatus.REJECTED: (770, 20),
    StepStatus.CLOSED: (20, 20),
}
WHO: dict[By, str | Promise] = {
    By.HANDLER: _("经办人员或受委托的第三方机构"),
    By.APPROVER: _("本部门审批人员（不是经办人本人）"),
    By.APPLICANT: _("申请人或其代表"),
    By.AUTHORITY: _("林业主管部门审批人员"),
    By.COURSE: _("随其他结论自动发生"),
}
# What the regulation or the policy says of a verdict.
ARTICLES: dict[VerdictKind, str | Promise] = {
    VerdictKind.PREPARE: _("第八条；经办与审批分离（政策）"),
    VerdictKind.ENDORSE: _("第三条、第四条、第八条"),
    VerdictKind.SEND_BACK: _("经办与审批分离（政策）"),
    VerdictKind.RETURN: _("第七条、第八条；补正期间期限停止计算（政策）"),
    VerdictKind.REJECT: _("第八条"),
    VerdictKind.RESUBMIT: _("第七条、第八条"),
    VerdictKind.RECALL: _("第三条；限主管部门自行立案的案件"),
    VerdictKind.END: _("第三条；限所办事项准许的案件，须写明理由"),
    VerdictKind.WITHDRAW: _("第三条（自愿）"),
    VerdictKind.DISQUALIFY: _("第七条"),
    VerdictKind.BEGIN: _("第八条"),
    VerdictKind.REWIND: _("内容变更后重新审查（政策）"),
    VerdictKind.CLOSE: _("案件已经终结"),
}
# Verdicts that every unfinished state has are drawn once, from the state in hand.
DRAWN_ONCE = (VerdictKind.WITHDRAW, VerdictKind.DISQUALIFY, VerdictKind.CLOSE, VerdictKind.REWIND)


@dataclass(frozen=True, slots=True)
class Box:
    """One state on the sheet."""

    status: StepStatus
    x: int
    y: int

    @property
    def label(self) -> str:
        return str(self.status.label)

    @property
    def middle_x(self) -> int:
        return self.x + BOX_WIDTH // 2

    @property
    def middle_y(self) -> int:
        return self.y + BOX_HEIGHT // 2 + 5


@dataclass(frozen=True, slots=True)
class Arrow:
    """One or more verdicts that lead from one state to another."""

    path: str
    x: int
    labels: list[tuple[str, int]]  # One below the other, each with its height on the sheet.


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, in words."""

    before: str
    verdict: str
    after: str
    who: str | Promise
    article: str | Promise
    pair: bool | None


def boxes() -> list[Box]:
    return [Box(status, *PLACES[status]) for status in StepStatus]


def arrows() -> list[Arrow]:
    """Straight lines between the boxes' edges, opposite directions side by side."""
    ways: dict[tuple[StepStatus, StepStatus], list[str]] = {}
    for (before, verdict), move in MOVES.items():
        if verdict in DRAWN_ONCE and before is not StepStatus.OPEN:
            continue
        ways.setdefault((before, move.after), []).append(str(verdict.label))
    return [
        _arrow(before, after, labels, side=1 if (after, before) in ways else -1)
        for (before, after), labels in ways.items()
    ]


def rows() -> list[Row]:
    """The whole table."""
    return [
        Row(
            str(before.label),
            str(verdict.label),
            str(move.after.label),
            WHO[move.by],
            ARTICLES[verdict],
            move.pair,
        )
        for (before, verdict), move in MOVES.items()
    ]


def _arrow(before: StepStatus, after: StepStatus, labels: list[str], *, side: int) -> Arrow:
    """``side``: 1 writes to the right of the way, where its counterpart's is free; -1 to the left."""
    x1, y1 = PLACES[before]
    x2, y2 = PLACES[after]
    middle1, middle2 = (
        (x1 + BOX_WIDTH / 2, y1 + BOX_HEIGHT / 2),
        (
            x2 + BOX_WIDTH / 2,
            y2 + BOX_HEIGHT / 2,
        ),
    )
    across, down = middle2[0] - middle1[0], middle2[1] - middle1[1]
    length = (across**2 + down**2) ** 0.5
    # Aside by a few units, so that the way there and the way back are two lines.
    aside = (-down / length * ASIDE, across / length * ASIDE)
    start = _edge(middle1, (across, down), aside)
    end = _edge(middle2, (-across, -down), aside)
    label_x, label_y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    lines = list(dict.fromkeys(labels))
    # Beside its line and clear of it.
    if abs(down) < FLAT:
        label_y += LABEL_LIFT + 8 if across >= 0 else -LABEL_LIFT
    else:
        half = max(_width(line) for line in lines) / 2
        label_x += (half + LABEL_ASIDE) * side * (1 if aside[0] > 0 else -1)
        label_y += LINE_DROP if down > 0 else 0
    return Arrow(
        f"M{start[0]:.0f} {start[1]:.0f}L{end[0]:.0f} {end[1]:.0f}",
        round(label_x),
        [
            (line, round(label_y + (at - (len(lines) - 1) / 2) * LINE))
            for at, line in enumerate(lines)
        ],
    )


def _width(text: str) -> float:
    return sum(WIDE if letter > "\u2e80" else NARROW for letter in text)


def _edge(
    middle: tuple[float, float], way: tuple[float, float], aside: tuple[float, float]
) -> tuple[float, float]:
    """Where the line from the middle of a box leaves it."""
    half_width, half_height = BOX_WIDTH / 2 + 4, BOX_HEIGHT / 2 + 4
    scale = min(
        half_width / abs(way[0]) if way[0] else float("inf"),
        half_height / abs(way[1]) if way[1] else float("inf"),
    )
    return middle[0] + way[0] * scale + aside[0], middle[1] + way[1] * scale + aside[1]
