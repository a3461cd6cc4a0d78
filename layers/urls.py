"""Addresses of tiles."""

from django.urls import path

from layers import views

app_name = "layers"
urlpatterns = [
    path("tiles/<str:layer>.json", views.tilejson, name="tilejson"),
    path("tiles/<str:layer>/<str:z>/<str:x>/<str:y>.mvt", views.present_tile, name="tile"),
    path(
        "tiles/<str:layer>/<str:version>/<str:z>/<str:x>/<str:y>.mvt",
        views.versioned_tile,
        name="versioned-tile",
    ),
]
