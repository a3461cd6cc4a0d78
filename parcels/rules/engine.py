"""One engine for live drawing, submission, the bench, screening and issue.

The rules' SQL reads a relation ``candidate``:

    n                   int       the candidate's place in the list
    raw                 geometry  as given, EPSG:4490
    geom                geometry  the same if valid and not empty, else null
    sieve               geometry  ``geom`` less a millimetre: neighbours no longer touch it
    area_m2             float8    ellipsoidal
    parcel_id, certificate_id     bigint, its own rows in the register, or null
    unit_key, certificate_key     text, normalised numbers, or ''
    right_kinds         text[]    kinds of right it stands for; null for all
    area_m2_certified   float8
    term_ends_on        date
    compartment         text      county and township code, '/', compartment; or ''

For one candidate it is a common table expression of one prepared statement, for a few of one
statement that is planned anew; for many a temporary table with statistics, so that the planner sees
how many there are. All read the same SQL.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.rules.table import (
    RULES,
    Rule,
    Severity,
    Stage,
    Subject,
    message_of,
    rules_for,
)

SQL_FOLDER = Path(__file__).parent / "sql"
FEW = 8  # Up to so many candidates one statement is quicker than a table with statistics.
AREA_DIGITS, WIDTH_DIGITS = 3, 4

# (parameter, type) of each given column, in the order of the lists.
_GIVEN = (
    ("n", "int"),
    ("wkb", "bytea"),
    ("parcel_id", "bigint"),
    ("certificate_id", "bigint"),
    ("unit_key", "text"),
    ("certificate_key", "text"),
    ("right_kinds", "text"),
    ("area_m2_certified", "float8"),
    ("term_ends_on", "date"),
    ("compartment", "text"),
)
_PREPARED = """
SELECT given.n, shape.raw, sound.geom, land_sieve(sound.geom) AS sieve,
       ST_Area(sound.geom::geography) AS area_m2, given.parcel_id, given.certificate_id,
       given.unit_key, given.certificate_key,
       string_to_array(nullif(given.right_kinds, ''), ',') AS right_kinds,
       given.area_m2_certified, given.term_ends_on, given.compartment
FROM {given}
CROSS JOIN LATERAL (SELECT ST_GeomFromWKB(given.wkb, 4490) AS raw OFFSET 0) AS shape
CROSS JOIN LATERAL (
  SELECT CASE WHEN ST_IsValid(shape.raw) AND NOT ST_IsEmpty(shape.raw) THEN shape.raw END AS geom
  OFFSET 0
) AS sound
"""
_PREPARED_LIST = _PREPARED.format(
    given="unnest({arrays}) AS given ({names})".format(
        arrays=", ".join(f"%({name})s::{kind}[]" for name, kind in _GIVEN),
        names=", ".join(name for name, _kind in _GIVEN),
    )
)
_PREPARED_ONE = _PREPARED.format(
    given="(SELECT {columns}) AS given".format(
        columns=", ".join(f"%({name})s::{kind} AS {name}" for name, kind in _GIVEN)
    )
)
_MAKE_TABLE = """
CREATE TEMP TABLE IF NOT EXISTS candidate (
  n int, raw geometry, geom geometry, sieve geometry, area_m2 float8, parcel_id bigint,
  certificate_id bigint, unit_key text, certificate_key text, right_kinds text[],
  area_m2_certified float8, term_ends_on date, compartment text
) ON COMMIT DROP
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Land put forward: ``wkb`` is a MultiPolygon in EPSG:4490, ``ref`` what its findings call it.

    ``parcel_id`` and ``certificate_id`` are its own rows in the register, which it is not compared
    with. ``right_kinds`` empty stands for every kind.
    """

    ref: str
    wkb: bytes
    parcel_id: int | None = None
    certificate_id: int | None = None
    unit_key: str = ""
    certificate_key: str = ""
    right_kinds: tuple[str, ...] = ()
    area_m2_certified: float | None = None
    term_ends_on: date | None = None
    compartment: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding of a run that is not kept yet. ``shape`` is EWKB in EPSG:4490, or None."""

    candidate: int
    rule: str
    level: str
    severity: Severity
    shape: bytes | None
    area_m2: float | None
    mean_width_m: float | None
    other_kind: str
    other_key: str | None
    other_number: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def other(self) -> str:
        """The other side as people call it: its number, else its key."""
        return self.other_number or self.other_key or ""

    @property
    def message(self) -> str:
        """In words, with area, width and the other side filled in."""
        return message_of(
            self.rule,
            self.level,
            {
                "area_m2": None if self.area_m2 is None else round(self.area_m2, 2),
                "mean_width_m": None if self.mean_width_m is None else round(self.mean_width_m, 3),
                "other": self.other,
                **self.facts,
            },
        )


