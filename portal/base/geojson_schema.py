"""How the OpenAPI document describes features: the library knows a model's own geometry column only."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.rest_framework_gis import (
    GeoFeatureModelSerializerExtension,
    build_geometry_geo_schema,
)


class FeatureSchema(GeoFeatureModelSerializerExtension):  # type: ignore[no-untyped-call]
    """A feature whose shape is picked by a method has a geometry all the same."""

    priority = 1

    def map_geo_feature_model_serializer(self, serializer: Any, base_schema: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super().map_geo_feature_model_serializer(  # type: ignore[no-untyped-call]
            serializer, base_schema
        )
        schema["properties"]["geometry"] = build_geometry_geo_schema()  # type: ignore[no-untyped-call]
        return schema
