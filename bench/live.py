"""Live rules while somebody draws: over HTTP with a million parcels, beside the bare SQL."""

from __future__ import annotations

import http.client
import json
import random
import statistics
import time
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import shapely
from django.contrib.gis.geos import Polygon
from django.db import connection

from bench.harness import Bench
from bench.wire import sign_in
from parcels.models import Parcel, ParcelVersion, Right, TitleCertificate
from parcels.mosaic import EAST, NORTH, SOUTH, WEST
from parcels.rules import engine
from parcels.rules.engine import Candidate, run_rules
from parcels.rules.period import parse_period
from parcels.rules.table import Stage, Subject, rules_for
from portal.accounts.demo import party_of
from portal.accounts.models import User
from portal.accounts.operations import ensure_demo_accounts
from tests.factories.land import verify

TITLE = "live rules answer in < 150 ms at p95 with a million parcels registered"
SIZE, SMALL = 1_000_000, 5_000
REGISTER = True
LIMIT_MS = 150
DRAWINGS = 300
AT_ONCE = 4
WARMING = 20
OWNER = "owner1"
VERIFIED_SHARE, CLAIMS, EXCLUSIONS = 0.02, 2000, 200
PERIOD = "2021-01-01/2025-12-31"
SPAN_DEG = (0.001, 0.012)  # Drawings of about 0.6 to 90 hectares.

# Land of others that a drawing may meet: claims and other programmes, squares over the whole city.
_CLAIMS = """
WITH place AS (
  SELECT i, %(west)s + random() * %(wide)s AS x, %(south)s + random() * %(tall)s AS y,
         0.0005 + random() * 0.004 AS half
  FROM generate_series(1, %(count)s) AS i
), area AS (
  INSERT INTO parcels_projectarea (key, name)
  SELECT gen_random_uuid(), 'bench ' || i FROM place RETURNING id, name
), version AS (
  INSERT INTO parcels_projectareaversion (key, area_id, number, geom, because)
  SELECT gen_random_uuid(), area.id, 1,
         ST_Multi(ST_MakeEnvelope(x - half, y - half, x + half, y + half, 4490)), 'drawing'
  FROM area JOIN place ON area.name = 'bench ' || place.i RETURNING id, area_id
)
SELECT count(*) FROM version
"""
_PENDING = """
INSERT INTO parcels_claim (key, number, version_id, period, state, geom, ended_because, ended_decision)
SELECT gen_random_uuid(), 'YN-P-BENCH-' || version.id, version.id,
       daterange('2021-01-01', '2026-01-01'), 'pending', version.geom, '', ''
FROM parcels_projectareaversion AS version
"""
_EXCLUSIONS = """
INSERT INTO parcels_exclusionarea
  (key, kind, method, status, number, number_key, name, period, geom, source, source_sha256)
SELECT gen_random_uuid(), 'ccer', '', 'registered', 'X-' || i, 'X-' || i, '',
       daterange('2022-01-01', '2042-01-01'),
       ST_Multi(ST_MakeEnvelope(x - 0.005, y - 0.005, x + 0.005, y + 0.005, 4490)), '', ''
FROM (SELECT i, %(west)s + random() * %(wide)s AS x, %(south)s + random() * %(tall)s AS y
      FROM generate_series(1, %(count)s) AS i) AS place
"""
# A drawing as owners make it: whole parcels around a place, united.
_DRAWING = """
SELECT ST_AsBinary(ST_Multi(ST_UnaryUnion(ST_Collect(version.geom))))
FROM parcels_parcelversion AS version
WHERE version.stands_from IS NOT NULL AND version.stands_to IS NULL
  AND version.geom && ST_MakeEnvelope(%s, %s, %s, %s, 4490)
"""


def run(bench: Bench) -> None:
    bench.fact("parcels registered", Parcel.objects.in_being().count(), at_least=bench.size)
    ensure_demo_accounts()
    lay_claims(bench)
    bench.analyze()
    drawings = draw(bench)
    points = [int(shapely.get_num_coordinates(shapely.from_wkb(wkb))) for wkb in drawings]
    bench.fact("vertices of a drawing, median", statistics.median(points))
    bench.fact("vertices of a drawing, most", max(points))
    bare = through_sql(bench, drawings)
    own = [seconds_of(wkb) for wkb in drawings]
    with bench.server() as address:
        drawer = Drawer(address)
        for wkb in drawings[:WARMING]:
            drawer.ask(wkb)  # Both workers prepare their statement.
        http = [drawer.ask(wkb) for wkb in drawings]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            crowd = list(pool.map(Drawer(address).ask_alone, drawings))
    for name, taken, limit in (
        ("bare SQL", bare, None),
        ("engine in process", own, None),
        ("over HTTP", http, LIMIT_MS),
        (f"over HTTP, {AT_ONCE} at once", crowd, None),
    ):
        bench.taken(name, taken)
        bench.fact(f"{name}, p95", p95(taken) * 1000, "ms", at_most=limit)
    bench.fact("over HTTP against bare SQL, p95", p95(http) / p95(bare), "times")


