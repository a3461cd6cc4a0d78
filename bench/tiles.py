"""Vector tiles over a mosaic of the whole city: size, time, and that no region vanishes."""

from __future__ import annotations

import gzip
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import mapbox_vector_tile
import shapely

from bench.harness import WORKERS, Bench
from bench.places import tiles_over_city
from bench.wire import sign_in
from layers.cells import prepare_cells
from parcels.models import Parcel
from portal.accounts.operations import ensure_demo_accounts

TITLE = "tiles at zoom 8–16 over the city: < 500 KB, < 300 ms, no region vanishes"
SIZE, SMALL = 100_000, 3_000
REGISTER = True
ZOOMS = range(8, 17)
LIMIT_BYTES, LIMIT_S = 500_000, 0.3
TILES_A_ZOOM = 150  # At high zooms every n-th tile, over the whole city.
SUMMED_TO = 11
EXTENT = 4096
SHARE_KEPT = 0.97  # Of the land's area, snapping at the coarsest zoom included.


def some_tiles(zoom: int) -> list[tuple[int, int]]:
    """All tiles over the city, at high zooms every n-th."""
    found = tiles_over_city(zoom)
    return found[:: max(1, len(found) // TILES_A_ZOOM)]


class Reader:
    """A signed-in officer who asks for tiles as a browser does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = sign_in(address, "natural_resources")

    def tile(self, layer: str, z: int, x: int, y: int) -> tuple[float, int, bytes]:
        """(seconds, bytes on the wire, tile)."""
        request = urllib.request.Request(
            f"{self.address}/tiles/{layer}/{z}/{x}/{y}.mvt",
            headers={"Accept-Encoding": "gzip", "Cookie": self.cookies},
        )
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
            seconds = time.perf_counter() - began
            packed = answer.headers.get("Content-Encoding") == "gzip"
        return seconds, len(body), gzip.decompress(body) if packed else body


def drawn_share(tile: bytes) -> float:
    """The share of a tile's own square that its shapes cover."""
    square = shapely.box(0, 0, EXTENT, EXTENT)
    shapes = [
        shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
        for layer in mapbox_vector_tile.decode(tile).values()
        for feature in layer["features"]
    ]
    return float(shapely.union_all(shapes).intersection(square).area) / square.area


def land_of(zoom: int, share: float) -> float:
    """A share of one tile as a share of the world, so that zooms can be compared."""
    return share / 4.0**zoom


def run(bench: Bench) -> None:
    bench.fact("parcels", Parcel.objects.in_being().count(), at_least=bench.size)
    ensure_demo_accounts()
    bench.measure(
        "low zooms prepared", lambda: prepare_cells(everything=True), rounds=1, warm=False
    )
    bench.analyze()
    with bench.server() as address, ThreadPoolExecutor(WORKERS) as pool:
        reader = Reader(address)
        # Each process of a server that has just started opens its connections at its first answer.
        list(pool.map(lambda at: reader.tile("parcels-staff", 7, *at), some_tiles(7) * 8))
        measure_tiles(bench, reader, pool, "parcels-staff", ZOOMS)
        measure_tiles(bench, reader, pool, "parcels", range(10, 17))
        nothing_vanishes(bench, reader)


def measure_tiles(
    bench: Bench, reader: Reader, pool: ThreadPoolExecutor, layer: str, zooms: range
) -> None:
    """Every tile once cold, as two readers at a time."""
    for zoom in zooms:
        tiles = some_tiles(zoom)
        found = list(pool.map(lambda at, zoom=zoom: reader.tile(layer, zoom, *at), tiles))
        bench.say(f"{layer} zoom {zoom}: {len(tiles)} tiles")
        bench.taken(f"{layer} zoom {zoom}", [item[0] for item in found], at_most_s=LIMIT_S)
        bench.fact(
            f"{layer} zoom {zoom}, largest",
            max(len(item[2]) for item in found) / 1000,
            "KB",
            at_most=LIMIT_BYTES / 1000,
        )


def nothing_vanishes(bench: Bench, reader: Reader) -> None:
    """The land drawn at each low zoom against the land drawn at the next finer."""
    areas: dict[int, float] = {}
    for zoom in range(ZOOMS.start, SUMMED_TO + 2):
        tiles = [reader.tile("parcels-staff", zoom, x, y)[2] for x, y in some_tiles(zoom)]
        areas[zoom] = sum(land_of(zoom, drawn_share(tile)) for tile in tiles)
    for zoom in range(ZOOMS.start, SUMMED_TO + 1):
        share = areas[zoom] / areas[SUMMED_TO + 1]
        bench.fact(
            f"land drawn at zoom {zoom} against zoom {SUMMED_TO + 1}", share,
            at_least=SHARE_KEPT, at_most=2 - SHARE_KEPT,
        )  # fmt: skip
