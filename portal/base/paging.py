"""Pages of REST answers: ``page`` and ``limit``; what cannot be read is refused, not guessed."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework_gis.pagination import GeoJsonPagination

from portal.base.parameters import parse_whole

PAGE_PARAMETERS = ("page", "limit")
PAGE_IN_DOCUMENT = [OpenApiParameter(name, OpenApiTypes.INT) for name in PAGE_PARAMETERS]


class Pages(PageNumberPagination):
    """``limit`` at least 1; above 200 means 200."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int:
        wanted = parse_whole(request.query_params.dict(), "limit", self.page_size, least=1)
        return min(wanted, self.max_page_size)


class GeoPages(Pages, GeoJsonPagination):
    """The same as a GeoJSON FeatureCollection."""

    page_size = Pages.page_size
    max_page_size = Pages.max_page_size