def verdict_of(findings: Sequence[Found]) -> str:
    """``clear``, ``warning`` or ``conflict``: the gravest finding decides, notes do not count."""
    severities = {found.severity for found in findings}
    if Severity.CONFLICT in severities:
        return "conflict"
    return "warning" if Severity.WARNING in severities else "clear"


def compartment_key(county: str, township: str, compartment: str) -> str:
    """How neighbours of one compartment are known; empty where no compartment is."""
    return f"{county}{township}/{compartment}" if compartment else ""


@cache
def rule_sql(code: str) -> str:
    """The text of one rule's file."""
    return (SQL_FOLDER / f"{code}.sql").read_text(encoding="utf-8")


@cache
def rules_sha256() -> str:
    """SHA-256 over every rule's SQL and table entry: which rules a kept run was made by."""
    digest = hashlib.sha256(_PREPARED_LIST.encode())
    for rule in RULES.values():
        stages = {name: [level.stages, level.as_title] for name, level in rule.levels.items()}
        for text in (rule.code, rule_sql(rule.code), json.dumps(stages, sort_keys=True)):
            digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()


@cache
def _select(codes: tuple[str, ...], with_shapes: bool) -> str:
    """The rules as one SELECT; each file's columns are named here, by their order."""
    shape = "ST_AsEWKB(found.shape)" if with_shapes else "NULL::bytea"
    return "\nUNION ALL\n".join(
        f"SELECT found.n, '{code}', found.level, {shape}, found.area_m2, found.mean_width_m, "
        f"found.other_kind, found.other_key::text, found.other_number, found.facts::text\n"
        f"FROM (\n{rule_sql(code)}) AS found (n, level, shape, area_m2, mean_width_m, "
        f"other_kind, other_key, other_number, facts)"
        for code in codes
    )


