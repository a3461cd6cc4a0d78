"""What a reader hands on → rows of the temporary table that the import's joins start from."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from parcels.imports import matching
from parcels.imports.outcome import Outcome, Problem, Progress
from parcels.intake.numbers import certificate_kind, normalised, unit_number_is_wellformed
from parcels.intake.reader import Batch, Reject
from parcels.models import ImportProblem


def stage(
    cursor: Any,
    batches: Iterable[Batch],
    mapping: Mapping[str, str],
    outcome: Outcome,
    progress: Progress,
) -> None:
    """Copy the whole file into ``incoming``, batch by batch; only one batch is in memory."""
    cursor.execute(matching.STAGE)
    for batch in batches:
        outcome.read += len(batch.rows) + len(batch.rejects)
        outcome.total = batch.total
        for reject in batch.rejects:
            outcome.add(_rejected(reject))
        told = [*batch.warnings, *_malformed_numbers(batch, mapping)]
        if told:
            ids = dict(zip(batch.rows, map(str, _labels(batch, mapping)), strict=True))
            for warning in told:
                outcome.add(_warned(warning, ids))
        if batch.rows:
            with cursor.copy(
                f"COPY incoming ({matching.STAGED_COLUMNS}) FROM STDIN (FORMAT binary)"
            ) as copy:
                copy.set_types(matching.STAGED_TYPES)
                for row in _staged_rows(batch, mapping):
                    copy.write_row(row)
        progress(outcome)


def _malformed_numbers(batch: Batch, mapping: Mapping[str, str]) -> Iterator[Reject]:
    """Unit numbers that are not the 28 characters of the standard: taken, and said."""
    for row, value in zip(
        batch.rows, batch.columns.get(mapping.get("unit_number", ""), []), strict=False
    ):
        number = cell_text(value)
        if number and not unit_number_is_wellformed(number):
            yield Reject(row, number, "unit_number_malformed", {"unit_number": number})


def _labels(batch: Batch, mapping: Mapping[str, str]) -> list[Any]:
    """What people would call each feature: its unit number, else its certificate's number."""
    for target in ("unit_number", "certificate_number", "subcompartment"):
        column = mapping.get(target)
        if column in batch.columns:
            return [value if value is not None else "" for value in batch.columns[column]]
    return [""] * len(batch.rows)


def cell_text(value: Any) -> str:
    """A cell as text: no NUL, no surrounding space, whole floats without their point."""
    if value is None:
        return ""
    if isinstance(value, float):
        if value != value:  # NaN is how readers say "empty".
            return ""
        if value.is_integer():
            value = int(value)
    return str(value).replace("\x00", "").strip()


def _decimal(value: Any) -> Decimal | None:
    try:
        number = Decimal(cell_text(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(cell_text(value)[:10].replace("/", "-"))
    except ValueError:
        return None


def _area_m2(value: Any) -> float | None:
    hectares = _decimal(value)
    return float(hectares * 10_000) if hectares is not None and hectares > 0 else None


def township_code(county: str, township: str) -> str:
    """The one-map field holds three digits below the county, others the full nine."""
    if len(township) == 3 and len(county) == 6:
        return county + township
    return township[:9]


def _ewkb(wkb: bytes) -> bytes:
    """The same geometry with its SRID in the header: flag 0x20000000, then 4490."""
    kind = struct.unpack_from("<I", wkb, 1)[0]
    return wkb[:1] + struct.pack("<II", kind | 0x20000000, settings.STORAGE_SRID) + wkb[5:]


def _staged_rows(batch: Batch, mapping: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    labels = _labels(batch, mapping)
    empty: list[Any] = [None] * len(batch.rows)

    def column(target: str) -> list[Any]:
        return batch.columns.get(mapping.get(target, ""), empty)

    fields = {
        name: column(name)
        for name in [
            "unit_number",
            "certificate_number",
            "holder_name",
            "county_code",
            "township_code",
            "village",
            "compartment",
            "subcompartment",
            "place_name",
            "area_ha_certified",
            "term_ends_on",
            "land_class",
            "tenure",
            "forest_purpose",
            "origin",
            "forest_category",
            "species",
            "age_class",
            "mean_age_years",
            "mean_diameter_cm",
            "canopy_closure",
            "growing_stock_m3_per_ha",
        ]
    }
    for at, row in enumerate(batch.rows):
        unit_number = cell_text(fields["unit_number"][at])
        certificate = cell_text(fields["certificate_number"][at])
        county = cell_text(fields["county_code"][at])[:6]
        township = township_code(county, cell_text(fields["township_code"][at]))
        village = cell_text(fields["village"][at])
        compartment = cell_text(fields["compartment"][at])[:20]
        subcompartment = cell_text(fields["subcompartment"][at])[:20]
        stand = "-".join((township or county, village, compartment, subcompartment))
        yield (
            row,
            cell_text(labels[at])[:120],
            unit_number[:40],
            normalised(unit_number)[:40],
            certificate[:80],
            normalised(certificate)[:80],
            certificate_kind(certificate),
            cell_text(fields["holder_name"][at])[:200],
            county,
            township,
            village[:100],
            compartment,
            subcompartment,
            cell_text(fields["place_name"][at])[:100],
            _area_m2(fields["area_ha_certified"][at]),
            _day(fields["term_ends_on"][at]),
            stand[:60] if subcompartment else "",
            cell_text(fields["land_class"][at])[:10],
            cell_text(fields["tenure"][at])[:4],
            cell_text(fields["forest_purpose"][at])[:6],
            cell_text(fields["origin"][at])[:4],
            cell_text(fields["forest_category"][at])[:4],
            cell_text(fields["species"][at])[:40],
            cell_text(fields["age_class"][at])[:4],
            _decimal(fields["mean_age_years"][at]),
            _decimal(fields["mean_diameter_cm"][at]),
            _decimal(fields["canopy_closure"][at]),
            _decimal(fields["growing_stock_m3_per_ha"][at]),
            _ewkb(batch.wkb[at]),
        )


def _rejected(reject: Reject) -> Problem:
    return Problem(
        ImportProblem.Severity.REJECTED,
        reject.row,
        reject.id,
        reject.code,
        dict(reject.params),
        reject.lon,
        reject.lat,
    )


def _warned(warning: Reject, ids: dict[int, str]) -> Problem:
    return Problem(
        ImportProblem.Severity.WARNING,
        warning.row,
        ids.get(warning.row, warning.id),
        warning.code,
        dict(warning.params),
        warning.lon,
        warning.lat,
    )
