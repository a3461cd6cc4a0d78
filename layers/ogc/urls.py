"""Addresses under ``/ogc``: each with and without a slash at its end, so that nobody is sent on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from layers.ogc import views

ADDRESSES: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("/conformance", views.conformance, "ogc-conformance"),
    ("/api", views.api, "ogc-api"),
    ("/collections", views.collections, "ogc-collections"),
    ("/collections/<str:layer>", views.collection, "ogc-collection"),
    ("/collections/<str:layer>/items", views.items, "ogc-items"),
    ("/collections/<str:layer>/items/<str:uid>", views.item, "ogc-item"),
    ("/collections/<str:layer>/tiles", views.tilesets, "ogc-tilesets"),
    ("/collections/<str:layer>/tiles/<str:scheme>", views.tileset, "ogc-tileset"),
    ("/tileMatrixSets", views.tile_matrix_sets, "ogc-tile-matrix-sets"),
    ("/tileMatrixSets/<str:scheme>", views.tile_matrix_set, "ogc-tile-matrix-set"),
)
urlpatterns: list[URLPattern] = [
    # The last of a name is the one that reverse() gives.
    path("ogc", views.landing),
    path("ogc/", views.landing, name="ogc"),
    *(path(f"ogc{route}/", view) for route, view, _name in ADDRESSES),
    *(path(f"ogc{route}", view, name=name) for route, view, name in ADDRESSES),
]
