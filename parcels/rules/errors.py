"""Why the rules were not run."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class RulesRefused(PortalError):
    """The rules cannot be run as asked."""

    code = "rules_refused"
    message = _("检查无法进行。")


class ShapeUnreadable(RulesRefused):
    """What was drawn is no polygon in longitude and latitude."""

    code = "shape_unreadable"
    message = _("图形无法解读：须为经纬度（CGCS2000）的面。")


class DrawingTooLarge(RulesRefused):
    """More bytes than a drawing can have."""

    code = "drawing_too_large"
    message = _(
        "图形数据超过 {limit_mib} MB 的上限。请简化界线或分成几个项目。已画的内容仍保留在本页。"
    )


class CheckMalformed(RulesRefused):
    """A field of a live question cannot be read."""

    code = "check_malformed"
    message = _("检查请求中的“{field}”无法解读。")


class PeriodMalformed(RulesRefused):
    """Not two days, first to last."""

    code = "period_malformed"
    message = _("监测期“{period}”写法有误，应为 2021-01-01/2025-12-31，且起日不晚于止日。")


class ScreeningRefused(RulesRefused):
    """A file cannot be screened as asked."""

    code = "screening_refused"
    message = _("筛查无法进行：{reason}")


@stands_for("a_kept_run_is_whole")
class RunClosed(RulesRefused):
    """A kept run takes no further finding."""

    code = "run_closed"
    message = _("检查结果已存档，不能再增减检查发现。")


@stands_for("one_uniqueness_report_of_a_number", "rule_run_has_one_subject")
class RunMalformed(RulesRefused):
    """A run that does not name one subject, or a report number in use."""

    code = "run_malformed"
    message = _("检查结果不完整，未存档。")
