"""Why a project area, a claim or an exclusion area was not written."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from parcels.errors import ShapeInvalid, ShapeOffEarth
from portal.base.errors import PortalError
from portal.base.guarantees import stands_for

# The same words for every table of shapes.
stands_for(
    "project_geom_is_valid",
    "project_geom_is_not_empty",
    "exclusion_geom_is_valid",
    "exclusion_geom_is_not_empty",
)(ShapeInvalid)
stands_for("project_geom_is_on_earth", "exclusion_geom_is_on_earth")(ShapeOffEarth)


class ClaimRefused(PortalError):
    """Guarantee 1: a claim that cannot stand."""

    code = "claim_refused"
    message = _("占用不能登记。")


@stands_for("land_has_one_claim_at_a_time")
class LandHasAnotherClaim(ClaimRefused):
    """A live claim, or an earlier pending one, holds part of the land in a shared period.

    Facts: ``number`` (this claim's), ``other`` (key), ``other_number``, ``other_state``,
    ``other_submitted_at``, ``area_m2`` and ``shape`` (GeoJSON of the conflicting parts, EPSG:4490).
    """

    code = "land_has_another_claim"
    message = _("与项目 {other_number} 在重叠的监测期内占用同一土地 {area_m2} 平方米，不能审定。")


@stands_for("claim_land_and_period_never_change")
class ClaimFrozen(ClaimRefused):
    """Land and period of a claim are what was submitted."""

    code = "claim_frozen"
    message = _("占用的范围和监测期不能修改。请撤回后重新提交。")


@stands_for("claim_moves_by_the_table", "claim_begins_pending_or_live", "live_claim_is_filed_once")
class ClaimMoveNotAllowed(ClaimRefused):
    """The step does not follow from the claim's present state."""

    code = "claim_move_not_allowed"
    message = _("占用的状态已是“{now}”，不能进行这一步。")


@stands_for("filed_claim_ends_by_decision_only")
class FiledClaimStands(ClaimRefused):
    """Land stays claimed for its period once the tonnes are filed."""

    code = "filed_claim_stands"
    message = _("减排量已备案，占用永久保留。仅当全部减排量依令注销且从未抵消时，方可决定终止。")


@stands_for("claim_ends_for_a_reason")
class ClaimEndNeedsReason(ClaimRefused):
    """An end without a reason, or a reason without an end."""

    code = "claim_end_needs_reason"
    message = _("终止占用须写明原因。")


@stands_for("claim_period_is_bounded", "claim_period_is_finite")
class ClaimPeriodInvalid(ClaimRefused):
    """A monitoring period has a first and a last day."""

    code = "claim_period_invalid"
    message = _("监测期须有起止日期，且起日不晚于止日。")


@stands_for("claim_has_a_number", "claim_state_has_its_times")
class ClaimMalformed(ClaimRefused):
    """Without a project's number, or with times that its state does not have."""

    code = "claim_malformed"
    message = _("占用登记不完整：须有项目编号。")


@stands_for("land_is_checked_under_read_committed")
class IsolationRefused(ClaimRefused):
    """Land is compared with what others have committed meanwhile."""

    code = "isolation_refused"
    message = _("系统内部错误：土地核查须在“读已提交”隔离级别下进行。")


@stands_for("project_area_has_a_name")
class ProjectAreaNeedsName(PortalError):
    """An area is found again by its name."""

    code = "project_area_needs_name"
    message = _("请填写项目范围的名称。")


class ExclusionRefused(PortalError):
    """An exclusion area that cannot be written."""

    code = "exclusion_refused"
    message = _("排除范围不能登记。")


@stands_for(
    "exclusion_has_a_number",
    "harvest_alone_has_a_method",
    "exclusion_kind_and_status_are_known",
    "exclusion_period_begins",
    "exclusion_period_is_finite",
)
class ExclusionIncomplete(ExclusionRefused):
    """Kind, status, number, first day or the way of harvest is missing or wrong."""

    code = "exclusion_incomplete"
    message = _("排除范围须写明种类、状态、编号和起始日期；采伐规划还须写明采伐方式。")


class ExclusionDayUnreadable(ExclusionRefused):
    """A first or last day is written in a way that tells no day."""

    code = "exclusion_day_unreadable"
    message = _("日期“{written}”无法读取。请写成 2024-01-31 的样子。")


@stands_for("exclusion_moves_by_the_table")
class ExclusionMoveNotAllowed(ExclusionRefused):
    """The status does not follow from the present one."""

    code = "exclusion_move_not_allowed"
    message = _("排除范围的状态不能从“{now}”变为“{wanted}”。")


class ExclusionReplaced(ExclusionRefused):
    """A corrected row stands in its place."""

    code = "exclusion_replaced"
    message = _("该排除范围已由更正后的记录替代。")