def read_settings(rules: Sequence[Rule], database: BaseDatabaseWrapper) -> dict[str, float]:
    """The policy numbers in force that ``rules`` read, by code; quiets the planner on the way.

    Compiling and parallel workers cost more than these many small index look-ups.
    """
    codes = sorted({code for rule in rules for code in rule.policies})
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('jit', 'off', true), "
            "set_config('max_parallel_workers_per_gather', '0', true), "
            "ARRAY(SELECT policy_number(code) FROM unnest(%s::text[]) WITH ORDINALITY "
            "AS wanted (code, at) ORDER BY at), "
            "(portal_now() AT TIME ZONE 'Asia/Shanghai')::date::text",
            [codes],
        )
        _jit, _workers, values, today = cursor.fetchone()
    return {**dict(zip(codes, values, strict=True)), "today": today}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found, and the policy numbers it was judged by."""

    findings: list[Found]
    policy_values: dict[str, float]
    area_m2: float | None = None  # Of the only candidate; null too where no area can be told.

    @property
    def verdict(self) -> str:
        return verdict_of(self.findings)

    def by_candidate(self, count: int) -> Iterator[list[Found]]:
        """The findings of each of ``count`` candidates, in order."""
        lists: list[list[Found]] = [[] for _ in range(count)]
        for found in self.findings:
            lists[found.candidate].append(found)
        yield from lists


def run_rules(
    *,
    stage: Stage,
    subject: Subject,
    candidates: Sequence[Candidate],
    period: DateRange | None = None,
    applicants: Sequence[int] | None = None,
    certificates: Sequence[int] | None = None,
    own_claim: int | None = None,
    with_shapes: bool = True,
    only: Set[str] | None = None,
    database: BaseDatabaseWrapper | None = None,
) -> Outcome:
    """Ask every rule that has something to say of ``subject`` at ``stage``; writes nothing.

    ``period`` is the monitoring period as ``[start, end + 1)``; without it every claim, project
    and harvest counts. ``applicants`` are keys of parties; without them ownership is not asked, and
    without ``certificates``, those that are linked, whether they cover the land is not either.
    ``own_claim`` is not compared with; ``only`` these rules are asked. Findings come in the order of candidates and rules.
    """
    database = database or connection
    rules = rules_for(
        stage,
        subject,
        period_known=period is not None,
        applicants_known=bool(applicants),
        certificates_known=bool(certificates),
    )
    if only is not None:
        rules = [rule for rule in rules if rule.code in only]
    values = {
        "period": period,
        "applicants": list(applicants or []),
        "certificates": list(certificates or []),
        "own_claim": own_claim,
    }
    if len(candidates) == 1 and rules:
        settings, rows = _ask_one(database, rules, candidates[0], values, with_shapes)
    else:
        with _in_transaction(database):
            settings = read_settings(rules, database)
            rows = _ask(database, rules, candidates, {**_as_names(settings), **values}, with_shapes)
    order = {rule.code: place for place, rule in enumerate(rules)}
    findings = [found for row in rows if (found := _found(row, stage, subject)) is not None]
    findings.sort(key=lambda found: (found.candidate, order[found.rule]))
    area_m2 = settings.get("area_m2")
    used = {code: settings[code] for rule in rules for code in rule.policies}
    return Outcome(findings, dict(sorted(used.items())), area_m2)


def _as_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Policy codes as the rules' SQL names its parameters."""
    return {code.replace(".", "_"): value for code, value in settings.items()}


def _in_transaction(database: BaseDatabaseWrapper) -> AbstractContextManager[Any]:
    """Settings and the table of candidates last as long as a transaction; open one if none is."""
    if database.in_atomic_block or not database.get_autocommit():
        return nullcontext()
    return transaction.atomic(using=database.alias)


def _given(candidates: Sequence[Candidate]) -> dict[str, list[Any]]:
    """The candidates as one list a column, in the order of ``_GIVEN``."""
    return {
        "n": list(range(len(candidates))),
        "wkb": [one.wkb for one in candidates],
        "parcel_id": [one.parcel_id for one in candidates],
        "certificate_id": [one.certificate_id for one in candidates],
        "unit_key": [one.unit_key for one in candidates],
        "certificate_key": [one.certificate_key for one in candidates],
        "right_kinds": [",".join(one.right_kinds) for one in candidates],
        "area_m2_certified": [one.area_m2_certified for one in candidates],
        "term_ends_on": [one.term_ends_on for one in candidates],
        "compartment": [one.compartment for one in candidates],
    }


