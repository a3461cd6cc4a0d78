"""Overlap against a full register: import, takeover, bulk screening and the live check.

Each way of a thing is measured in the same run; results are compared pair by pair before times are
believed. Reading of files is counted apart, memory is the peak of a process of its own.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas
import shapely
from django.conf import settings
from django.test import Client, override_settings
from shapely.affinity import scale, translate

from bench.harness import Bench, ResultsDiffer, environment, resident_mib
from bench.urls import LOOP
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, read_batches
from parcels.management.commands.make_parcels import write_file
from parcels.models import ParcelVersion
from parcels.mosaic import mosaic
from portal.accounts.models import Department, Role, RoleGrant, User
from portal.accounts.operations import ensure_demo_accounts

TITLE = "import, takeover, screening and live check beside the best bare ways"
SIZE, SMALL = 1_000_000, 5_000
CANDIDATE_SHARE = 10  # One candidate for so many parcels.
LIVE_ROUNDS = 200
IMPORT_AT_MOST, IMPORT_MIB = 4.0, 300
STOCK_PER_SECOND = 5000
SCREEN_AT_MOST, OVERLAY_AT_LEAST, MEMORY_AT_LEAST = 1.5, 4.0, 5.0
LIVE_AT_MOST, LOOP_AT_LEAST = 3.0, 3.0
# Pieces narrower than a millimetre are no findings; along a long sliver they add up to this.
AREA_RELATIVE, AREA_M2 = 0.001, 0.2
LIMITS = Limits(file_bytes=1 << 40)

_SCREEN_SQL = """
CREATE TABLE pair AS
SELECT mine.id, version.parcel_id, land.is_sliver, land.area_m2, land.mean_width_m
FROM (SELECT id, geom, land_sieve(geom) AS sieve FROM candidates OFFSET 0) AS mine
JOIN parcels_parcelversion AS version
  ON version.geom && mine.geom AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
 AND ST_Intersects(mine.sieve, version.geom)
CROSS JOIN LATERAL shared_land(mine.geom, version.geom, 0.0001::float8, 1::float8, 0.025::float8)
  AS land
"""
_LIVE_SQL = """
WITH mine AS MATERIALIZED (
  SELECT geom, land_sieve(geom) AS sieve FROM ST_GeomFromWKB(%s, 4490) AS geom
)
SELECT version.parcel_id, land.is_sliver, ST_AsEWKB(land.shape), land.area_m2, land.mean_width_m
FROM mine
JOIN parcels_parcelversion AS version
  ON version.geom && mine.geom AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
 AND ST_Intersects(mine.sieve, version.geom)
CROSS JOIN LATERAL shared_land(mine.geom, version.geom, 0.0001::float8, 1::float8, 0.025::float8)
  AS land
"""
_OVERLAY = """
import json, sys, time, warnings
import geopandas, pyogrio, shapely
warnings.filterwarnings("ignore")
began = time.perf_counter()
register = pyogrio.read_dataframe(sys.argv[1], columns=["BDCDYH"]).to_crs(4536)
candidates = pyogrio.read_dataframe(sys.argv[2], columns=["id"]).to_crs(4536)
loaded = time.perf_counter()
pairs = geopandas.overlay(candidates, register, how="intersection", keep_geom_type=True)
pairs = pairs[pairs.area > 0.01]
done = time.perf_counter()
json.dump({"load": loaded - began, "overlay": done - loaded,
           "pairs": [[int(a), b, c] for a, b, c in
                     zip(pairs["id"], pairs["BDCDYH"], pairs.area)]}, sys.stdout)
"""


def run(bench: Bench) -> None:
    with tempfile.TemporaryDirectory(prefix="overlap-") as folder:
        place = Path(folder)
        register, candidates = place / "register.gpkg", place / "candidates.gpkg"
        bench.say(f"writing {bench.size:,} parcels")
        write_file(register, bench.size, 1)
        make_candidates(candidates, bench.size)
        take_in(bench, register, place)
        bench.analyze()
        screen(bench, register, candidates)
        live(bench)


def run_process(*words: str) -> tuple[Any, float, float]:
    """(JSON of its output, seconds, peak MiB of it and its children at one time)."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            [sys.executable, *words], stdout=output, stderr=subprocess.DEVNULL,
            env=environment("bench.settings"), cwd=settings.ROOT,
        )  # fmt: skip
        peak = 0.0
        while child.poll() is None:
            peak = max(peak, resident_mib(child.pid))
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        output.seek(0)
        return json.loads(output.read() or b"null"), seconds, peak


