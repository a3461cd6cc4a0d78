"""One class for each rule of supervision."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class SupervisionError(PortalError):
    """A rule of supervision was not kept."""

    code = "supervision_error"


class TooManyComplaints(SupervisionError):
    """Too many from one place; a person is shown another way to be heard."""

    code = "too_many_complaints"
    message = _("来自同一网络的举报过多，请 {minutes} 分钟后再试；您填写的内容已保留。{contact}")


@stands_for("the_accused_does_not_handle_a_complaint")
class AccusedWouldHandle(SupervisionError):
    """A complaint must not come to the department it is about."""

    code = "accused_would_handle"
    message = _("举报不能交由被举报的部门办理，请选择其他部门。")


@stands_for("who_drafted_an_answer_does_not_approve_it")
class OwnDraft(SupervisionError):
    """Who decides does not decide alone."""

    code = "own_draft"
    message = _("拟稿人不能审批自己的答复，请由本部门另一人审批。")


@stands_for("complaint_moves_on_its_way", "answered_complaint_is_whole")
class ComplaintMovedOn(SupervisionError):
    """The complaint is not in the state that this act starts from."""

    code = "complaint_moved_on"
    message = _("这件举报的状态已改变，请核对最新状态后再操作。")


@stands_for("what_was_complained_of_stands", "complaint_says_something")
class ComplaintStands(SupervisionError):
    """What was said, and an answer that was given, are not edited."""

    code = "complaint_stands"
    message = _("举报内容和已作出的答复不能修改。")


class NotTheOffice(SupervisionError):
    """Only the handling department's clerk or approver may."""

    code = "not_the_office"
    message = _("这一步由受理部门的{office}办理。")


@stands_for("signed_inspection_stands")
class InspectionStands(SupervisionError):
    """A signed inspection is never edited; what is found later is another inspection."""

    code = "inspection_stands"
    message = _("检查记录已签字，不能修改。新的情况请另行安排复查。")


@stands_for(
    "follow_up_is_of_a_signed_visit",
    "inspection_is_dropped_for_a_reason",
    "inspection_moves_on_its_way",
    "ordered_inspection_is_whole",
)
class InspectionMovedOn(SupervisionError):
    """The inspection is not in the state that this act starts from."""

    code = "inspection_moved_on"
    message = _("这次检查的状态已改变，请核对最新状态后再操作。")


@stands_for(
    "follow_up_says_what_is_mended", "signed_inspection_is_whole", "signed_loss_stands_still"
)
class InspectionIncomplete(SupervisionError):
    """Outcome, findings, measures and affected land must fit together."""

    code = "inspection_incomplete"
    message = _(
        "检查记录不完整：需要整改的须写明要求和期限，林木受损的须标出受影响范围，"
        "复查整改的须写明是否落实（未落实的不能结论为未见异常）。"
    )


@stands_for("who_orders_an_inspection_does_not_make_it")
class OwnOrder(SupervisionError):
    """Who orders a visit does not make it."""

    code = "own_order"
    message = _("下达检查的人不能自己检查，请指派另一位经办人。")


class NothingAffected(SupervisionError):
    """The affected shape does not lie on the ticket's land."""

    code = "nothing_affected"
    message = _("受影响范围不在该碳票的项目范围内，请重新标出。")


class NotTheInspector(SupervisionError):
    """Only the inspector who was ordered writes and signs."""

    code = "not_the_inspector"
    message = _("只有被指派的检查人员可以填写和签字。")


@stands_for("justice_case_moves_on_its_way", "subscribed_case_has_its_tonnes")
class JusticeCaseMovedOn(SupervisionError):
    """The case is not in the state that this act starts from."""

    code = "justice_case_moved_on"
    message = _("案件的状态已改变，请核对最新状态后再操作。")


@stands_for("one_case_of_a_decision_and_obligor")
class JusticeCaseTwice(SupervisionError):
    """This obligation is being fulfilled already."""

    code = "justice_case_twice"
    message = _("同一决定、同一责任人的案件已经受理，不能重复认购。")


@stands_for("who_opened_a_justice_case_does_not_confirm_it")
class OwnJusticeCase(SupervisionError):
    """Who decides does not decide alone."""

    code = "own_justice_case"
    message = _("受理人不能审批自己受理的案件，请由另一人审批。")


@stands_for("justice_case_is_whole", "eco_justice_offset_has_its_case")
class JusticeCaseIncomplete(SupervisionError):
    """Decision, written consent and valuation with its author belong together."""

    code = "justice_case_incomplete"
    message = _("案件材料不完整：须有决定、书面同意（不早于决定）、评估说明及评估人和认购数量。")


@stands_for(
    "justice_offset_is_the_cases",
    "justice_order_is_of_a_case",
    "justice_tonnes_come_from_one_place",
)
class OffsetOfAnotherCase(SupervisionError):
    """The tonnes offset are those that the case decided on."""

    code = "offset_of_another_case"
    message = _("抵消申请或认购订单与案件的机关、文号、来源或数量不一致。")
