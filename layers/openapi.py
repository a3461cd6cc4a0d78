"""The public reads that are plain views, in the OpenAPI document beside those of signed-in programs."""

from __future__ import annotations

from typing import Any

from layers.search import LONGEST
from layers.ticket_map.filters import CHOICES, MOST, MOST_VALUES, SETS

Document = dict[str, Any]


def query(name: str, schema: Document, description: str) -> Document:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


def of_a_set(name: str) -> Document:
    """A facet: given several times, one of the values is enough."""
    value: Document = {"type": "string", "maxLength": 60}
    if name in CHOICES:
        value["enum"] = sorted(CHOICES[name])
    if name == "year":
        value["pattern"] = "^[0-9]{4}$"
    return query(name, {"type": "array", "maxItems": MOST_VALUES, "items": value}, "facet")


AT = query("at", {"type": "string"}, "a day (its end in Asia/Shanghai) or an ISO 8601 moment")
Q = query(
    "q", {"type": "string", "maxLength": LONGEST}, "part of a number, a place or a coordinate"
)
RANGE = {"type": "integer", "minimum": 0, "maximum": MOST}
FILTER = [
    *map(of_a_set, SETS),
    *(query(name, RANGE, "tonnes on the ticket") for name in ("min_t", "max_t")),
    *(query(name, RANGE, "yuan a tonne that it was bought for") for name in ("min_p", "max_p")),
    AT,
]
AREA = {
    "name": "area",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
READS: dict[str, tuple[str, str, list[Document]]] = {
    "/api/tickets/states/": ("ticket_states", "Every ticket's kilograms by state", [AT]),
    "/api/map/tickets/": ("map_tickets", "The filtered tickets with their kilograms", FILTER),
    "/api/map/facts/": ("map_facts", "What everyone may know of each ticket", []),
    "/api/map/areas/{area}/": ("map_area", "Acts, tickets and documents of an area", [AREA, AT]),
    "/api/map/search/": ("map_search", "Suggestions: numbers, places, coordinates", [Q]),
}


def add_public_reads(result: Document, **_generator: Any) -> Document:
    """A hook of drf-spectacular: one more path for each of ``READS``."""
    for path, (operation, summary, parameters) in READS.items():
        responses: Document = {
            "200": {
                "description": summary,
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "400": {"description": "A parameter is unknown or cannot be read"},
        }
        if "{" in path:
            responses["404"] = {"description": "No ticket was issued there until then"}
        result["paths"][path] = {
            "get": {
                "operationId": operation,
                "summary": summary,
                "tags": ["public"],
                "parameters": parameters,
                "responses": responses,
            }
        }
    return result