# --- import --------------------------------------------------------------------------------------
def take_in(bench: Bench, register: Path, place: Path) -> None:
    """``import_parcels --as stock`` beside bare COPY; the join is told apart."""
    began = time.perf_counter()
    for _batch in read_batches(register, choices=Choices(), limits=LIMITS):
        pass
    reading = time.perf_counter() - began
    bench.fact("reading the file alone", reading, "s")
    plain, checked = bare_copy(bench)
    (place / "决定.pdf").write_bytes(b"%PDF-1.7\n% a scan\n")
    for name, role in (("clerk", Role.CLERK), ("approver", Role.APPROVER)):
        user = User.objects.create_user(name, password=None)
        RoleGrant.objects.create(user=user, role=role, department=Department.NATURAL_RESOURCES)
    answer, seconds, peak = run_process(
        "manage.py", "import_parcels", str(register), "--as", "stock", "--decision", "bench",
        "--document", str(place / "决定.pdf"), "--preparer", "clerk", "--approver", "approver",
    )  # fmt: skip
    if answer is None or answer["imported"] != bench.size:
        raise ResultsDiffer(f"import: {answer and answer['imported']} of {bench.size} came in")
    joined = answer["stock"]["seconds"]
    if answer["stock"]["verified"] != bench.size:
        raise ResultsDiffer(f"takeover: {answer['stock']['verified']} of {bench.size} verified")
    taken = seconds - joined
    bench.fact("import without the join", taken, "s")
    bench.fact("import, features a second", bench.size / taken)
    bench.fact("against bare COPY with index", taken / plain, "times")
    bench.fact(
        "against COPY with index, constraints, areas", taken / checked, "times",
        at_most=IMPORT_AT_MOST,
    )  # fmt: skip
    bench.fact("client memory of the import", peak, "MiB", at_most=IMPORT_MIB)
    bench.fact("takeover's join", joined, "s")
    bench.fact("takeover, features a second", bench.size / joined, at_least=STOCK_PER_SECOND)


