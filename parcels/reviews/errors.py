"""Why a review did not go on: one small class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError, StateMovedOn
from portal.base.guarantees import stands_for


class ReviewRefused(PortalError):
    """A review cannot go on as asked."""

    code = "review_refused"
    message = _("权属审核无法继续。")


@stands_for("title_review_moves_by_the_table", "one_open_review_per_certificate")
class ReviewMoveNotAllowed(ReviewRefused):
    """Out of order, or given twice."""

    code = "review_move_not_allowed"
    message = _("审核已处于“{now}”，不能再“{wanted}”。请刷新页面查看最新状态。")


class ReviewVersionChanged(StateMovedOn):
    """The verdict was formed on a version that has been answered by a newer one."""

    code = "review_version_changed"
    message = _(
        "图形已有新版本（您看到的是第 {seen} 版，现为第 {now} 版）。您填写的内容已保留，"
        "请核对新图形后再提交。"
    )


@stands_for("titles_hold_the_reviewed_land")
class ReviewLandReplaced(StateMovedOn):
    """What was reviewed stands no more: an import or another certificate put a shape in its place."""

    code = "review_land_replaced"
    message = _(
        "林地在审核期间已有变化（审核的是第 {seen} 版，现行为第 {now} 版）。您填写的内容已保留，"
        "请退回补正，由权利人改按更新的图形；主管部门立案的由经办人直接改按。"
    )


class LaterImportWaits(StateMovedOn):
    """An import brought another shape of the land than the bureau proposes; nobody has decided on it."""

    code = "later_import_waits"
    message = _(
        "导入资料带来的图形（第 {numbers} 版）尚未采纳，本案所拟图形没有顾及它。您填写的内容已保留，"
        "请由经办人先改按该图形；待审批的，先退回经办。该宗地已在本案中分割或合并的，请不予通过，再另行立案。"
    )


class NotVerifiedYet(ReviewRefused):
    """A change is asked for a verified title; others are corrected directly."""

    code = "not_verified_yet"
    message = _("证书尚未审核通过，可以直接修改，无须提出变更。")


class ChangeOpen(ReviewRefused):
    """One change at a time."""

    code = "change_open"
    message = _("此证书已有一项变更正在办理。")


@stands_for("ended_parcel_gets_no_shape")
class ParcelLeftReview(StateMovedOn):
    """The parcel was split or merged meanwhile: the review is about its pieces now."""

    code = "parcel_left_review"
    message = _("此宗地已被分割或合并，不再是本次审核的宗地。您填写的内容已保留，请刷新后再办理。")


@stands_for("title_review_is_signed_by_another")
class SignedByAnother(ReviewRefused):
    """Who decides does not decide alone."""

    code = "signed_by_another"
    message = _("经办与审批不能是同一人。请由另一位审批人员签署。")


class OwnTitle(ReviewRefused):
    """Nobody reviews an own application."""

    code = "own_title"
    message = _("您代表该证书的权利人，不能审核自己的权属。请交由其他人员办理。")


class ConflictsRemain(ReviewRefused):
    """A title with conflicts is not verified."""

    code = "conflicts_remain"
    message = _("仍有 {count} 处冲突，不能通过。可以退回补正，或依据条款不予通过。")


@stands_for("title_proposal_gives_its_reason", "title_proposal_is_whole")
class ReasonMissing(ReviewRefused):
    """A rejection or cancellation names article and reason, a difference is explained in writing."""

    code = "reason_missing"
    message = _("请写明理由；不予通过或注销还须写明依据的条款。")


@stands_for("an_office_alone_cancels_a_title", "verified_title_is_cancelled_by_a_decision")
class CancelledByOffice(ReviewRefused):
    """A verified title ends by a case that the bureau opened on it, proposed by one and signed by another."""

    code = "cancelled_by_office"
    message = _("已审核的证书只能由主管部门依职权立案、经办提出、审批签署后注销。")


@stands_for("verified_title_gives_way_by_a_decision")
class ChangeNotSigned(ReviewRefused):
    """A verified title gives way to a change of it that was prepared by one and signed by another."""

    code = "change_not_signed"
    message = _("已审核的证书只有在其变更经审批签署后才由新证书取代。")


@stands_for("cancelled_title_bears_no_claim")
class ClaimsStand(ReviewRefused):
    """Projects, and what was issued for them, rest on the title's land."""

    code = "claims_stand"
    message = _(
        "该证书的林地上还有项目占用 {numbers}（申报、备案或碳票），不能注销。请先办结或终止这些项目；"
        "只有图形或证载信息有误的，改办更正。"
    )


