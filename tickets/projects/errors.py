"""Why a project or an application did not go on: one class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for
from portal.casework.errors import RegulationNotInForce

stands_for("application_under_a_regulation_in_force")(RegulationNotInForce)


class ProjectsError(PortalError):
    """A rule about projects and applications was not kept."""

    code = "projects_error"
    message = _("申请操作未完成。")


@stands_for("project_has_a_name")
class ProjectNeedsName(ProjectsError):
    """A project is found by its name."""

    code = "project_needs_name"
    message = _("请填写项目名称。")


class MayNotApply(ProjectsError):
    """The user does not act for the applicant in applications."""

    code = "may_not_apply"
    message = _("您没有代表“{party}”申报的委托。")


class ApplicantNotChecked(ProjectsError):
    """Article 7: the applicant's identity is accepted first."""

    code = "applicant_not_checked"
    message = _("业主“{party}”的身份尚未核验通过，不能申报。")


@stands_for("applicant_is_not_disqualified")
class ApplicantDisqualified(ProjectsError):
    """Article 7: false materials cost the right to apply for a time."""

    code = "applicant_disqualified"
    message = _("业主或共有人因提供虚假材料被取消申报资格（第七条），期满前不能申报。")


@stands_for("no_withdrawal_under_disqualification")
class DisqualificationPending(ProjectsError):
    """Article 7: what ended otherwise would escape the decision on false materials."""

    code = "disqualification_pending"
    message = _(
        "已就本申请提出取消申报资格的意见（第七条），作出决定前不能撤回、不予通过或备案签发。"
    )


class ApplicationIncomplete(ProjectsError):
    """Something that article 7 asks for is missing; facts: ``missing``, in words."""

    code = "application_incomplete"
    message = _("还不能提交：{missing}")


class AreaHasConflicts(ProjectsError):
    """The rules found what forbids it; facts: ``findings`` in words, ``run`` its key."""

    code = "area_has_conflicts"
    message = _("项目范围核查未通过：{findings}")


@stands_for("linked_titles_are_verified")
class TitlesChanged(ProjectsError):
    """A certificate that the application rests on was changed or cancelled; facts: ``titles``."""

    code = "titles_changed"
    message = _(
        "申请所附的权属证明已变更或注销：{titles}。须退回补正，由业主关联现行证书后再办理（第七条）。"
    )


@stands_for("linked_titles_cover_the_land")
class TitlesDoNotCover(ProjectsError):
    """Part of the land lies under none of the verified certificates that are linked."""

    code = "titles_do_not_cover"
    message = _("所附权属证明没有覆盖全部项目范围（第七条），须补充关联或调整范围。")


@stands_for("land_was_asked_on_the_day")
class LandNotAsked(ProjectsError):
    """Nothing is determined but on the rules' clear answer of the same day."""

    code = "land_not_asked"
    message = _("审定须依据当日对项目范围的核查结果。")


@stands_for("submitted_application_is_whole")
class ApplicationNotWhole(ProjectsError):
    """Area, period, case and claim belong to a submission."""

    code = "application_not_whole"
    message = _("申请缺少范围或监测期。")


@stands_for(
    "application_moves_by_the_table",
    "application_follows_its_case",
    "one_disqualification_at_a_time",
)
class ApplicationMoveNotAllowed(ProjectsError):
    """The step does not follow from where the application stands."""

    code = "application_move_not_allowed"
    message = _("申请目前的状态不允许此操作，请刷新后查看。")


@stands_for("submitted_application_is_not_changed")
class ApplicationUnderReview(ProjectsError):
    """What was submitted is changed only after a return."""

    code = "application_under_review"
    message = _("申请已提交审核，不能修改。需要更正时，请等待退回补正或撤回申请。")


@stands_for("application_period_is_bounded")
class PeriodInvalid(ProjectsError):
    """A monitoring period has a first and a last day, in this order, that have passed."""

    code = "period_invalid"
    message = _("监测期有误：{reason}")


@stands_for("one_application_per_project_and_period")
class PeriodTaken(ProjectsError):
    """The project's tonnes of these days are applied for, or filed, already."""

    code = "period_taken"
    message = _("本项目在重叠的监测期内已有申请或备案，同一时期的减排量不能重复申报。")


@stands_for(
    "application_shares_sum_to_the_whole",
    "application_share_is_positive",
    "share_denominator_is_positive",
    "one_share_per_party_in_an_application",
)
class SharesWrong(ProjectsError):
    """Each co-owner once, whole numerators above zero, summing to the denominator."""

    code = "application_shares_wrong"
    message = _(
        "份额有误：各方份额须为正整数，每方一行，合计须等于分母（现为 {total}/{denominator}）。"
    )


@stands_for(
    "every_share_is_consented_to",
    "consent_is_of_the_party",
    "consent_is_whole_or_absent",
    "co_owners_are_parties_of_the_case",
)
class ConsentMissing(ProjectsError):
    """Every co-owner consents for himself (article 5)."""

    code = "consent_missing"
    message = _("还有共有人没有同意，或没有填写份额。")


