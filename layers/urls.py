"""Addresses of tiles and of the OGC API."""

from django.urls import path

from layers import developers, views
from layers.ogc import urls as ogc
from layers.stands_here import views as stands_here
from layers.ticket_map import downloads, printing, sharing, statistics, story
from layers.ticket_map import search as map_search
from layers.ticket_map import views as ticket_map

app_name = "layers"
urlpatterns = [
    path("tiles/<str:layer>.json", views.tilejson, name="tilejson"),
    path("tiles/<str:layer>/<str:z>/<str:x>/<str:y>.mvt", views.present_tile, name="tile"),
    path(
        "tiles/<str:layer>/<str:version>/<str:z>/<str:x>/<str:y>.mvt",
        views.versioned_tile,
        name="versioned-tile",
    ),
    path("what-stands-here/", stands_here.page, name="stands-here"),
    path("api/what-stands-here/", stands_here.ask, name="api-stands-here"),
    path("api/map/facts/", ticket_map.facts, name="api-map-facts"),
    path("api/map/areas/<uuid:area>/", story.story, name="api-map-area"),
    path("api/map/search/", map_search.suggest, name="api-map-search"),
    path("api/search/", map_search.places, name="api-search"),
    path("map/tickets/download/", downloads.download, name="map-download"),
    path("map/tickets/print/", printing.printed, name="map-print"),
    path("map/qr.svg", sharing.qr, name="map-qr"),
    path("statistics/", statistics.statistics, name="statistics"),
    path("developers/", developers.developers, name="developers"),
    path("open-data/", statistics.open_data, name="open-data"),
    path("api/map/tickets/", ticket_map.rows, name="api-map-tickets"),
    *ogc.urlpatterns,
]
