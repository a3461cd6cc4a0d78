"""Why a report, a stratum or a parameter was not written."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from parcels.errors import ShapeInvalid, ShapeOffEarth
from portal.base.errors import PortalError
from portal.base.guarantees import stands_for

stands_for("stratum_geom_is_valid", "stratum_geom_is_not_empty")(ShapeInvalid)
stands_for("stratum_geom_is_on_earth")(ShapeOffEarth)


class AccountingRefused(PortalError):
    """A report or its inputs that cannot be written."""

    code = "accounting_refused"
    message = _("核算内容不能保存。")


@stands_for("signed_report_is_frozen", "one_draft_per_series", "report_begins_as_draft")
class ReportFrozen(AccountingRefused):
    """A signed report never changes; a change makes the next version."""

    code = "report_frozen"
    message = _("报告已签署，内容不能修改。如需更正，请生成新版本。")


@stands_for("strata_do_not_overlap")
class StrataOverlap(AccountingRefused):
    """Facts: ``code``, ``other``, ``area_m2`` and ``shape`` (GeoJSON, EPSG:4490)."""

    code = "strata_overlap"
    message = _("碳层 {code} 与碳层 {other} 重叠 {area_m2} 平方米，请修正界线。")


@stands_for("strata_lie_within_the_area")
class StratumLeavesArea(AccountingRefused):
    """Facts: ``code``, ``area_m2`` and ``shape`` (GeoJSON, EPSG:4490)."""

    code = "stratum_leaves_area"
    message = _("碳层 {code} 有 {area_m2} 平方米超出项目范围，请修正界线。")


@stands_for("one_stratum_of_a_code", "stratum_has_a_code")
class StratumCodeTaken(AccountingRefused):
    """Strata are told apart by their codes."""

    code = "stratum_code_taken"
    message = _("碳层号须填写，且在同一报告内不能重复。")


@stands_for("volume_is_possible")
class VolumeImpossible(AccountingRefused):
    """More than any forest holds; facts: ``volume`` and ``most`` in m³/ha."""

    code = "volume_impossible"
    message = _(
        "每公顷蓄积 {volume} 立方米，超过 {most} 立方米的上限。请核对数值与单位（1 公顷 = 15 亩）。"
    )


@stands_for("volume_is_not_negative", "plot_has_one_value")
class VolumeNegative(AccountingRefused):
    """Growing stock is not below zero."""

    code = "volume_negative"
    message = _("蓄积不能小于零。")


@stands_for("one_row_of_a_species_in_a_stratum", "species_has_one_basis")
class SpeciesTwice(AccountingRefused):
    """Each species of a mixed stand is one row."""

    code = "species_twice"
    message = _("同一碳层内每个树种只填一行，且依据须完整。")


class SpeciesMissing(AccountingRefused):
    """A stratum without a species has no carbon."""

    code = "species_missing"
    message = _("碳层 {code} 至少须有一个树种。")


@stands_for("terms_are_not_negative", "uncertainty_is_a_percentage",
            "reported_tonnes_are_not_negative")  # fmt: skip
class TermsImpossible(AccountingRefused):
    """Baseline, leakage, deficit, uncertainty, tonnes."""

    code = "terms_impossible"
    message = _("基线、泄漏、亏缺、不确定性和吨数须为合理的非负数。")


@stands_for("signed_report_is_complete", "signed_report_is_whole", "signed_content_has_its_hash")
class ReportIncomplete(AccountingRefused):
    """Something that the signature stands under is missing."""

    code = "report_incomplete"
    message = _("报告尚不完整，不能签署：{what}")


@stands_for("monitoring_period_is_over")
class PeriodNotOver(AccountingRefused):
    """What has not grown yet is not counted."""

    code = "period_not_over"
    message = _("监测期须已经结束，不能晚于今天。")


@stands_for("report_period_is_bounded", "report_period_is_finite")
class PeriodInvalid(AccountingRefused):
    """A monitoring period has a first and a last day."""

    code = "report_period_invalid"
    message = _("监测期须有起止日期，且起日不晚于止日。")


class ApplicationUnready(AccountingRefused):
    """A report is made on an application's area and period."""

    code = "application_unready"
    message = _("申请还没有选定项目范围和监测期，不能开始核算。")


