"""The staged file into the register: a dozen statements over the whole file, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parcels.imports import matching
from parcels.imports.outcome import KEPT_WARNINGS_PER_CODE, Outcome, Problem, Progress
from parcels.imports.suspicion import OUTLINES_ASKED, suspects_of_gcj02
from parcels.models import ImportProblem, ImportRecord
from portal.accounts.models import User

MU_PER_HECTARE = 15
# Shapes of one statement: between two, progress is told and a cancelled import stops.
ROWS_PER_STATEMENT = 20_000


def write_staged(
    cursor: Any,
    *,
    record: ImportRecord,
    kinds: list[str],
    with_stands: bool,
    actor: User | None,
    outcome: Outcome,
    progress: Progress,
) -> None:
    """Tell new from known, write what is new, count, and warn."""
    facts = {
        "record": record.pk,
        "actor": actor.pk if actor else None,
        "kinds": kinds,
        "year": record.survey_year,
    }
    cursor.execute(matching.PREPARE)
    for statement in (
        matching.MATCH_BY_UNIT_NUMBER,
        matching.MATCH_BY_PLACE,
        matching.COUNT_MATCHED,
        matching.WAITING,
        matching.NEW_PARCELS,
        matching.CLOSE_FORMER_VERSIONS,
    ):
        cursor.execute(statement, facts)
        progress(outcome)
    _in_pieces(cursor, matching.NEW_VERSIONS, facts, outcome, progress)
    for statement in (
        matching.KNOWN_CERTIFICATES,
        matching.NEW_CERTIFICATES,
        matching.NEW_RIGHTS,
    ):
        cursor.execute(statement, facts)
        progress(outcome)
    if record.survey_year is not None and with_stands:
        cursor.execute(matching.STANDS, facts)
        cursor.execute(matching.REPLACE_STANDS, facts)
        _in_pieces(cursor, matching.NEW_STANDS, facts, outcome, progress)
    cursor.execute(matching.OUTCOMES, facts)
    outcome.imported, outcome.changed, outcome.unchanged = cursor.fetchone()
    _ask_for_warnings(cursor, outcome)
    _warn_of_shift(cursor, record, outcome)


def clear_staged(cursor: Any) -> None:
    """The temporary tables would last as long as the transaction."""
    cursor.execute(matching.CLEAR)


def _in_pieces(
    cursor: Any, statement: str, facts: Mapping[str, Any], outcome: Outcome, progress: Progress
) -> None:
    """A statement over shapes, a piece of the file at a time."""
    cursor.execute("SELECT min(row), max(row) FROM incoming")
    first, last = cursor.fetchone()
    if first is None:
        return
    for start in range(first, last + 1, ROWS_PER_STATEMENT):
        cursor.execute(statement, {**facts, "start": start, "end": start + ROWS_PER_STATEMENT})
        progress(outcome)


def _ask_for_warnings(cursor: Any, outcome: Outcome) -> None:
    """What only the register can tell; of each kind the first are fetched, the rest counted."""

    def warn(code: str, count: int, at: tuple[Any, ...], facts: dict[str, Any]) -> None:
        row, label, lon, lat = at
        seen = outcome.problem_counts.get(code, 0)
        outcome.add(
            Problem(ImportProblem.Severity.WARNING, row, label, code, facts, lon, lat),
            times=1 if seen + 1 < KEPT_WARNINGS_PER_CODE else count - KEPT_WARNINGS_PER_CODE + 1,
        )

    limits = {"kept": KEPT_WARNINGS_PER_CODE}
    cursor.execute(matching.PROPOSED, limits)
    for *at, count in cursor.fetchall():
        warn("verified_shape_differs", count, tuple(at), {})
    cursor.execute(matching.TWICE, limits)
    for *at, unit_number, count in cursor.fetchall():
        warn("unit_number_twice", count, tuple(at), {"unit_number": unit_number})
    cursor.execute(matching.AREAS_DIFFER, limits)
    for *at, mapped_m2, certified_m2, looks_like_mu, count in cursor.fetchall():
        warn(
            "area_looks_like_mu" if looks_like_mu else "area_differs",
            count,
            tuple(at),
            {
                "mapped_ha": round(mapped_m2 / 10_000, 4),
                "certified_ha": round(certified_m2 / 10_000, 4),
                "percent": round((certified_m2 / mapped_m2 - 1) * 100, 1),
            },
        )


def _warn_of_shift(cursor: Any, record: ImportRecord, outcome: Outcome) -> None:
    """New outlines that fit the register only after the shift of phone maps is taken back."""
    cursor.execute(matching.NEW_OUTLINES, {"most": OUTLINES_ASKED})
    outlines = {row: (label, bytes(wkb)) for row, label, wkb in cursor.fetchall()}
    for suspect in suspects_of_gcj02(
        cursor, [(row, wkb) for row, (_label, wkb) in outlines.items()], record=record.pk
    ):
        outcome.add(
            Problem(
                ImportProblem.Severity.WARNING,
                suspect.row,
                outlines[suspect.row][0],
                "fits_after_gcj02_shift",
                {},
                suspect.lon,
                suspect.lat,
            )
        )