class DifferenceNeedsReason(ReviewRefused):
    """More than the policy's percentage between certificate and map (domain.md)."""

    code = "difference_needs_reason"
    message = _(
        "证载面积与图上面积相差 {percent}%，超过 {limit}%。请选择“面积差异说明后通过”并写明理由。"
    )


class DifferenceTooSmall(ReviewRefused):
    """Nothing to explain."""

    code = "difference_too_small"
    message = _(
        "证载面积与图上面积相差 {percent}%，不超过 {limit}%，无须差异说明。请选择“审核通过”。"
    )


@stands_for("returned_review_says_what_is_asked")
class NothingAsked(ReviewRefused):
    """A return says what to mend."""

    code = "nothing_asked"
    message = _("请写明需要补正的内容。")


class TextMissing(ReviewRefused):
    """A message or remark says something."""

    code = "text_missing"
    message = _("请填写留言内容。")


class TakenByColleague(StateMovedOn):
    """Somebody else took the case a moment before."""

    code = "taken_by_colleague"
    message = _("此案已由 {name} 领取办理。")


@stands_for("title_is_verified_with_four_sides")
class SidesOpen(ReviewRefused):
    """The four sides of the present shape are ticked one by one before a title is verified."""

    code = "sides_open"
    message = _("四至尚未按现行图形逐一核对：{sides}。")


@stands_for("case_by_office_is_not_withdrawn")
class OpenedByOffice(ReviewRefused):
    """A case that the bureau opened is ended by its decision alone."""

    code = "opened_by_office"
    message = _("此案由主管部门立案，不能撤回。您的意见可以在案件中说明。")


class NobodyToAnswer(ReviewRefused):
    """What is returned to nobody would wait for ever."""

    code = "nobody_to_answer"
    message = _(
        "没有人可以代权利人补正（证上姓名尚未关联，或没有有效委托）。请由经办人更正后提出结论，"
        "或依据条款不予通过。"
    )


@stands_for("differing_side_gives_its_reason")
class SideDiffers(ReviewRefused):
    """A side on which paper and map do not agree is explained in writing, or the title is returned."""

    code = "side_differs"
    message = _("四至有不符：{sides}。审核通过须写明理由；也可以退回补正。")


class PartsOpen(ReviewRefused):
    """Land under review was split or merged, and which of its present parts are meant is not said."""

    code = "parts_open"
    message = _(
        "所审宗地已分割或合并。请从页面所列的现行宗地中，为每宗至少选择一块属于本证书的；"
        "所列有变化时请刷新页面再选。"
    )


class RegisterNotAhead(ReviewRefused):
    """The review is about what stands; there is nothing to go over to."""

    code = "register_not_ahead"
    message = _("登记中没有更新的图形，无须改按。")


@stands_for("ended_review_lets_go")
class EndedReviewHolds(ReviewRefused):
    """A registration that comes to nothing leaves neither certificate nor land."""

    code = "ended_review_holds"
    message = _("撤回或不予通过的登记，其证书与所绘林地须一并注销。")


class NotWithOwner(ReviewRefused):
    """The owner changes a title while it is with him."""

    code = "not_with_owner"
    message = _("证书正在审核（{state}），暂不能修改。退回补正后可以修改。")


