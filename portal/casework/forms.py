"""Forms of casework: they read and judge what was typed; the acts are operations."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib.gis.gdal import GDALException
from django.contrib.gis.geos import GEOSException, GEOSGeometry, MultiPolygon, Polygon
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm
from portal.base.models import STORAGE_SRID

PATCH_VERTICES = 500
PATCH_CHARACTERS = 40_000
# The city with what lies around it; a patch elsewhere was mistyped.
WEST, SOUTH, EAST, NORTH = 79.0, 42.0, 85.0, 46.0


def parse_patch(text: str) -> MultiPolygon | None:
    """A polygon on the map from GeoJSON, or from lines of "longitude, latitude"; None when empty."""
    text = text.strip()
    if not text:
        return None
    if len(text) > PATCH_CHARACTERS:
        raise ValidationError(_("图形过于复杂，请画得简单些。"))
    ring = _ring_of(text)
    if len(ring) < 3 or len(ring) > PATCH_VERTICES:
        raise ValidationError(_("地块至少要有三个点，且不超过 500 个点。"))
    for lon, lat in ring:
        # NaN is in no range.
        if not (WEST <= lon <= EAST and SOUTH <= lat <= NORTH):
            raise ValidationError(_("坐标不在本市一带，请检查经度、纬度的先后。"))
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    try:
        patch = Polygon(ring, srid=STORAGE_SRID)
    except (GEOSException, ValueError) as error:
        raise ValidationError(_("图形无法识别。")) from error
    if not patch.valid:
        raise ValidationError(_("边界自相交，请重新画。"))
    return MultiPolygon(patch, srid=STORAGE_SRID)


def _ring_of(text: str) -> list[tuple[float, float]]:
    try:
        if text.startswith("{"):
            shape = json.loads(text)
            return [(float(x), float(y)) for x, y, *_rest in shape["coordinates"][0]]
        pairs = (line.replace("，", ",").split(",") for line in text.splitlines() if line.strip())
        return [(float(lon), float(lat)) for lon, lat in pairs]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ValidationError(_("每行写一个点：经度,纬度。")) from error


class ObjectionForm(PortalForm):
    """What anyone may say against a notice, and where."""

    name = forms.CharField(label=_("姓名或单位"), max_length=100)
    contact = forms.CharField(
        label=_("联系方式"), max_length=200, help_text=_("电话或邮箱，仅用于答复，不公开。")
    )
    text = forms.CharField(
        label=_("异议内容"), max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )
    patch = forms.CharField(
        label=_("有争议的地块"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "data-ref": "patch"}),
        help_text=_("在图上依次点击地块的角点，或每行填写一个点：经度,纬度。"),
    )

    def clean_patch(self) -> GEOSGeometry | None:
        return parse_patch(self.cleaned_data["patch"])


class WebhookForm(PortalForm):
    """Where a program takes the user's messages."""

    address = forms.CharField(
        label=_("接收地址"), max_length=254,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://"}),
    )  # fmt: skip


class CodeForm(PortalForm):
    """The code that an objector was given."""

    code = forms.CharField(label=_("查询码"), max_length=60)


class PlaceField(forms.CharField):
    """A point as "longitude, latitude"; cleaned to a geometry or None."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            lon, lat = (float(part) for part in text.replace("，", ",").split(","))
        except ValueError as error:
            raise ValidationError(_("位置写作：经度,纬度。")) from error
        if not (WEST <= lon <= EAST and SOUTH <= lat <= NORTH):
            raise ValidationError(_("坐标不在本市一带，请检查经度、纬度的先后。"))
        try:
            return GEOSGeometry(f"SRID={STORAGE_SRID};POINT({lon} {lat})")
        except (GEOSException, GDALException, ValueError) as error:
            raise ValidationError(_("位置写作：经度,纬度。")) from error
