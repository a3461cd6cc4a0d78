"""Why a request of the OGC API is not answered."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import NotFound, PortalError


class UnknownParameter(PortalError):
    """OGC API Features Part 1, requirement query-param-unknown."""

    code = "unknown_parameter"
    message = _("没有参数“{parameter}”；这里可以用：{allowed}。")


class BadParameter(PortalError):
    """A value that the parameter cannot have (requirement query-param-invalid)."""

    code = "bad_parameter"
    message = _("参数“{parameter}”的值不对：{reason}。")


class UnknownCrs(PortalError):
    """A coordinate system that the collections are not offered in."""

    code = "unknown_crs"
    message = _("参数“{parameter}”的坐标系不在所列之中：{allowed}。")


class FeatureNotFound(NotFound):
    """No such feature at that time."""

    code = "feature_not_found"
    message = _("图层“{layer}”没有这个要素。")