def p95(taken: Sequence[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.95)]


def lay_claims(bench: Bench) -> None:
    """A part of the titles verified, in one block; claims and other programmes all over."""
    span = {
        "west": WEST, "south": SOUTH, "wide": EAST - WEST, "tall": NORTH - SOUTH,
    }  # fmt: skip
    side = VERIFIED_SHARE**0.5
    scale = min(1.0, bench.size / SIZE)
    bench.say("verifying titles")
    block = Polygon.from_bbox(
        (WEST, SOUTH, WEST + (EAST - WEST) * side, SOUTH + (NORTH - SOUTH) * side)
    )
    land = ParcelVersion.objects.standing().filter(geom__bboverlaps=block).values("parcel")
    titles = TitleCertificate.objects.filter(rights__parcel__in=land).distinct()
    Right.objects.filter(certificate__in=titles).update(party=party_of(owner()))
    verify(*titles)
    bench.fact("certificates verified", titles.filter(state="verified").count())
    with bench.app_connection(autocommit=True) as session:
        session.execute("SELECT setseed(0.5)")
        session.execute(_CLAIMS, {**span, "count": max(20, int(CLAIMS * scale))})
        session.execute(_PENDING)
        session.execute(_EXCLUSIONS, {**span, "count": max(5, int(EXCLUSIONS * scale))})


def owner() -> User:
    """Who draws, and whose the verified block is."""
    return User.objects.get(username=OWNER)


def draw(bench: Bench) -> list[bytes]:
    """Half of the drawings on the verified block, half anywhere."""
    dice = random.Random(7)
    side = VERIFIED_SHARE**0.5
    found: list[bytes] = []
    with bench.app_connection(autocommit=True) as session:
        while len(found) < DRAWINGS:
            share = side if len(found) % 2 else 1.0
            x = WEST + dice.random() * (EAST - WEST) * share
            y = SOUTH + dice.random() * (NORTH - SOUTH) * share
            reach = dice.uniform(*SPAN_DEG) / 2
            row = session.execute(_DRAWING, [x - reach, y - reach, x + reach, y + reach]).fetchone()
            if row is not None and row[0] is not None:
                found.append(bytes(row[0]))
    return found


def seconds_of(wkb: bytes) -> float:
    """One run of the engine in this process."""
    began = time.perf_counter()
    run_rules(
        stage=Stage.DRAW,
        subject=Subject.PROJECT,
        candidates=[Candidate(ref="drawing", wkb=wkb)],
        period=parse_period(PERIOD),
    )
    return time.perf_counter() - began


def through_sql(bench: Bench, drawings: Sequence[bytes]) -> list[float]:
    """The engine's own statement by psycopg alone, its values known beforehand."""
    rules = rules_for(Stage.DRAW, Subject.PROJECT, period_known=True, applicants_known=False)
    policies = tuple(sorted({code for rule in rules for code in rule.policies}))
    statement = engine._statement_for_one(tuple(rule.code for rule in rules), policies, True)
    known = {
        **engine._as_names(engine.read_settings(rules, connection)),
        "period": parse_period(PERIOD),
        "applicants": [],
        "own_claim": None,
    }
    taken = []
    with bench.app_connection(autocommit=True, prepare_threshold=0) as session:
        session.execute("SET jit = off")
        session.execute("SET plan_cache_mode = force_generic_plan")
        for at, wkb in enumerate([*drawings[:WARMING], *drawings]):
            columns = engine._given([Candidate(ref="drawing", wkb=wkb)])
            values = {**known, **{name: column[0] for name, column in columns.items()}}
            began = time.perf_counter()
            session.execute(statement, values).fetchall()
            if at >= WARMING:
                taken.append(time.perf_counter() - began)
    return taken


class Drawer:
    """The owner, signed in, asking as the drawing page does, over one kept connection."""

    def __init__(self, address: str) -> None:
        self.cookies = sign_in(address, OWNER)
        self.party = str(party_of(owner()).key)
        self.host = urllib.parse.urlsplit(address).netloc
        self.kept = http.client.HTTPConnection(self.host)

    def ask(self, wkb: bytes) -> float:
        return self._ask(self.kept, wkb)

    def ask_alone(self, wkb: bytes) -> float:
        """On a connection of its own, for several threads."""
        connection = http.client.HTTPConnection(self.host)
        try:
            return self._ask(connection, wkb)
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, wkb: bytes) -> float:
        shape: Any = shapely.geometry.mapping(shapely.from_wkb(wkb))
        body = json.dumps(
            {
                "geometry": shape,
                "subject": "project",
                "period": PERIOD,
                "applicants": [self.party],
            }
        )
        headers = {"Content-Type": "application/json", "Cookie": self.cookies}
        began = time.perf_counter()
        connection.request("POST", "/api/rules/check/", body, headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        taken = time.perf_counter() - began
        if answer.status != http.HTTPStatus.OK or "verdict" not in found:
            raise RuntimeError(f"{answer.status}: {found}")
        return taken
