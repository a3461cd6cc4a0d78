"""The standing parcels as django-vectortiles and a ``GeoFeatureModelSerializer`` give them."""

from __future__ import annotations

from django.contrib.gis.geos import Polygon
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import BasePagination, CursorPagination, PageNumberPagination
from rest_framework.permissions import AllowAny
from rest_framework_gis.serializers import GeoFeatureModelSerializer
from vectortiles import VectorLayer
from vectortiles.views import MVTView

from parcels.models import ParcelVersion, VerifiedTitle
from portal.base.models import STORAGE_SRID


def standing() -> QuerySet[ParcelVersion]:
    """The rows and fields of the layer ``parcels``."""
    verified = VerifiedTitle.objects.filter(parcel=OuterRef("parcel"), ended_at=None)
    state = Case(When(Exists(verified), then=Value("verified")), default=Value("registered"))
    return ParcelVersion.objects.standing().annotate(uid=F("parcel__key"), state=state)


class ParcelLayer(VectorLayer):
    id = "parcels"
    geom_field = "geom_public"
    tile_fields = ("uid", "state")
    tile_buffer = 64

    def get_queryset(self) -> QuerySet[ParcelVersion]:
        return standing()


class ParcelTiles(MVTView):
    layer_classes = (ParcelLayer,)


class ParcelFeature(GeoFeatureModelSerializer):
    uid = serializers.UUIDField()
    state = serializers.CharField()
    township = serializers.CharField(source="parcel.township_code")
    area_ha = serializers.SerializerMethodField()

    class Meta:
        model = ParcelVersion
        geo_field = "geom_public"
        id_field = "uid"
        fields = ("uid", "geom_public", "state", "township", "area_ha")

    def get_area_ha(self, version: ParcelVersion) -> float:
        return round(float(version.area_m2) / 10_000, 1)


class Uncounted(CursorPagination):
    page_size = 1000
    ordering = "parcel_id"


class Counted(PageNumberPagination):
    page_size = 1000


class ParcelList(ListAPIView):
    serializer_class = ParcelFeature
    authentication_classes = ()
    permission_classes = (AllowAny,)
    pagination_class: type[BasePagination] = Uncounted

    def get_queryset(self) -> QuerySet[ParcelVersion]:
        """All of them, or those of ``?bbox=``."""
        found = standing().select_related("parcel").order_by("parcel_id")
        if box := self.request.query_params.get("bbox"):
            west, south, east, north = map(float, box.split(","))
            shape = Polygon.from_bbox((west, south, east, north))
            shape.srid = STORAGE_SRID
            found = found.filter(geom_public__intersects=shape)
        return found


class CountedParcelList(ParcelList):
    pagination_class = Counted


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


urlpatterns = [
    path("healthz", ready),
    ParcelTiles.get_url(prefix="tiles"),
    path("features/", ParcelList.as_view()),
    path("counted-features/", CountedParcelList.as_view()),
]
