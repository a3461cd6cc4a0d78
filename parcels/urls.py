"""Addresses of land and titles."""

from django.urls import path

from parcels import api, views
from parcels.imports import views as imports
from parcels.rules import api as rules

app_name = "parcels"
urlpatterns = [
    path("parcels/<uuid:key>/", views.parcel_page, name="parcel"),
    path("titles/<uuid:key>/", views.title_page, name="title"),
    path("api/parcels/", api.ParcelList.as_view(), name="api-parcels"),
    path("api/parcels/<uuid:key>/", api.ParcelDetail.as_view(), name="api-parcel"),
    path("api/search/", api.search_box, name="api-search"),
    path("api/rules/check/", rules.check, name="api-rules-check"),
    path("imports/", imports.import_list, name="imports"),
    path("imports/upload/", imports.upload, name="import-upload"),
    path("imports/<uuid:key>/", imports.import_page, name="import"),
    path("imports/<uuid:key>/inspection/", imports.inspection, name="import-inspection"),
    path("imports/<uuid:key>/commit/", imports.commit, name="import-commit"),
    path("imports/<uuid:key>/cancel/", imports.cancel, name="import-cancel"),
    path("imports/<uuid:key>/progress/", imports.progress, name="import-progress"),
    path("imports/<uuid:key>/problems/", imports.problems, name="import-problems"),
    path("imports/<uuid:key>/original/", imports.original_file, name="import-original"),
]
