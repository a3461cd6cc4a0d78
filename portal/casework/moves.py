"""The one table of moves of a review step. Code asks it; the database's own copy is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class StepStatus(models.TextChoices):
    """Where a step stands. All but the first four are ends, until a return takes it back."""

    WAITING = "waiting", _("未开始")
    OPEN = "open", _("办理中")
    PREPARED = "prepared", _("待审批")
    RETURNED = "returned", _("退回补正")
    ENDORSED = "endorsed", _("通过")
    REJECTED = "rejected", _("不予通过")
    CLOSED = "closed", _("终止")


class VerdictKind(models.TextChoices):
    """What somebody said in a step. The last four follow by themselves from another verdict."""

    PREPARE = "prepare", _("提出意见")
    ENDORSE = "endorse", _("通过")
    SEND_BACK = "send_back", _("退回经办")
    RETURN = "return", _("退回补正")
    REJECT = "reject", _("不予通过")
    RESUBMIT = "resubmit", _("补正提交")
    RECALL = "recall", _("收回办理")
    END = "end", _("依职权终止")
    WITHDRAW = "withdraw", _("撤回申请")
    DISQUALIFY = "disqualify", _("取消申报资格")
    BEGIN = "begin", _("开始办理")
    REWIND = "rewind", _("重新审查")
    CLOSE = "close", _("随案终止")


class By(StrEnum):
    """Who may say it."""

    HANDLER = "handler"  # The step's own role, or the third party it is entrusted to.
    APPROVER = "approver"  # The department's approver, who did not prepare it.
    APPLICANT = "applicant"  # Who acts for a party of the case.
    AUTHORITY = "authority"  # Forestry's approver (article 3), whatever the step.
    COURSE = "course"  # Follows from another verdict; nobody says it by itself.


@dataclass(frozen=True, slots=True)
class Move:
    """One row: where it leads and who may take it. ``pair`` limits it to steps that two decide
    (True) or one alone (False).
    """

    after: StepStatus
    by: By
    pair: bool | None = None


_UNFINISHED = (StepStatus.WAITING, StepStatus.OPEN, StepStatus.PREPARED, StepStatus.RETURNED)

MOVES: dict[tuple[StepStatus, VerdictKind], Move] = {
    (StepStatus.WAITING, VerdictKind.BEGIN): Move(StepStatus.OPEN, By.COURSE),
    (StepStatus.OPEN, VerdictKind.PREPARE): Move(StepStatus.PREPARED, By.HANDLER, pair=True),
    (StepStatus.OPEN, VerdictKind.ENDORSE): Move(StepStatus.ENDORSED, By.HANDLER, pair=False),
    (StepStatus.OPEN, VerdictKind.RETURN): Move(StepStatus.RETURNED, By.HANDLER),
    (StepStatus.PREPARED, VerdictKind.ENDORSE): Move(StepStatus.ENDORSED, By.APPROVER),
    (StepStatus.PREPARED, VerdictKind.SEND_BACK): Move(StepStatus.OPEN, By.APPROVER),
    (StepStatus.PREPARED, VerdictKind.RETURN): Move(StepStatus.RETURNED, By.APPROVER),
    (StepStatus.PREPARED, VerdictKind.REJECT): Move(StepStatus.REJECTED, By.APPROVER),
    (StepStatus.RETURNED, VerdictKind.RESUBMIT): Move(StepStatus.OPEN, By.APPLICANT),
    # Only where an office opened the case itself: nobody need answer it.
    (StepStatus.RETURNED, VerdictKind.RECALL): Move(StepStatus.OPEN, By.HANDLER),
    # Only of cases whose subject lets the office end what is not answered (migration 0009).
    (StepStatus.RETURNED, VerdictKind.END): Move(StepStatus.CLOSED, By.HANDLER),
    **{
        (status, VerdictKind.WITHDRAW): Move(StepStatus.CLOSED, By.APPLICANT)
        for status in _UNFINISHED
    },
    **{
        (status, VerdictKind.DISQUALIFY): Move(StepStatus.CLOSED, By.AUTHORITY)
        for status in _UNFINISHED
    },
    **{(status, VerdictKind.CLOSE): Move(StepStatus.CLOSED, By.COURSE) for status in _UNFINISHED},
    **{
        (status, VerdictKind.REWIND): Move(StepStatus.WAITING, By.COURSE)
        for status in (
            StepStatus.OPEN,
            StepStatus.PREPARED,
            StepStatus.RETURNED,
            StepStatus.ENDORSED,
        )
    },
}


def rows() -> list[tuple[str, str, str, str, bool | None]]:
    """The table as the database keeps it: before, verdict, after, by, pair."""
    return sorted(
        (before.value, verdict.value, move.after.value, move.by.value, move.pair)
        for (before, verdict), move in MOVES.items()
    )
