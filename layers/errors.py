"""Why a tile is not given."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError


class BadTileAddress(PortalError):
    """Out of range: told without asking the database."""

    code = "bad_tile_address"
    message = _("瓦片地址不对：{reason}。")


class UnknownLayer(PortalError):
    """No such layer, or not for this reader."""

    code = "unknown_layer"
    message = _("没有图层“{layer}”。")


class UnknownLayerVersion(PortalError):
    """A version that was never published."""

    code = "unknown_layer_version"
    message = _("图层“{layer}”没有版本 {version}。")
