"""Why a request of the OGC API is not answered."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import NotFound, PortalError


class UnknownCrs(PortalError):
    """A coordinate system that the collections are not offered in."""

    code = "unknown_crs"
    message = _("参数“{parameter}”的坐标系不在所列之中：{allowed}。")


class FeatureNotFound(NotFound):
    """No such feature at that time."""

    code = "feature_not_found"
    message = _("图层“{layer}”没有这个要素。")
