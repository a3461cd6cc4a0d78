"""The titles of the parties that a signed-in program acts for, as GeoJSON.

``shape`` and ``land_m2`` are annotations of ``own_titles``: exact where the land is proved theirs.
"""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import SerializerMethodField
from rest_framework_gis.serializers import GeoFeatureModelSerializer, GeometrySerializerMethodField

from parcels.access import access_own_title, own_titles
from parcels.exports.operations import require_modest
from parcels.models import TitleCertificate
from parcels.reviews.queries import holders_in_words
from portal.accounts.api import SignedInView
from portal.accounts.models import ApiToken
from portal.base.paging import PAGE_IN_DOCUMENT, PAGE_PARAMETERS, GeoPages
from portal.base.parameters import only


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
        return holders_in_words(title)


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
        require_modest(sum(vars(title)["land_m2"] or 0.0 for title in page))
        answer: Response = pages.get_paginated_response(TitleSerializer(page, many=True).data)
        return answer


class TitleDetail(SignedInView):
    """One of my titles."""

    scope = ApiToken.Scope.TITLES

    @extend_schema(operation_id="title", tags=["titles"], responses=TitleSerializer)
    def get(self, request: Request, key: uuid.UUID) -> Response:
        only(request.query_params, ())
        return Response(TitleSerializer(access_own_title(key, self.caller)).data)
