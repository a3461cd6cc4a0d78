"""Complaints, inspections and an eco-justice case of the demonstration, through the operations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Department, User
from portal.base.clock import today
from portal.base.story import Chapter
from portal.base.transactions import write_transaction
from tickets.registry.models import CarbonTicket
from tickets.supervision.models import Complaint, Inspection
from tickets.supervision.operations.complaints import (
    accept_complaint,
    answer_complaint,
    draft_answer,
    make_complaint,
)
from tickets.supervision.operations.inspections import (
    order_inspection,
    propose_inspection,
    sign_inspection,
)
from tickets.supervision.operations.watching import publish_news


@write_transaction
def play_supervision(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """One complaint answered, one about a department in hand elsewhere, one new; visits made and
    due; a piece of policy news."""
    ticket = CarbonTicket.objects.standing().order_by("year", "serial").first()
    if Complaint.objects.exists() or ticket is None:
        return
    place = ticket.area_version.geom.point_on_surface
    with override("zh-hans"):
        answered = make_complaint(
            topic=Complaint.Topic.FOREST, text="北坡有人砍树，请核查。", place=place, ticket=ticket,
            actor=None,
        )  # fmt: skip
        accept_complaint(complaint=answered, actor=users["forestry"])
        draft_answer(
            complaint=answered, upheld=False, answer="经现场核查，为已批准的抚育采伐，手续齐全。",
            actor=users["forestry"],
        )  # fmt: skip
        answer_complaint(complaint=answered, actor=users["forestry_approver"])
        inside = make_complaint(
            topic=Complaint.Topic.CONDUCT, text="办事人员拖延受理。", name="张明",
            contact="13800000000", accused=Department.FORESTRY, actor=None,
        )  # fmt: skip
        accept_complaint(complaint=inside, actor=users["justice"])
        make_complaint(topic=Complaint.Topic.TRADING, text="竞价公告时间太短。", actor=None)
        visited, _due = (
            order_inspection(
                inspection=propose_inspection(
                    ticket=ticket, cause=cause, reason=reason, actor=users["forestry"]
                ),
                inspector=users["forestry"],
                due_on=today() + timedelta(days=days),
                number=f"伊林检〔2026〕{days}号",
                actor=users["forestry_approver"],
            )
            for cause, reason, days in (
                (Inspection.Cause.COMPLAINT, "核查举报的采伐", 5),
                (Inspection.Cause.PLAN, "年度抽查", 30),
            )
        )
        sign_inspection(
            inspection=visited,
            visited_on=today(),
            outcome=Inspection.Outcome.GOOD,
            findings="抚育采伐，未见主伐，林木生长正常。",
            actor=users["forestry"],
        )
        publish_news(
            title="林业碳汇计量监测技术规范征求意见（演示）",
            text="修订稿公开征求意见，对已制发的碳票没有影响。",
            source="演示",
            actor=users["forestry"],
        )
    tell(_("示例举报 {count} 件").format(count=Complaint.objects.count()))


CHAPTERS = (Chapter(3, play_supervision),)
