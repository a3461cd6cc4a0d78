"""The public layers beside tipg, django-vectortiles and bare SQL, from the same PostGIS."""

from __future__ import annotations

import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import shapely
from django.db.models import Count, Sum

from bench.harness import Bench, ResultsDiffer
from bench.places import tiles_over_city
from bench.rivals.servers import LAYER, plain_django, tipg
from bench.wire import Wire, flood, rate, sign_in
from layers.models import ParcelCell
from layers.registry import LAYERS
from layers.tiles import detail_query, geometry_version, tile_facts
from parcels.models import ParcelVersion
from portal.accounts.operations import ensure_demo_accounts
from tests.layers.nginx_server import NGINX, nginx_before

TITLE = "tiles ≥ 2.5 × tipg, ≥ 4 × django-vectortiles, ≥ 0.8 × SQL; kept ones ≥ 5,000 a second"
SIZE, SMALL = 1_000_000, 5_000
REGISTER = True
READERS = 4
ZOOMS = range(13, 17)
ROUNDS, TILES_A_ZOOM = 3, 45
COMPARED = 12  # Of the tiles, parcel by parcel.
LOW_ZOOMS, LOW_P99_MS, LOW_KB = range(5, 13), 300, 500
KEPT, VISITORS, FLOOD_S = 40, 32, 5
KEPT_AT_LEAST, KEPT_TIPG_AT_LEAST = 5000, 50
# All visitors have one address here.
NO_LIMIT = {
    "zone=portal_kept_tiles:10m rate=1000r/s": "zone=portal_kept_tiles:10m rate=1000000r/s",
    "limit_req zone=portal_kept_tiles burst=2000": "limit_req zone=portal_kept_tiles burst=200000",
}
TILES_AT_LEAST = {"tipg": 2.5, "django-vectortiles": 4.0, "bare SQL": 0.8}
EXTENT, PIXEL = 4096, 16
TIPG_TILE = "/collections/public.bench_parcels/tiles/WebMercatorQuad/{}?properties=uid,state"
# As the portal's own connections are.
SESSION: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": 0,
    "options": "-c jit=off -c plan_cache_mode=force_generic_plan",
}
Place = tuple[int, int, int]
Ways = dict[str, list[Callable[[Place], bytes]]]


def run(bench: Bench) -> None:
    ensure_demo_accounts()
    with plain_django(bench) as plain, tipg(bench) as other, bench.server() as portal:
        fresh_tiles(bench, portal, plain, other)
        low_zooms(bench, portal)
        kept_tiles(bench, portal, other)


# --- tiles that are made ---------------------------------------------------------------------------
def fresh_tiles(bench: Bench, portal: str, plain: str, other: str) -> None:
    """Tiles that nobody has asked for, at random over the land, four readers at a time."""
    places = some_places()
    with ExitStack() as opened:
        ways: Ways = {"bare SQL": [sql_reader(bench, opened) for _reader in range(READERS)]}
        for name, address, pattern in (
            ("portal", portal, f"/tiles/parcels/{geometry_version(LAYER)}/{{}}.mvt"),
            ("tipg", other, TIPG_TILE),
            ("django-vectortiles", plain, "/tiles/{}"),
        ):
            ways[name] = [http_reader(address, pattern, opened) for _reader in range(READERS)]
        for at in places[:COMPARED]:
            same_parcels(at, {name: gets[0](at) for name, gets in ways.items()})
        found: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(ROUNDS):
            part = places[COMPARED + turn :: ROUNDS]
            rate(ways["bare SQL"], part)  # The pages are in memory for all of them.
            for name, gets in ways.items():
                found[name].append(rate(gets, part))
    middle = {name: statistics.median(rates) for name, rates in found.items()}
    for name, per_second in middle.items():
        bench.fact(f"tiles of zoom 13–16, {name}", per_second, "a second")
    for name, least in TILES_AT_LEAST.items():
        bench.fact(
            f"tiles, portal against {name}",
            middle["portal"] / middle[name],
            "times",
            at_least=least,
        )


def some_places() -> list[Place]:
    """As many of each zoom, no tile twice: nothing is kept of it."""
    dice = random.Random(3)
    found = [
        (zoom, *at) for zoom in ZOOMS for at in dice.sample(tiles_over_city(zoom), TILES_A_ZOOM)
    ]
    dice.shuffle(found)
    return found


def sql_reader(bench: Bench, opened: ExitStack) -> Callable[[Place], bytes]:
    """The layer's own statement by psycopg alone."""
    statement = detail_query(LAYER)
    session = opened.enter_context(bench.app_connection(**SESSION))

    def read(at: Place) -> bytes:
        row = session.execute(statement, tile_facts(LAYER, *at), binary=True).fetchone()
        assert row is not None
        return bytes(row[0])

    return read