def _ask(
    database: BaseDatabaseWrapper,
    rules: Sequence[Rule],
    candidates: Sequence[Candidate],
    values: Mapping[str, Any],
    with_shapes: bool,
) -> list[tuple[Any, ...]]:
    """The rows of all rules, unordered."""
    if not candidates or not rules:
        return []
    given = _given(candidates)
    select = _select(tuple(rule.code for rule in rules), with_shapes)
    with database.cursor() as cursor:
        if len(candidates) <= FEW:
            cursor.execute(
                f"WITH candidate AS MATERIALIZED ({_PREPARED_LIST})\n{select}",
                {**given, **values},
            )
        else:
            cursor.execute(_MAKE_TABLE)
            cursor.execute("TRUNCATE candidate")
            cursor.execute(f"INSERT INTO candidate {_PREPARED_LIST}", given)
            cursor.execute("ANALYZE candidate")
            cursor.execute(select, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


# What a statement for one candidate was last judged by, for each set of policies. It is only a guess:
# the statement itself says which values are in force, and is asked again where the guess was wrong.
_guesses: dict[tuple[str, ...], dict[str, Any]] = {}
ATTEMPTS = 3


def _ask_one(
    database: BaseDatabaseWrapper,
    rules: Sequence[Rule],
    candidate: Candidate,
    values: Mapping[str, Any],
    with_shapes: bool,
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Settings and rows by one statement whose plan the session keeps: live drawing waits for it.

    Rules whose facts the candidate does not bring have nothing to say and are left out of it.
    """
    asked = tuple(
        rule.code
        for rule in rules
        if not rule.facts or any(getattr(candidate, name) for name in rule.facts)
    )
    codes = tuple(sorted({code for rule in rules for code in rule.policies}))
    statement, names = _numbered(_statement_for_one(asked, codes, with_shapes))
    given = {name: column[0] for name, column in _given([candidate]).items()}
    settings = _guesses.get(codes) or {**dict.fromkeys(codes, 0.0), "today": "1900-01-01"}
    database.ensure_connection()
    for _attempt in range(ATTEMPTS):
        known = {**given, **_as_names(settings), **values}
        # Django's own cursors write values into the text: nothing would be left to prepare.
        with database.wrap_database_errors, psycopg.RawCursor(database.connection) as cursor:
            cursor.execute(statement, [known[name] for name in names])
            rows = cursor.fetchall()
        found = json.loads(next(row[1] for row in rows if row[0] < 0))
        area_m2 = found.pop("area_m2")
        if found == settings:
            break
        settings = _guesses[codes] = found
    return {**settings, "area_m2": area_m2}, [row for row in rows if row[0] >= 0]


@cache
def _statement_for_one(codes: tuple[str, ...], policies: tuple[str, ...], with_shapes: bool) -> str:
    """The rules on one candidate, after a first row with the settings in force."""
    in_force = ", ".join(f"'{code}'" for code in policies)
    columns = ", ".join(["NULL::bytea", "NULL::float8", "NULL::float8", "''", "NULL", "''", "NULL"])
    return (
        f"WITH candidate AS MATERIALIZED ({_PREPARED_ONE})\n"
        f"SELECT -1, (policy_numbers(ARRAY[{in_force}]::text[]) || jsonb_build_object("
        f"'today', (portal_now() AT TIME ZONE 'Asia/Shanghai')::date, "
        f"'area_m2', (SELECT area_m2 FROM candidate)))::text, '', {columns}\n"
        f"UNION ALL\n{_select(codes, with_shapes)}"
    )


@cache
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """A statement with ``$1`` for its first name: nothing is left to parse at each question."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    text = re.sub(r"%\((\w+)\)s|%%", number, statement)
    return text, tuple(names)


def _found(row: tuple[Any, ...], stage: Stage, subject: Subject) -> Found | None:
    """A row as a finding with its severity at ``stage``; None where the stage is not told of it."""
    n, rule, level, shape, area_m2, mean_width_m, kind, key, number, facts = row
    severity = RULES[rule].levels[level].severity(stage, subject)
    if severity is None:
        return None
    return Found(
        candidate=n,
        rule=rule,
        level=level,
        severity=severity,
        shape=None if shape is None else bytes(shape),
        area_m2=None if area_m2 is None else round(area_m2, AREA_DIGITS),
        mean_width_m=None if mean_width_m is None else round(mean_width_m, WIDTH_DIGITS),
        other_kind=kind,
        other_key=key,
        other_number=number or "",
        facts=json.loads(facts),
    )
