"""Why an act in a case was refused: one class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError, StateMovedOn
from portal.base.guarantees import stands_for

stands_for("verdict_saw_the_present_step")(StateMovedOn)


class CaseworkError(PortalError):
    """A rule about cases, steps or notices was not kept."""

    code = "casework_error"
    message = _("案件操作未完成。")


@stands_for("step_moves_by_the_table")
class MoveNotAllowed(CaseworkError):
    """The verdict does not follow from where the step stands (never "permission denied")."""

    code = "move_not_allowed"
    message = _("这一环节目前的状态不允许此操作，请刷新后查看。")


@stands_for("no_step_is_skipped", "steps_are_laid_out_once_in_order")
class StepOutOfOrder(CaseworkError):
    """An earlier step is not endorsed yet."""

    code = "step_out_of_order"
    message = _("前面的环节尚未全部通过，不能办理这一环节。")


@stands_for("closed_case_stays_closed")
class CaseClosed(CaseworkError):
    """The case has ended."""

    code = "case_closed"
    message = _("案件已经办结，不能再作出结论。")


@stands_for("verdict_is_given_by_the_office")
class NotYourOffice(CaseworkError):
    """The actor does not hold the office of the step now; a role taken away meanwhile counts."""

    code = "not_your_office"
    message = _("您目前的职务不办理这一环节。")


@stands_for("applicant_alone_answers")
class NotTheApplicant(CaseworkError):
    """Only who may apply for the applicant answers a return or withdraws."""

    code = "not_the_applicant"
    message = _("只有申请人或其委托的代表可以进行此操作。")


@stands_for("who_prepares_does_not_decide")
class SamePersonDecides(CaseworkError):
    """Clerk and approver differ (domain.md)."""

    code = "same_person_decides"
    message = _("提出意见的人不能审批自己的意见，请由另一位审批人员决定。")


@stands_for("nobody_decides_an_own_matter")
class OwnMatter(CaseworkError):
    """The actor acts for a party of the case."""

    code = "own_matter"
    message = _("您代表本案的一方当事人，不能参与审查。")


@stands_for("recused_person_takes_no_part")
class Recused(CaseworkError):
    """The actor applied, wrote the report, or declared a conflict."""

    code = "recused"
    message = _("您在本案中须回避，不能参与审查。")


class ThirdPartyRecused(CaseworkError):
    """Who is to be entrusted wrote the report or takes no part for another reason."""

    code = "third_party_recused"
    message = _("该第三方机构在本案中须回避（编制了核算报告，或与本案有利害关系），请另行委托。")


@stands_for("weighty_verdict_has_a_reason")
@stands_for("office_ends_with_a_reason")
class VerdictNeedsReason(CaseworkError):
    """A return, a refusal, a disqualification and an end by office say why."""

    code = "verdict_needs_reason"
    message = _("请写明理由。")


@stands_for("enough_opinions_are_given")
class OpinionsMissing(CaseworkError):
    """Fewer experts than needed have given their opinion (article 4)."""

    code = "opinions_missing"
    message = _("专家意见不足：至少须有 {needed} 位专家提出意见，目前 {given} 位。")


@stands_for("most_opinions_agree")
class OpinionsAgainst(CaseworkError):
    """Most experts advise against it."""

    code = "opinions_against"
    message = _("同意的专家未过半数（{agreed}/{given}），不能通过；请退回补正。")


@stands_for("opinions_belong_to_an_open_step")
class NoOpinionAsked(CaseworkError):
    """The step is not one in which experts speak, or not now."""

    code = "no_opinion_asked"
    message = _("这一环节目前不征求专家意见。")


@stands_for("expert_is_in_term", "expert_term_ends_after_it_begins")
class ExpertOutOfTerm(CaseworkError):
    """The register names no such expert today."""

    code = "expert_out_of_term"
    message = _("该专家不在聘期内，或已不在专家库中。")


@stands_for("expert_has_no_conflict")
class ExpertHasConflict(CaseworkError):
    """The expert declared a conflict with a party, or is recused."""

    code = "expert_has_conflict"
    message = _("该专家与本案当事人存在利益冲突，须回避。")


@stands_for("expert_gives_no_verdict")
class HeardAsExpert(CaseworkError):
    """Who gave an opinion on the case decides nothing in it: nobody speaks twice."""

    code = "heard_as_expert"
    message = _("您已作为专家对本案提出意见，不能再以职务作出结论，请由其他经办人或审批人办理。")


@stands_for("officer_gives_no_opinion")
class ExpertHoldsOffice(CaseworkError):
    """Who said something in the case by office is not heard on it as an expert."""

    code = "expert_holds_office"
    message = _("该专家已在本案中以职务作出结论，不能再作为专家提出意见，请另选专家。")


@stands_for("one_opinion_per_expert_and_round")
class ExpertAskedAlready(CaseworkError):
    """Each expert is asked once a round."""

    code = "expert_asked_already"
    message = _("已经征求过这位专家的意见。")


@stands_for("opinion_is_whole_or_absent")
class OpinionIncomplete(CaseworkError):
    """An opinion has an advice and its grounds."""

    code = "opinion_incomplete"
    message = _("请选择意见并写明理由。")


@stands_for("entrusted_step_names_somebody")
class NotAVerifier(CaseworkError):
    """A review is entrusted to a qualified third party only (article 8)."""

    code = "not_a_verifier"
    message = _("只能委托给有资质的第三方核算机构。")


class RegulationNotInForce(CaseworkError):
    """Article 25: before and after the regulation's days nothing new begins."""

    code = "regulation_not_in_force"
    message = _(
        "《办法》目前不在有效期内（第二十五条），不能提出新的申请。已经受理和签发的照常办理。"
    )


class DocumentTooLarge(CaseworkError):
    """The file is larger than policy admits."""

    code = "document_too_large"
    message = _("文件过大：每个文件不超过 {limit_mib} MiB。请压缩扫描件后再上传。")


@stands_for("document_is_not_empty")
class DocumentUnreadable(CaseworkError):
    """The content is not of a kind that is wanted here, whatever its name says, or it is empty."""

    code = "document_unreadable"
    message = _("“{name}”不能接受：{reason}")


class DocumentLost(CaseworkError):
    """The stored bytes are gone or do not have the hash on record."""

    code = "document_lost"
    message = _("文件在存储中缺失或已损坏，请联系系统管理员。")


@stands_for("objection_comes_while_notice_is_open")
class NoticeNotOpen(CaseworkError):
    """Objections are taken from the notice's first to its last day."""

    code = "notice_not_open"
    message = _("公示期未开始或已结束，不能再提出异议。如有违规情形，可以举报（第二十条）。")


@stands_for("notice_ends_after_it_begins")
class NoticeDaysWrong(CaseworkError):
    """The last day lies before the first."""

    code = "notice_days_wrong"
    message = _("公示的止日不得早于起日。")


@stands_for("objection_is_answered_by_somebody")
class AnswerIncomplete(CaseworkError):
    """An answer has a decision, words and a name."""

    code = "answer_incomplete"
    message = _("请写明异议是否成立及答复内容。")


@stands_for("upheld_objection_is_cured_by_somebody")
class CureIncomplete(CaseworkError):
    """Only what was upheld is cured, with words and a name."""

    code = "cure_incomplete"
    message = _("只有成立的异议才能登记已消除，并须写明理由。")


@stands_for("comment_says_something")
class CommentEmpty(CaseworkError):
    """A remark without words."""

    code = "comment_empty"
    message = _("请填写内容。")