class LeftToOwner(ReviewRefused):
    """What an owner applied for is corrected by him: his words and shapes are his own."""

    code = "left_to_owner"
    message = _("此案由权利人申报，图形和证载信息由权利人更正。请退回补正，或依据条款不予通过。")


class NotWithBureau(ReviewRefused):
    """An officer mends a boundary while the case is with him."""

    code = "not_with_bureau"
    message = _("审核不在经办环节（{state}），不能修改图形。")


class RepairRefused(PortalError):
    """A repair that cannot be made."""

    code = "repair_refused"
    message = _("图形修复无法进行。")


class RepairChangesNothing(RepairRefused):
    """Nothing within the tolerance, or everything would go."""

    code = "repair_changes_nothing"
    message = _("按此容差没有可修复之处，图形未改变。可以加大容差，或手工修改界址点。")


class NeighboursNotOpen(RepairRefused):
    """Somebody else's exact border is shown to an owner only when an officer returned it."""

    code = "neighbours_not_open"
    message = _("邻界的准确界线不公开。经办人退回补正并附检查发现后，可以与所附的邻界对齐。")


class CutDoesNotCross(RepairRefused):
    """The line does not lead through the parcel, or cuts crumbs off."""

    code = "cut_does_not_cross"
    message = _("分割线没有完整穿过宗地，或分出的部分过小。请让线的两端都在宗地以外。")


class PartsDoNotTouch(RepairRefused):
    """Parcels to be merged lie apart."""

    code = "parts_do_not_touch"
    message = _("所选宗地并不相邻，不能合并。请选择有共同界线的宗地。")


@stands_for("land_of_another_is_not_changed")
class ParcelShared(RepairRefused):
    """Another certificate stands on the parcel too, and it is not proved to be the same holder's."""

    code = "parcel_shared"
    message = _(
        "宗地上还有其他证书 {number}，不能单独分割、合并或修改图形。请与其权利人一并办理；"
        "如该证书本就是您的，请先由林业部门把证上的姓名与您的身份核对关联。"
    )


class OtherTitleLeft(ParcelShared):
    """Another verified title of the land has no case by office in which the new shape counts, too."""

    code = "other_title_left"
    message = _(
        "宗地上还有已审核的证书 {number}，没有与本案一并办理更正。该证书另有在办变更的，请先办结或退回；"
        "本案待审批的，请退回经办重新修改图形，系统会为该证书一并立案。"
    )


class DecidedTogether(ReviewRefused):
    """Several verified titles of one parcel are reshaped in cases that go on and end together."""

    code = "decided_together"
    message = _(
        "同一宗地上的证书 {number} 一并更正，其案件目前为“{state}”。请先把它办到同一环节：各案图形一并修改、一并签署。"
    )


class LandNotProved(RepairRefused):
    """Land of the register was tapped, and nothing proves it the owner's."""

    code = "land_not_proved"
    message = _(
        "此宗地由登记簿取来，尚无证书证明属于您，不能先行改动。请先提交审核；"
        "经办人退回补正后可以更正。"
    )


class LandOfOtherGone(StateMovedOn):
    """What was found against stands no more."""

    code = "land_of_other_gone"
    message = _("对方的宗地或证书已有变化，此项检查发现不再成立。请重新检查后再办理。")


@stands_for("review_is_shaped_by_its_people")
class NotItsPeople(ReviewRefused):
    """Who says what a review is about acts for a holder of the title, or works at the bench."""

    code = "not_its_people"
    message = _(
        "只有受该证书权利人委托办理申报的人，或自然资源部门的经办、审批人员，才能登记或更改审核所据的图形。"
    )


class MessageAnswered(ReviewRefused):
    """An answer is given once."""

    code = "message_answered"
    message = _("此消息已经答复。")


@stands_for("verified_parcel_is_frozen", "pieces_wait_for_the_signature")
class VerifiedParcelFrozen(ReviewRefused):
    """A parcel under a verified title changes only by a new review."""

    code = "verified_parcel_is_frozen"
    message = _("已审核的宗地不能直接修改。请提出变更，另行审核。")
