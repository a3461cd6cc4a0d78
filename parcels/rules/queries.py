"""Reads around the rules: what a certificate puts forward, findings as map data, kept runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from django.db import connection

from parcels.models import ParcelVersion, Right, RuleRun, TitleCertificate
from parcels.rules.engine import Candidate, Found, compartment_key
from parcels.rules.table import RULES, message_of

COORDINATE_DIGITS = 8  # A millimetre.


def candidates_of_certificate(certificate: TitleCertificate) -> list[Candidate]:
    """The standing shape of each parcel under ``certificate``, with the rights it is held by."""
    kinds: dict[int, list[str]] = {}
    for parcel_id, kind in Right.objects.filter(certificate=certificate).values_list(
        "parcel_id", "kind"
    ):
        kinds.setdefault(parcel_id, []).append(kind)
    versions = (
        ParcelVersion.objects.standing()
        .filter(parcel_id__in=kinds)
        .select_related("parcel")
        .order_by("parcel_id")
    )
    return [
        Candidate(
            ref=version.parcel.unit_number or certificate.number,
            wkb=bytes(version.geom.wkb),
            parcel_id=version.parcel_id,
            certificate_id=certificate.pk,
            unit_key=version.parcel.unit_number_key,
            certificate_key=certificate.number_key,
            right_kinds=tuple(sorted(set(kinds[version.parcel_id]))),
            area_m2_certified=certificate.area_m2_certified,
            term_ends_on=certificate.term_ends_on,
            compartment=compartment_key(
                version.parcel.county_code,
                version.parcel.township_code,
                version.parcel.compartment,
            ),
        )
        for version in versions
    ]


def findings_as_geojson(
    findings: Iterable[Found], candidates: Sequence[Candidate]
) -> dict[str, Any]:
    """A FeatureCollection in EPSG:4490: one feature a finding, in words, with its exact shape."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": _geojson(found.shape),
                "properties": {
                    "candidate": candidates[found.candidate].ref,
                    "rule": found.rule,
                    "title": str(RULES[found.rule].title),
                    "article": RULES[found.rule].article,
                    "severity": found.severity.value,
                    "message": found.message,
                    "other": found.other,
                    "area_m2": found.area_m2,
                    "mean_width_m": found.mean_width_m,
                },
            }
            for found in findings
        ],
    }


def kept_findings_in_words(run: RuleRun) -> list[dict[str, Any]]:
    """A kept run's findings for a page or report, in order; shapes are read from the rows."""
    return [
        {
            "candidate": row.candidate,
            "rule": row.rule,
            "title": str(RULES[row.rule].title),
            "article": RULES[row.rule].article,
            "severity": row.severity,
            "message": message_of(
                row.rule,
                row.level,
                {
                    "area_m2": None if row.area_m2 is None else round(row.area_m2, 2),
                    "mean_width_m": (
                        None if row.mean_width_m is None else round(row.mean_width_m, 3)
                    ),
                    "other": row.other_number or row.other_key or "",
                    **row.facts,
                },
            ),
            "other": row.other_number or (str(row.other_key) if row.other_key else ""),
            "area_m2": row.area_m2,
            "mean_width_m": row.mean_width_m,
        }
        for row in run.findings.order_by("id")
    ]


def broken_runs() -> list[str]:
    """Keys of kept runs whose hash no longer fits them and their findings; empty when whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run.key::text FROM parcels_rulerun AS run "
            "WHERE run.content_sha256 <> rule_run_sha256(run) "
            "OR run.finding_count <> (SELECT count(*) FROM parcels_finding AS finding "
            "WHERE finding.run_id = run.id) ORDER BY run.id"
        )
        return [row[0] for row in cursor.fetchall()]


def _geojson(shape: bytes | None) -> Any:
    if shape is None:
        return None
    rounded = shapely.set_precision(
        shapely.from_wkb(shape), 10.0**-COORDINATE_DIGITS, mode="pointwise"
    )
    return json.loads(shapely.to_geojson(rounded))