class ReportExists(AccountingRefused):
    """An application has one series of reports."""

    code = "report_exists"
    message = _("该申请已有核算报告，请在原报告上继续。")


class ReportOutOfDate(AccountingRefused):
    """The application has another area or period now."""

    code = "report_out_of_date"
    message = _("申请的项目范围或监测期已改变，请先按现行范围更新报告。")


class ReportNotSigned(AccountingRefused):
    """Only what a third party has signed for an application is a material of it."""

    code = "report_not_signed"
    message = _("报告尚未由第三方核算机构签署，不能作为申请材料提交。")


class DeficitNotBrought(AccountingRefused):
    """An earlier period's deficit is made good before tonnes are issued; fact: ``deficit``."""

    code = "deficit_not_brought"
    message = _("上一监测期结转亏缺 {deficit} 吨，须在本期全额扣减。")


class NotTheVerifier(AccountingRefused):
    """Only the entrusted third party signs, and it does not act for the owner (article 4)."""

    code = "not_the_verifier"
    message = _("只有受委托、且不代表项目业主的第三方核算机构可以签署。")


class VerifierUnfit(AccountingRefused):
    """The person entrusted is no verifier, or acts for the owner."""

    code = "verifier_unfit"
    message = _("所选人员不是第三方核算机构，或者代表项目业主，不能受托。")


class FlagsUnexplained(AccountingRefused):
    """A value outside what is plausible needs the verifier's words."""

    code = "flags_unexplained"
    message = _("有 {count} 项超出合理范围的提示，签署前须书面说明。")


class UncertaintyTooLarge(AccountingRefused):
    """Above the last step of the discount: more plots are needed."""

    code = "uncertainty_too_large"
    message = _("不确定性 {percent}% 超过 {limit}% 的上限，须增设样地后重新测定。")


class NoMethod(AccountingRefused):
    """No method is in force today."""

    code = "no_method"
    message = _("目前没有有效的核算方法，请联系市林业主管部门。")


class SurveyYearWrong(AccountingRefused):
    """Stands of another survey than the two of the monitoring period; facts: ``begin``, ``end``."""

    code = "survey_year_wrong"
    message = _(
        "监测期对应的小班调查年度是：期初 {begin}、期末 {end}。其他年度的小班不能作为碳层，期初蓄积可手工填写。"
    )


class StandsUnusable(AccountingRefused):
    """None of the stands picked can become a stratum."""

    code = "stands_unusable"
    message = _("所选小班都不能作为碳层：{reasons}")


class TableUnreadable(AccountingRefused):
    """A plots or trees file that is not one; facts: ``reason``."""

    code = "table_unreadable"
    message = _("数据文件不能读取：{reason}")


class TableRowsWrong(AccountingRefused):
    """Rows of a plots or trees file; facts: ``rows``, a text with row numbers and reasons."""

    code = "table_rows_wrong"
    message = _("数据文件有 {count} 处错误，没有保存：{rows}")


class ReportFileRefused(AccountingRefused):
    """The uploaded report is a whole PDF with a page, of bearable size."""

    code = "report_file_refused"
    message = _("核算报告须为完整的 PDF 文件，至少有一页，且不超过 {limit_mib} MB。")


@stands_for("versions_follow_each_other", "one_method_of_a_version",
            "one_parameterset_of_a_version", "one_biomassequation_of_a_version",
            "one_report_of_a_version")  # fmt: skip
class VersionTaken(AccountingRefused):
    """Somebody published a version meanwhile."""

    code = "version_taken"
    message = _("已有更新的版本，请核对后再发布。")


@stands_for(
    "factors_are_possible", "equation_has_a_range_of_diameters",
    "method_has_source_and_approver", "parameterset_has_source_and_approver",
    "biomassequation_has_source_and_approver", "method_ends_after_it_begins",
    "parameterset_ends_after_it_begins", "biomassequation_ends_after_it_begins",
)  # fmt: skip
class ParametersRefused(AccountingRefused):
    """Parameters decide tonnes: they have a source, an approver and possible values."""

    code = "parameters_refused"
    message = _("参数须有代码、名称、来源和批准单位，数值须在合理范围内，失效日期不早于生效日期。")
