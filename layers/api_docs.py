"""The interfaces under ``/api``: their OpenAPI document, and what it says as a page without scripts."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from portal.base.parameters import only

JSON = "application/json"


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every operation with its parameters, what it takes and what it answers."""
    return render(request, "layers/api_docs.html", told_of(get_language()))


class OpenApiDocument(SpectacularAPIView):
    """``/api/schema/``, as YAML or JSON."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        only(request.query_params, ("format",))
        return Response(document_in(get_language()))


@cache  # It follows from the code alone, and walking every view takes long.
def document_in(_language: str) -> dict[str, Any]:
    """The OpenAPI document in the language in force."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


@cache
def told_of(language: str) -> dict[str, Any]:
    """``{info, operations}`` of the document, as the page shows them."""
    document = document_in(language)
    shapes = document["components"]["schemas"]
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "about": said.get("summary") or said.get("description", ""),
            "with_token": {"token": []} in said.get("security", []),
            "parameters": said.get("parameters", []),
            "body": fields_of(said.get("requestBody", {}), shapes),
            "answers": [
                {"status": status, "fields": fields_of(answer, shapes)}
                for status, answer in said["responses"].items()
            ],
        }
        for path, methods in document["paths"].items()
        for method, said in methods.items()
    ]
    return {"info": document["info"], "operations": operations}


def fields_of(message: dict[str, Any], shapes: dict[str, Any]) -> list[str]:
    """Names of the fields of a request's or an answer's JSON; of one row where it is a list."""
    schema = message.get("content", {}).get(JSON, {}).get("schema", {})
    if schema.get("type") == "array":
        schema = schema["items"]
    if "$ref" in schema:
        schema = shapes[schema["$ref"].rsplit("/", 1)[1]]
    return list(schema.get("properties", {}))