@stands_for("every_member_with_land_has_a_share")
class CoOwnersMissing(ProjectsError):
    """Article 5: whose land is in has a share, and consents to what is put forward; facts: ``missing``."""

    code = "co_owners_missing"
    message = _("还不能提交，下列各方没有份额，或没有同意现在的范围、份额和协议：{missing}")


@stands_for("holders_are_known")
class HoldersUnknown(ProjectsError):
    """Article 5: an owner of the trees is known by name only; facts: ``names``."""

    code = "holders_unknown"
    message = _(
        "下列林木所有权人在证书上只有名称，尚未实名：{names}。请其注册并核验身份，由林业部门凭证据关联后，再列入份额并同意。"
    )


@stands_for("measure_ends_after_it_begins")
class MeasureWrong(ProjectsError):
    """A measure of the design has a name and days in their order."""

    code = "measure_wrong"
    message = _("措施须有名称，止日不得早于起日。")


@stands_for("measures_lie_on_the_land")
class MeasureAstray(ProjectsError):
    """Article 4: measures are dated and on the map, within the project's land and before its end."""

    code = "measure_astray"
    message = _("每项措施都须在项目范围内标出位置，且不晚于监测期。")


@stands_for("nobody_confirms_an_own_material")
class OwnMaterial(ProjectsError):
    """Who handed a material in does not confirm it."""

    code = "own_material"
    message = _("不能核对自己提交的材料。")


@stands_for("materials_are_confirmed")
class MaterialsNotConfirmed(ProjectsError):
    """The clerk ticks the checklist of each of the seven before it passes, of late versions too."""

    code = "materials_not_confirmed"
    message = _("还有材料没有核对：{missing}")


class ChecklistIncomplete(ProjectsError):
    """Every item of the material's checklist is ticked, or the application is returned."""

    code = "checklist_incomplete"
    message = _("核对清单没有全部勾选；如有不符，请退回补正。")


@stands_for("publicity_is_over")
class PublicityNotOver(ProjectsError):
    """The public may still object."""

    code = "publicity_not_over"
    message = _("项目公示期到 {closes_on} 结束，期满前不能审定。")


@stands_for("objections_are_settled")
class ObjectionsOpen(ProjectsError):
    """An objection is not answered, or was upheld and is not cured."""

    code = "objections_open"
    message = _("公示期间的异议尚未全部答复，或成立的异议尚未消除，不能审定。")


class ReportMissing(ProjectsError):
    """There is no signed accounting result."""

    code = "report_missing"
    message = _("没有经第三方机构签署的核算结果。")


@stands_for("report_and_calculation_agree")
class ReportDiffers(ProjectsError):
    """What the report says and what the calculation says are not the same."""

    code = "report_differs"
    message = _("报告载明的减排量与系统核算结果不一致，不能备案签发。")


@stands_for("report_is_of_the_applied_land")
class ReportOfOtherLand(ProjectsError):
    """The latest signed report is of another area or of other days than the application."""

    code = "report_of_other_land"
    message = _("核算报告所依据的范围或监测期与申请不一致，须更新报告并重新签署。")


@stands_for("verifier_is_a_third_party")
class VerifierHasInterest(ProjectsError):
    """Article 4: who acts for the owner or a co-owner is no third party."""

    code = "verifier_has_interest"
    message = _(
        "签署核算报告的人代表申请人或共有人办事，不是第三方（第四条），须另行委托机构核算并签署。"
    )


@stands_for("filing_is_within_the_calculation", "filing_is_of_whole_tonnes")
class FilingQuantityWrong(ProjectsError):
    """Whole tonnes, above zero, at most what was calculated."""

    code = "filing_quantity_wrong"
    message = _("签发数量须为整吨，大于零，且不超过核算的减排量。")


@stands_for(
    "filing_follows_every_step",
    "filing_is_of_the_claimed_land",
    "filing_is_of_the_latest_report",
    "filing_has_a_clear_uniqueness_report",
    "filing_has_a_report_of_its_day",
    "filing_is_signed_now",
)
class FilingRefused(ProjectsError):
    """A filing is signed after every step, for the claimed land, on the latest report."""

    code = "filing_refused"
    message = _("不能备案签发：环节未全部完成，或范围、监测期、核算结果、唯一性报告与申请不一致。")


@stands_for("filing_signer_did_not_prepare")
class SignerPrepared(ProjectsError):
    """Clerk and signer differ (domain.md)."""

    code = "signer_prepared"
    message = _("拟稿人不能签发自己准备的备案。")


@stands_for("party_is_barred_until_a_day", "disqualification_says_why")
class DisqualificationIncomplete(ProjectsError):
    """Reason, hearing, scope, and a day where a party is barred."""

    code = "disqualification_incomplete"
    message = _("取消申报资格须写明事实和理由、听证日期及情况；取消业主资格的还须写明期限。")
