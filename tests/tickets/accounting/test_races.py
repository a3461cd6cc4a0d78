"""Two sessions on one report: neither overlapping strata nor an edit past the signature get in."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from tests.databases import app_connection
from tests.factories.land import square
from tests.tickets.accounting.reports import (
    attach,
    draft_on,
    fresh,
    seen,
    terms,
    worked_draft,
)
from tickets.accounting.errors import ReportFrozen
from tickets.accounting.models import Stratum
from tickets.accounting.operations import set_terms
from tickets.accounting.signing import is_as_signed, sign_report

INSERT = (
    "INSERT INTO accounting_stratum (key, report_id, code, origin, geom) "
    "VALUES (gen_random_uuid(), %s, %s, 'planted', %s)"
)


def test_of_two_sessions_that_draw_over_each_other_one_is_refused(committed_db: str) -> None:
    report = draft_on(square(0, 0))
    refusals: list[str | None] = []
    with app_connection() as first:
        first.execute(INSERT, [report.pk, "1", square(0, 0, 60, 100).hexewkb.decode()])

        def draw() -> None:
            with app_connection() as second:
                try:
                    second.execute(
                        INSERT, [report.pk, "2", square(50, 0, 50, 100).hexewkb.decode()]
                    )
                except psycopg.errors.IntegrityError as error:
                    refusals.append(error.diag.constraint_name)

        waiting = threading.Thread(target=draw)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()  # It waits for the report's row.
        first.commit()
        waiting.join(20)
    assert refusals == ["strata_do_not_overlap"]
    assert Stratum.objects.count() == 1


def test_an_edit_that_meets_a_signature_under_way_is_refused(
    committed_db: str, tmp_path: Path
) -> None:
    report = attach(worked_draft(), tmp_path)
    assert report.verifier is not None
    refusals: list[str | None] = []
    with app_connection() as editor:
        editor.execute(
            "UPDATE accounting_stratum SET origin = 'natural' WHERE report_id = %s", [report.pk]
        )
        editor.rollback()  # Nothing stands in the way of an edit before the signature.
        sign_report(report=report, seen=seen(report), actor=report.verifier)
        try:
            editor.execute("UPDATE accounting_stratumspecies SET volume_end = 1")
        except psycopg.errors.IntegrityError as error:
            refusals.append(error.diag.constraint_name)
    assert refusals == ["signed_report_is_frozen"]
    with pytest.raises(ReportFrozen):
        set_terms(report=report, terms=terms("9"), seen=seen(report), actor=report.opened_by)
    assert is_as_signed(fresh(report))