def http_reader(address: str, pattern: str, opened: ExitStack) -> Callable[[Place], bytes]:
    wire = opened.enter_context(Wire(address))
    return lambda at: wire.get(pattern.format("/".join(map(str, at))))


def same_parcels(at: Place, tiles_by_way: Mapping[str, bytes]) -> None:
    """ResultsDiffer unless every way draws the same parcels; under a pixel, ways may differ."""
    drawn = {name: areas_in(tile) for name, tile in tiles_by_way.items()}
    for name, areas in drawn.items():
        for other, theirs in drawn.items():
            missing = [uid for uid, area in theirs.items() if area > PIXEL**2 and uid not in areas]
            if missing:
                raise ResultsDiffer(f"tile {at}: {name} lacks {len(missing)} parcels of {other}")


def areas_in(tile: bytes) -> dict[str, float]:
    """Area of each parcel inside the tile's own square."""
    square = shapely.box(0, 0, EXTENT, EXTENT)
    [layer] = mapbox_vector_tile.decode(tile).values()
    shapes = shapely.from_geojson([json.dumps(one["geometry"]) for one in layer["features"]])
    areas = shapely.area(shapely.intersection(shapely.make_valid(shapes), square))
    uids = [one["properties"]["uid"] for one in layer["features"]]
    return dict(zip(uids, areas.tolist(), strict=True))


# --- low zooms -------------------------------------------------------------------------------------
def low_zooms(bench: Bench, portal: str) -> None:
    """Every tile of zoom 5 to 12, none made before; the cells of each zoom hold the whole register."""
    taken, largest = [], 0
    with (
        Wire(portal, Cookie=sign_in(portal, "natural_resources")) as officer,
        Wire(portal) as anyone,
    ):
        for zoom in LOW_ZOOMS:
            # The public's zooms begin at 10; below it the offices' layer is asked.
            public = zoom >= LAYER.zoom_min
            layer, reader = (LAYER, anyone) if public else (LAYERS["parcels-staff"], officer)
            version = geometry_version(layer)
            for x, y in tiles_over_city(zoom):
                began = time.perf_counter()
                body = reader.get(f"/tiles/{layer.name}/{version}/{zoom}/{x}/{y}.mvt")
                taken.append(time.perf_counter() - began)
                largest = max(largest, len(body))
    bench.taken("tiles of zoom 5–12", taken)
    bench.fact("tiles of zoom 5–12, p99", percentile(taken, 99) * 1000, "ms", at_most=LOW_P99_MS)
    bench.fact("tiles of zoom 5–12, largest", largest / 1000, "KB", at_most=LOW_KB)
    register = ParcelVersion.objects.standing().aggregate(n=Count("id"), m2=Sum("area_m2"))
    for zoom in LOW_ZOOMS:
        cells = ParcelCell.objects.filter(zoom=zoom).aggregate(n=Sum("parcels"), m2=Sum("area_m2"))
        if cells["n"] != register["n"] or not math.isclose(cells["m2"], register["m2"]):
            raise ResultsDiffer(f"zoom {zoom}: {cells} in the cells, {register} in the register")


# --- tiles that are kept ---------------------------------------------------------------------------
def kept_tiles(bench: Bench, portal: str, other: str) -> None:
    """``deploy/nginx`` with its cache warm, before many visitors; tipg has no cache of its own."""
    if NGINX is None:
        bench.say("nginx is not installed: kept tiles are not measured")
        return
    version = geometry_version(LAYER)
    places = ["/".join(map(str, at)) for at in some_places()[:KEPT]]
    paths = [f"/tiles/{LAYER.name}/{version}/{at}.mvt" for at in places]
    with (
        tempfile.TemporaryDirectory() as folder,
        nginx_before(portal, Path(folder) / "nginx", NO_LIMIT) as host,
        ExitStack() as opened,
    ):
        visitors = [
            opened.enter_context(Wire(f"http://{host}", **{"Accept-Encoding": "gzip, br"}))
            for _visitor in range(VISITORS)
        ]
        for path in paths:
            visitors[0].get(path)
        per_second = flood(visitors, paths, seconds=FLOOD_S)
        with_tipg = rate(
            [http_reader(other, TIPG_TILE, opened) for _reader in range(READERS)],
            some_places()[:KEPT],
        )
    bench.fact(
        "kept tiles behind nginx, its limit an address lifted",
        per_second,
        "a second",
        at_least=KEPT_AT_LEAST,
    )
    bench.fact("the same tiles, tipg", with_tipg, "a second")
    bench.fact(
        "kept tiles against tipg", per_second / with_tipg, "times", at_least=KEPT_TIPG_AT_LEAST
    )


def percentile(values: Sequence[float], share: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]
