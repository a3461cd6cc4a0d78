"""The interfaces under ``/api`` as a page: what the OpenAPI document says, readable without scripts."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

JSON = "application/json"


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every operation with its parameters, what it takes and what it answers."""
    return render(request, "layers/api_docs.html", told_of(get_language()))


@cache  # It follows from the code alone, and walking every view takes long.
def told_of(_language: str) -> dict[str, Any]:
    """``{info, operations}`` of the OpenAPI document, in the language in force."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
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