def bare_copy(bench: Bench) -> tuple[float, float]:
    """Seconds of COPY of the same rows with an index: plain, and with all that a row must keep.

    The latter is a copy of the register's tables of shapes with their constraints, generated
    areas and indexes, without triggers, keys between tables, or any matching.
    """
    with bench.owner_connection() as owner:
        owner.execute(
            "CREATE TABLE bare (number text, geom geometry(MultiPolygon, 4490));"
            "CREATE INDEX ON bare USING gist (geom);"
            "CREATE TABLE version_copy (LIKE parcels_parcelversion INCLUDING ALL);"
            "CREATE TABLE stand_copy (LIKE parcels_stand INCLUDING ALL);"
        )
        began = time.perf_counter()
        with owner.cursor().copy("COPY bare FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["text", "bytea"])
            for _at, number, wkb in rows(bench.size):
                copy.write_row((number, wkb))
        plain = time.perf_counter() - began
        stamp = datetime(2026, 1, 1, tzinfo=UTC)
        began = time.perf_counter()
        with owner.cursor().copy(
            "COPY version_copy (id, parcel_id, number, geom, geom_public, because, made_at, "
            "stands_from) FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["int8", "int8", "int4", "bytea", "bytea", "text"] + ["timestamptz"] * 2)
            for at, _number, wkb in rows(bench.size):
                copy.write_row((at, at, 1, wkb, wkb, "import", stamp, stamp))
        with owner.cursor().copy(
            "COPY stand_copy (id, survey_year, stand_number, geom, land_class, tenure, "
            "forest_purpose, origin, forest_category, species, age_class, made_at) "
            "FROM STDIN (FORMAT binary)"
        ) as copy:
            copy.set_types(["int8", "int2", "text", "bytea"] + ["text"] * 7 + ["timestamptz"])
            for at, number, wkb in rows(bench.size):
                copy.write_row((at, 2026, number, wkb, "", "", "", "", "", "", "", stamp))
        checked = time.perf_counter() - began
        owner.execute("DROP TABLE bare, version_copy, stand_copy")
    bench.fact("bare COPY with index", plain, "s")
    bench.fact("COPY with index, constraints, areas", checked, "s")
    return plain, checked


def rows(count: int) -> Iterator[tuple[int, str, bytes]]:
    """The mosaic's shapes, as extended WKB."""
    at = 0
    for batch in mosaic(count=count, seed=1):
        shapes = shapely.set_srid(shapely.from_wkb(batch.wkb), 4490)
        for number, wkb in zip(
            batch.columns["BDCDYH"], shapely.to_wkb(shapes, include_srid=True), strict=True
        ):
            at += 1
            yield at, str(number), wkb


# --- screening -----------------------------------------------------------------------------------
def make_candidates(path: Path, size: int) -> None:
    """Neighbours that only touch, overlaps, slivers, duplicates, and land of nobody's."""
    chosen = random.Random(1)
    shapes = []
    for batch in mosaic(count=size, seed=1):
        shapes += [
            moved(shape, chosen.random())
            for shape in shapely.from_wkb(batch.wkb[::CANDIDATE_SHARE])
        ]
    frame = geopandas.GeoDataFrame({"id": range(len(shapes))}, geometry=shapes, crs=4490)
    frame.to_file(path, driver="GPKG")


def moved(shape: Any, draw: float) -> Any:
    """One parcel as a candidate of some kind."""
    if draw < 0.3:
        return scale(shape, 0.5, 0.5)  # Inside its parcel.
    if draw < 0.5:
        return translate(shape, 0.0002, 0)
    if draw < 0.6:
        return translate(shape, 3e-7, 0)  # Slivers of 2 cm to its neighbours.
    return shape if draw < 0.7 else translate(shape, 1.0, 0)  # Itself, or beyond the register.


def screen(bench: Bench, register: Path, candidates: Path) -> None:
    """``screen_areas --as title`` beside set-based SQL and ``geopandas.overlay``."""
    began = time.perf_counter()
    for _batch in read_batches(candidates, choices=Choices(), limits=LIMITS):
        pass
    reading = time.perf_counter() - began
    answer, seconds, peak = run_process(
        "manage.py", "screen_areas", str(candidates), "--as", "title", "--id", "id"
    )
    sql_pairs, sql_s = by_sql(bench, candidates)
    overlay, _seconds, overlay_peak = run_process("-c", _OVERLAY, str(register), str(candidates))
    agree(answer, sql_pairs, overlay)
    bench.fact("candidates", len(answer["candidates"]))
    bench.fact("reading the candidates alone", reading, "s")
    bench.fact("screen_areas, reading apart", seconds - reading, "s")
    bench.fact("best set-based SQL", sql_s, "s")
    bench.fact(
        "screen_areas against SQL", (seconds - reading) / sql_s, "times", at_most=SCREEN_AT_MOST
    )
    bench.fact("geopandas.overlay", overlay["overlay"], "s")
    bench.fact("geopandas.overlay, loading apart", overlay["load"], "s")
    bench.fact(
        "geopandas.overlay against screen_areas", overlay["overlay"] / (seconds - reading),
        "times", at_least=OVERLAY_AT_LEAST,
    )  # fmt: skip
    bench.fact("memory of screen_areas", peak, "MiB")
    bench.fact(
        "memory of geopandas against it", overlay_peak / peak, "times", at_least=MEMORY_AT_LEAST
    )


def by_sql(bench: Bench, candidates: Path) -> tuple[dict[tuple[int, int], float], float]:
    """The shared land of each pair by one statement in the database, its erosion included."""
    frame = geopandas.read_file(candidates)
    with bench.owner_connection() as owner:
        owner.execute("CREATE TABLE candidates (id int, geom geometry(MultiPolygon, 4490))")
        with owner.cursor().copy("COPY candidates FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "bytea"])
            for name, shape in zip(frame["id"], frame.geometry, strict=True):
                parts = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
                whole = shapely.set_srid(shapely.MultiPolygon(list(parts)), 4490)
                copy.write_row((int(name), shapely.to_wkb(whole, include_srid=True)))
        owner.execute("ANALYZE candidates; SET jit = off")
        began = time.perf_counter()
        owner.execute(_SCREEN_SQL)
        seconds = time.perf_counter() - began
        found = owner.execute(
            "SELECT id, parcel_id, sum(area_m2) FROM pair GROUP BY id, parcel_id"
        ).fetchall()
        owner.execute("DROP TABLE pair, candidates")
    return {(name, parcel): area for name, parcel, area in found}, seconds


def agree(
    answer: dict[str, Any], sql_pairs: dict[tuple[int, int], float], overlay: dict[str, Any]
) -> None:
    """ResultsDiffer unless all three tell the same pairs and areas."""
    numbers = dict(ParcelVersion.objects.standing().values_list("parcel__unit_number", "parcel_id"))
    screened: dict[tuple[int, int], float] = {}
    for one in answer["candidates"]:
        for found in one["findings"]:
            if found["rule"] == "overlap_title":
                pair = (one["id"], numbers[found["other"]])
                screened[pair] = screened.get(pair, 0.0) + found["area_m2"]
    refuse_difference("SQL", screened, sql_pairs, least_m2=0.001)
    by_overlay: dict[tuple[int, int], float] = {}
    for name, number, area in overlay["pairs"]:
        pair = (name, numbers[number])
        by_overlay[pair] = by_overlay.get(pair, 0.0) + area
    refuse_difference("geopandas", screened, by_overlay, least_m2=1)


def refuse_difference(
    way: str,
    one: dict[tuple[int, int], float],
    other: dict[tuple[int, int], float],
    *,
    least_m2: float,
) -> None:
    """ResultsDiffer unless pairs above an area are the same, with areas within a thousandth."""
    for pair in one.keys() | other.keys():
        a, b = one.get(pair, 0.0), other.get(pair, 0.0)
        if max(a, b) > least_m2 and abs(a - b) > max(AREA_RELATIVE * max(a, b), AREA_M2):
            raise ResultsDiffer(f"screening: pair {pair}: {a} m² here, {b} m² by {way}")


# --- the live check ------------------------------------------------------------------------------
def live(bench: Bench) -> None:
    """One drawing through the endpoint beside one statement and a loop over GeoDjango objects."""
    chosen = random.Random(2)
    standing = ParcelVersion.objects.standing().order_by("pk")
    first, count = standing[0].pk, standing.count()
    shapes = []
    for version in ParcelVersion.objects.filter(
        pk__in=[first + chosen.randrange(count) for _round in range(LIVE_ROUNDS)]
    ):
        shape = shapely.from_wkb(bytes(version.geom.wkb))
        shapes.append(translate(shape, chosen.choice([0, 0.0001, 1.0]), 0))
    bodies = [
        json.dumps({"geometry": json.loads(shapely.to_geojson(shape)), "subject": "title"})
        for shape in shapes
    ]
    client = Client(SERVER_NAME="127.0.0.1")
    ensure_demo_accounts()
    client.force_login(User.objects.get(username="natural_resources"))  # Who is told exactly.

    def ask(body: str) -> None:
        answer = client.post("/api/rules/check/", body, content_type="application/json")
        assert answer.status_code == 200

    def loop(body: str) -> None:
        answer = client.post(f"/{LOOP}", body, content_type="application/json")
        assert answer.status_code == 200

    with (
        override_settings(ROOT_URLCONF="bench.urls"),
        bench.app_connection(autocommit=True, options="-c jit=off") as session,
    ):

        def bare(shape: Any) -> None:
            with session.cursor(binary=True) as cursor:
                cursor.execute(_LIVE_SQL, [shapely.to_wkb(shape)], prepare=True)
                cursor.fetchall()

        taken: dict[str, list[float]] = {"bare": [], "endpoint": [], "loop": []}
        for turn in range(2):
            for shape, body in zip(shapes, bodies, strict=True):
                for name, act, given in (
                    ("bare", bare, shape), ("endpoint", ask, body), ("loop", loop, body),
                ):  # fmt: skip
                    began = time.perf_counter()
                    act(given)  # type: ignore[arg-type]
                    if turn:
                        taken[name].append(time.perf_counter() - began)
    for name, seconds in taken.items():
        bench.taken(f"live: {name}", seconds)
    middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
    bench.fact(
        "endpoint's p50 against bare SQL", middle["endpoint"] / middle["bare"], "times",
        at_most=LIVE_AT_MOST,
    )  # fmt: skip
    bench.fact(
        "endpoint's requests a second against the loop",
        sum(taken["loop"]) / sum(taken["endpoint"]), "times", at_least=LOOP_AT_LEAST,
    )  # fmt: skip
