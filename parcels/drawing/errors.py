"""Why a drawing was not kept, changed or read."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class DrawingRefused(PortalError):
    """A drawing that cannot be worked with as asked."""

    code = "drawing_refused"
    message = _("图形无法这样处理。")


class DrawnShapeInvalid(DrawingRefused):
    """Self-crossing, a hole outside, parts that overlap: told with the place."""

    code = "drawn_shape_invalid"
    message = _("图形有误（{reason}，位于 {lon}，{lat}）。请修改该处，或使用“修复图形”。")


class NothingDrawn(DrawingRefused):
    """There is no shape yet."""

    code = "nothing_drawn"
    message = _("还没有画出范围。请先点选宗地、绘制或上传。")


class NothingLeft(DrawingRefused):
    """The cut would take everything away."""

    code = "nothing_left"
    message = _("这样处理后范围为空，图形未作改动。")


class NothingChanged(DrawingRefused):
    """The cut meets nothing."""

    code = "nothing_changed"
    message = _("没有需要处理的部分，图形未作改动。")


class LineDoesNotSplit(DrawingRefused):
    """A line that does not go all the way through."""

    code = "line_does_not_split"
    message = _("分割线没有完整穿过范围。请从范围外画到范围外。")


class ParcelNotYours(DrawingRefused):
    """A parcel without a verified title of somebody the user acts for."""

    code = "parcel_not_yours"
    message = _("所选宗地不在您（或您代表的成员）已审核的林木所有权范围内。")


class FileHasNoShapes(DrawingRefused):
    """Every feature of the file was rejected, or it has none."""

    code = "file_has_no_shapes"
    message = _("文件中没有可用的面。{reason}")


class PartyMissing(DrawingRefused):
    """An area is drawn for somebody."""

    code = "applicant_missing"
    message = _("请选择项目业主：您本人，或您受委托代表的单位、集体。")


@stands_for("expected_kg_per_ha_is_sensible")
class ExpectationWrong(DrawingRefused):
    """Below zero, or above ten thousand tonnes a hectare."""

    code = "expectation_wrong"
    message = _("预计每公顷减排量须在 0 至 10,000 吨之间。")
