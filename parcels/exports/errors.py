"""Why nothing was written."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class ExportRefused(PortalError):
    """A file cannot be written as asked; no part of it is left."""

    code = "export_refused"
    message = _("无法导出。请更换格式后重试。")


class UnknownExportFormat(ExportRefused):
    """The format is not in ``writer.FORMATS``."""

    code = "unknown_export_format"
    message = _("不支持导出为“{format}”。请选择：{formats}。")


class CrsNotOffered(ExportRefused):
    """The format is not written in this system."""

    code = "crs_not_offered"
    message = _("{format} 不以 EPSG:{epsg} 导出。请选择：{offered}。")


class EncodingNotOffered(ExportRefused):
    """The format is not written in this encoding."""

    code = "encoding_not_offered"
    message = _("{format} 不以 {encoding} 编码导出。请选择：{offered}。")


class NothingToExport(ExportRefused):
    """The selection is empty."""

    code = "nothing_to_export"
    message = _("没有可导出的图形。请先选择。")


class TooManyRows(ExportRefused):
    """More points than a worksheet has rows."""

    code = "too_many_rows"
    message = _("界址点共 {rows} 个，超过工作表 {limit} 行的上限。请分批导出或改用其他格式。")


class ShapeNotWritable(ExportRefused):
    """A shape whose lines would cross when its numbers are rounded as the format has them."""

    code = "shape_not_writable"
    message = _("第 {row} 个图形的边界过细，所选格式的坐标位数不足。请改用 GeoPackage 导出。")


class TooManyParcels(ExportRefused):
    """More parcels than one file takes."""

    code = "too_many_parcels"
    message = _("共 {count} 宗，一次最多导出 {limit} 宗。请按村或状态缩小范围。")


@stands_for("large_export_is_guarded")
class ExportNeedsReason(ExportRefused):
    """Exact boundaries of much land leave with a reason and a second factor alone."""

    code = "export_needs_reason"
    message = _(
        "当天取用的精确界线合计超过 {limit} 平方公里（或未经量算），须在导出页写明理由并输入验证码。"
    )
