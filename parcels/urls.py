"""Addresses of land and titles."""

from django.urls import path, re_path

from parcels import api, views
from parcels.claims import views as exclusions
from parcels.drawing import api as drawing_api
from parcels.drawing import views as drawing
from parcels.exports import views as exports
from parcels.imports import views as imports
from parcels.reviews.urls import urlpatterns as bench
from parcels.rules import api as rules
from parcels.screening import views as screening
from parcels.titles.urls import urlpatterns as own_titles

app_name = "parcels"
urlpatterns = [
    *own_titles,
    *bench,
    path("parcels/<uuid:key>/", views.parcel_page, name="parcel"),
    path("titles/<uuid:key>/", views.title_page, name="title"),
    path("api/parcels/", api.ParcelList.as_view(), name="api-parcels"),
    path("api/parcels/<uuid:key>/", api.ParcelDetail.as_view(), name="api-parcel"),
    path("api/rules/check/", rules.check, name="api-rules-check"),
    path("screenings/", screening.screenings, name="screenings"),
    path("screenings/start/", screening.start, name="screening-start"),
    path("screenings/<uuid:key>/", screening.screening_page, name="screening"),
    path("screenings/<uuid:key>/progress/", screening.progress, name="screening-progress"),
    path("screenings/<uuid:key>/cancel/", screening.cancel, name="screening-cancel"),
    path("screenings/<uuid:key>/map/", screening.map_layer, name="screening-map"),
    path("screenings/<uuid:key>/result.xlsx", screening.download, name="screening-result"),
    path("exclusions/", exclusions.exclusions, name="exclusions"),
    path("exclusions/look/", exclusions.look, name="exclusion-look"),
    path("exclusions/take-in/", exclusions.take_in, name="exclusion-take-in"),
    path("exclusions/<uuid:key>/move/", exclusions.move, name="exclusion-move"),
    path("imports/", imports.import_list, name="imports"),
    path("imports/upload/", imports.upload, name="import-upload"),
    path("imports/<uuid:key>/", imports.import_page, name="import"),
    path("imports/<uuid:key>/inspection/", imports.inspection, name="import-inspection"),
    path("imports/<uuid:key>/commit/", imports.commit, name="import-commit"),
    path("imports/<uuid:key>/cancel/", imports.cancel, name="import-cancel"),
    path("imports/<uuid:key>/progress/", imports.progress, name="import-progress"),
    re_path(
        r"^imports/(?P<key>[0-9a-f-]{36})/problems\.(?P<form>csv|xlsx)$",
        imports.problems,
        name="import-problems",
    ),
    path("boundaries/export/", exports.export_page, name="export"),
    path("areas/new/", drawing.new_area, name="area-new"),
    path("areas/<uuid:key>/draw/", drawing.draw_area, name="area-draw"),
    path("api/areas/titles/", drawing_api.titles, name="api-drawing-titles"),
    path("api/areas/around/", drawing_api.around, name="api-drawing-around"),
    path("api/areas/reshape/", drawing_api.reshape, name="api-drawing-reshape"),
    path("api/areas/compare/", drawing_api.compare, name="api-drawing-compare"),
    path("api/areas/file/", drawing_api.read_file, name="api-drawing-file"),
    path("api/areas/new/state/", drawing_api.state, name="api-drawing-state-new"),
    path("api/areas/new/draft/", drawing_api.draft, name="api-drawing-draft-new"),
    path("api/areas/new/discard/", drawing_api.discard, name="api-drawing-discard-new"),
    path("api/areas/new/save/", drawing_api.save, name="api-drawing-save-new"),
    path("api/areas/<uuid:key>/state/", drawing_api.state, name="api-drawing-state"),
    path("api/areas/<uuid:key>/draft/", drawing_api.draft, name="api-drawing-draft"),
    path("api/areas/<uuid:key>/discard/", drawing_api.discard, name="api-drawing-discard"),
    path("api/areas/<uuid:key>/save/", drawing_api.save, name="api-drawing-save"),
]
