"""Why a question about the map of tickets is not answered."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError


class BadMapQuestion(PortalError):
    """A parameter of the map's addresses that is unknown or cannot be read."""

    code = "bad_map_question"
    message = _("参数“{parameter}”有误：{reason}")


class TooMuchToPrint(PortalError):
    """More areas than one sheet can show."""

    code = "too_much_to_print"
    message = _("视野内筛选出 {n} 个项目范围，一张图最多画 {limit} 个。请放大地图或缩小筛选范围。")


class NothingFiltered(PortalError):
    """No ticket answers to the filter."""

    code = "nothing_filtered"
    message = _("没有符合筛选条件的碳票。请放宽条件。")


class NothingInView(PortalError):
    """No ticket that answers to the filter lies in the view that is to be printed."""

    code = "nothing_in_view"
    message = _("视野内没有符合筛选条件的碳票。请移动地图或放宽条件。")
