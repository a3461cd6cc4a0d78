"""Addresses of land and titles."""

from django.urls import path

from parcels.imports import views as imports

app_name = "parcels"
urlpatterns = [
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
