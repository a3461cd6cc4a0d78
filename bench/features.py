"""Features as GeoJSON beside a plain serializer, and the whole register in one stream."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import shapely

from bench.harness import Bench, ResultsDiffer
from bench.rivals.servers import plain_django
from bench.wire import Wire
from parcels.mosaic import EAST, NORTH, SOUTH, WEST

TITLE = "1,000 features ≥ 25 × a serializer's page, ≥ 8 × with an exact count; all in flat memory"
SIZE, SMALL = 1_000_000, 5_000
REGISTER = True
PAGE = 1000
UNCOUNTED_AT_LEAST, COUNTED_AT_LEAST = 25, 8
COUNTED = 9000  # Features of the box whose exact count both tell.
PIECE = 1 << 18
FEATURE = b'{"type":"Feature",'
GROWTH_AT_MOST_MIB = 40
DEGREES = 1e-6
ITEMS = "/ogc/collections/parcels/items"


def run(bench: Bench) -> None:
    with plain_django(bench) as plain, bench.server() as portal:
        with Wire(portal) as ours, Wire(plain) as theirs:
            pages(bench, ours, theirs)
        download(bench, portal)


def pages(bench: Bench, ours: Wire, theirs: Wire) -> None:
    """The first page of everything, then of a box with its count."""
    share = min(1.0, COUNTED / bench.size) ** 0.5
    box = f"{WEST},{SOUTH},{WEST + (EAST - WEST) * share},{SOUTH + (NORTH - SOUTH) * share}"
    for case, query, plain, least in (
        ("without a count", "", "/features/", UNCOUNTED_AT_LEAST),
        ("with an exact count", f"&bbox={box}", f"/counted-features/?bbox={box}", COUNTED_AT_LEAST),
    ):
        medians = bench.compare(
            f"1,000 features {case}",
            {
                "portal": lambda query=query: ours.get(f"{ITEMS}?f=json&limit={PAGE}{query}"),  # type: ignore[misc]
                "serializer": lambda plain=plain: theirs.get(plain),  # type: ignore[misc]
            },
            same=Page,
        )
        bench.fact(
            f"features {case}, against a serializer", medians["serializer"] / medians["portal"],
            "times", at_least=least,
        )  # fmt: skip


class Page:
    """Equal to another with the same features in the same order, and the same count if both tell one."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, body: bytes) -> None:
        document = json.loads(body)
        found = document.get("results", document)
        self.count = document.get("count", document.get("numberMatched"))
        self.features = [(one["id"], one["properties"]) for one in found["features"]]
        self.shapes = shapely.from_geojson(
            [json.dumps(one["geometry"]) for one in found["features"]]
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Page):
            return NotImplemented
        return (
            (None in (self.count, other.count) or self.count == other.count)
            and self.features == other.features
            and bool(shapely.equals_exact(self.shapes, other.shapes, DEGREES).all())
        )


def download(bench: Bench, portal: str) -> None:
    """Everything, following ``next``; what the server's workers hold does not grow with it."""
    features, size, memory = 0, 0, [bench.server_mib(portal)]
    for piece, found in streamed(f"{portal}{ITEMS}?f=json&limit=100000"):
        features += found
        size += len(piece)
        memory.append(bench.server_mib(portal))
    if features != bench.size:
        raise ResultsDiffer(f"download: {features} of {bench.size} features came")
    # The first tenth fills pools and buffers.
    settled = max(memory[: len(memory) // 10 + 1])
    bench.fact("features downloaded", features, at_least=bench.size)
    bench.fact("bytes of them", size / 1e6, "MB")
    bench.fact("the server's memory at most", max(memory), "MiB")
    bench.fact(
        "its growth after the first tenth", max(memory) - settled, "MiB", at_most=GROWTH_AT_MOST_MIB
    )


def streamed(address: str) -> Iterator[tuple[bytes, int]]:
    """Pieces of all pages as they come, with how many features begin in each."""
    following: str | None = address
    while following is not None:
        tail = b""
        with urllib.request.urlopen(following, timeout=120) as answer:
            while piece := answer.read(PIECE):
                seen = tail + piece
                yield piece, seen.count(FEATURE) - tail.count(FEATURE)
                tail = seen[-PIECE:]
        closing: dict[str, Any] = json.loads(b"{" + tail[tail.rindex(b'],"number') + 2 :])
        links = {link["rel"]: link["href"] for link in closing["links"]}
        following = links.get("next")
        if following is not None:
            at = urlsplit(following)
            following = f"{address.split('/ogc', maxsplit=1)[0]}{at.path}?{at.query}"
