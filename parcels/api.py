"""Parcels as GeoJSON. Exact shapes only for those who serve the register."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.gis.geos import Polygon
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import SerializerMethodField
from rest_framework.views import APIView
from rest_framework_gis.serializers import GeoFeatureModelSerializer, GeometrySerializerMethodField

from parcels.access import access_parcel, shape_for
from parcels.facts import area_ha, panel_properties, state_of, title_of, township_names
from parcels.models import ParcelVersion
from parcels.queries import ParcelVersionQuerySet
from portal.accounts.queries import is_staff_reader
from portal.base.paging import PAGE_IN_DOCUMENT, PAGE_PARAMETERS, GeoPages
from portal.base.parameters import BadParameter, only

# A public shape leaves its exact one by less than this (the grid of ``public.generalise_m``).
PUBLIC_MARGIN_DEG = 0.002


def parse_box(text: str) -> Polygon:
    """``west,south,east,north`` in degrees."""
    wrong = BadParameter(parameter="bbox", reason=_("须为四个数：西,南,东,北（经纬度）"))
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise wrong from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise wrong
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4490
    return box


def in_box(box: Polygon, *, staff: bool) -> ParcelVersionQuerySet:
    """Standing shapes in a box. For the public the generalised shape decides: a box that is moved
    by millimetres must not find the exact line out."""
    versions = ParcelVersion.objects.standing().select_related("parcel")
    if staff:
        return versions.filter(geom__bboverlaps=box)
    west, south, east, north = box.extent
    margin = PUBLIC_MARGIN_DEG
    wide = Polygon.from_bbox((west - margin, south - margin, east + margin, north + margin))
    wide.srid = 4490
    return versions.filter(geom__bboverlaps=wide, geom_public__bboverlaps=box)


class ParcelSerializer(GeoFeatureModelSerializer):
    """A parcel as a GeoJSON feature; what the reader may see is decided by ``context['staff']``."""

    shape = GeometrySerializerMethodField()
    title = SerializerMethodField()
    state = SerializerMethodField()
    state_label = SerializerMethodField()
    area_ha = SerializerMethodField()
    uid = SerializerMethodField()

    class Meta:
        model = ParcelVersion
        geo_field = "shape"
        id_field = "uid"
        fields = ("uid", "title", "state", "state_label", "area_ha")

    def get_uid(self, version: ParcelVersion) -> str:
        return str(version.parcel.key)

    def get_shape(self, version: ParcelVersion) -> Any:
        return shape_for(version, staff=self.context["staff"])

    def get_title(self, version: ParcelVersion) -> str:
        return title_of(version.parcel, self.context["townships"], staff=self.context["staff"])

    def get_state(self, version: ParcelVersion) -> str:
        return state_of(version.parcel)[0]

    def get_state_label(self, version: ParcelVersion) -> str:
        return state_of(version.parcel)[1]

    def get_area_ha(self, version: ParcelVersion) -> float:
        return area_ha(version, staff=self.context["staff"])


class ParcelList(APIView):
    """Registered parcels, a page at a time."""

    @extend_schema(
        parameters=[
            OpenApiParameter("bbox", OpenApiTypes.STR, description="west,south,east,north"),
            OpenApiParameter("township", OpenApiTypes.STR, description="code, nine digits"),
            *PAGE_IN_DOCUMENT,
        ],
        responses=ParcelSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        given = only(request.query_params, (*PAGE_PARAMETERS, "bbox", "township"))
        staff = is_staff_reader(request.user)
        versions = ParcelVersion.objects.standing().select_related("parcel")
        if "bbox" in given:
            versions = in_box(parse_box(given["bbox"]), staff=staff)
        if "township" in given:
            versions = versions.filter(parcel__township_code=given["township"])
        pages = GeoPages()
        page = pages.paginate_queryset(versions.order_by("pk"), request, view=self)
        context = {"staff": staff, "townships": township_names()}
        data = ParcelSerializer(page, many=True, context=context).data
        answer: Response = pages.get_paginated_response(data)
        return answer


class ParcelDetail(APIView):
    """One parcel with what the reader may know of it."""

    @extend_schema(responses=ParcelSerializer)
    def get(self, request: Request, key: uuid.UUID) -> Response:
        only(request.query_params, ())
        staff = is_staff_reader(request.user)
        version = access_parcel(key)
        context = {"staff": staff, "townships": township_names()}
        feature = ParcelSerializer(version, context=context).data
        feature["properties"] = panel_properties(version, staff=staff)
        shape = shape_for(version, staff=staff)
        feature["bbox"] = list(shape.extent)
        return Response(feature)
