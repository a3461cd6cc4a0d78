"""The steps of an application through the departments (articles 3, 4 and 8), as data."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department, Role
from portal.base.policy import policy_number
from portal.casework.operations import StepPlan
from tickets.projects.models import Material


class Step(StrEnum):
    """Kinds of step of an application's case."""

    COMPLETENESS = "completeness"
    TITLE = "title"
    TECHNICAL = "technical"
    EXPERT = "expert"
    DETERMINATION = "determination"
    FILING = "filing"


# Which step judged what a material says; another version of it is judged there again. The three
# others are confirmed by the clerk alone.
JUDGED_BY: dict[Material.Kind, Step] = {
    Material.Kind.TITLES: Step.TITLE,
    Material.Kind.AGREEMENT: Step.TITLE,
    Material.Kind.DESIGN: Step.TECHNICAL,
    Material.Kind.REPORT: Step.TECHNICAL,
}
APPLICATION_CASE = "application"
DISQUALIFICATION_CASE = "disqualification"


def application_steps() -> Sequence[StepPlan]:
    """Terms are policy as of now; what was opened under them keeps them."""
    review = int(policy_number("review.working_days"))
    return (
        StepPlan(
            kind=Step.COMPLETENESS,
            title=_("材料齐全性审查"),
            order=1,
            department=Department.FORESTRY,
            days=int(policy_number("review.completeness_days")),
            article="第七条、第八条",
            pair=False,
            intake=True,
        ),
        StepPlan(
            kind=Step.TITLE,
            title=_("权属审核"),
            order=2,
            department=Department.NATURAL_RESOURCES,
            days=int(policy_number("title_review.working_days")),
            article="第三条",
        ),
        StepPlan(
            kind=Step.TECHNICAL,
            title=_("技术审核"),
            order=2,
            department=Department.FORESTRY,
            days=review,
            article="第八条",
        ),
        StepPlan(
            kind=Step.EXPERT,
            title=_("专家审查"),
            order=3,
            department=Department.FORESTRY,
            days=review,
            article="第四条",
            pair=False,
            opinions_needed=int(policy_number("experts.minimum")),
        ),
        StepPlan(
            kind=Step.DETERMINATION,
            title=_("审定"),
            order=4,
            department=Department.FORESTRY,
            days=review,
            article="第四条、第八条",
        ),
        StepPlan(
            kind=Step.FILING,
            title=_("备案签发"),
            order=5,
            department=Department.ECOLOGY,
            days=int(policy_number("filing.working_days")),
            days_from_receipt=False,
            article="第三条、第八条",
            second_factor=True,
        ),
    )


def disqualification_steps() -> Sequence[StepPlan]:
    """Hearing and proposal by the clerk, decision by the approver (article 7)."""
    return (
        StepPlan(
            kind="disqualification",
            title=_("取消申报资格"),
            order=1,
            department=Department.FORESTRY,
            role=Role.CLERK,
            days=int(policy_number("review.working_days")),
            article="第七条",
        ),
    )
