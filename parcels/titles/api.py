"""The titles of the parties that a signed-in program acts for, as GeoJSON.

``shape`` and ``land_m2`` are annotations of ``own_titles``: exact where the land is proved theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import SerializerMethodField
from rest_framework_gis.serializers import GeoFeatureModelSerializer, GeometrySerializerMethodField

from parcels.access import access_own_title, own_titles
from parcels.exports.operations import read_modestly
from parcels.models import TitleCertificate
from parcels.reviews.queries import holders_by_title
from portal.accounts.api import SignedInView
from portal.accounts.models import ApiToken
from portal.base.paging import PAGE_IN_DOCUMENT, PAGE_PARAMETERS, GeoPages
from portal.base.parameters import only


def features(titles: Sequence[TitleCertificate]) -> dict[str, Any]:
    """Titles as a FeatureCollection; the holders of all of them are one query."""
    context = {"holders": holders_by_title(titles)}
    found: dict[str, Any] = TitleSerializer(titles, many=True, context=context).data
    return found


def exact_land(titles: Iterable[TitleCertificate]) -> dict[uuid.UUID, float]:
    """Square metres of each title's land, by its key."""
    return {title.key: vars(title)["land_m2"] or 0.0 for title in titles}


class TitleSerializer(GeoFeatureModelSerializer):
    """A certificate as a GeoJSON feature (EPSG:4490, longitude first)."""

    shape = GeometrySerializerMethodField()
    holders = SerializerMethodField()

    class Meta:
        model = TitleCertificate
        geo_field = "shape"
        id_field = "key"
        fields = (
            "key", "kind", "number", "state", "area_m2_certified", "term_begins_on",
            "term_ends_on", "species", "holders", "state_changed_at",
        )  # fmt: skip

    def get_shape(self, title: TitleCertificate) -> Any:
        return vars(title)["shape"]

    def get_holders(self, title: TitleCertificate) -> list[str]:
        found: list[str] = self.context["holders"][title.pk]
        return found


class TitleList(SignedInView):
    """My titles, a page at a time."""

    scope = ApiToken.Scope.TITLES

    @extend_schema(
        operation_id="titles",
        tags=["titles"],
        parameters=PAGE_IN_DOCUMENT,
        responses=TitleSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        only(request.query_params, PAGE_PARAMETERS)
        pages = GeoPages()
        page = pages.paginate_queryset(own_titles(self.caller), request, view=self) or []
        read_modestly(land=exact_land(page), actor=self.caller)
        answer: Response = pages.get_paginated_response(features(page))
        return answer


class TitleDetail(SignedInView):
    """One of my titles."""

    scope = ApiToken.Scope.TITLES

    @extend_schema(operation_id="title", tags=["titles"], responses=TitleSerializer)
    def get(self, request: Request, key: uuid.UUID) -> Response:
        only(request.query_params, ())
        title = access_own_title(key, self.caller)
        read_modestly(land=exact_land([title]), actor=self.caller)
        return Response(features([title])["features"][0])
