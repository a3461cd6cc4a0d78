"""Kept runs: whole, hashed by the database, numbered where asked, never changed afterwards."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError

from parcels.models import Finding, RuleRun
from parcels.rules.operations import check_certificate, check_project_area
from parcels.rules.queries import broken_runs, findings_as_geojson, kept_findings_in_words
from parcels.rules.table import Stage, Subject
from portal.base.numbers import is_number
from portal.journal.models import Event
from tests.base.sessions import as_owner, refused_by
from tests.conftest import app_connection
from tests.factories.land import parcel_at, square, title_on
from tests.parcels.claims.areas import PERIOD, area_at, claim_at, exclusion_at, somebody
from tests.parcels.rules.asking import ask, verified_land


def kept(numbered: bool = True) -> RuleRun:
    """A run with two findings: a claim, and another programme's project."""
    verified_land(square(0, 0))
    claim_at(square(50, 0), state="live")
    exclusion_at(square(0, 50))
    return check_project_area(
        version=area_at(square(0, 0)),
        stage=Stage.REVIEW,
        period=PERIOD,
        applicants=[],
        actor=somebody(),
        numbered=numbered,
    )


@pytest.mark.django_db
def test_a_run_is_kept_with_its_findings_hash_and_number() -> None:
    run = kept()
    assert is_number(run.number)
    assert run.number.startswith("YN-U-")
    assert run.verdict == "conflict"
    rules = list(run.findings.values_list("rule", flat=True))
    assert rules == ["overlap_claim", "overlap_exclusion"]
    assert run.finding_count == 2
    assert len(bytes(run.content_sha256)) == 32
    assert run.policy_values["overlap.sliver_area_m2"] == 1
    [finding] = run.findings.filter(rule="overlap_claim")
    assert finding.shape is not None
    assert finding.shape.srid == 4490
    assert finding.area_m2 == pytest.approx(5000, rel=0.01)
    assert broken_runs() == []
    event = Event.objects.get(subject_kind="rule_run", subject_key=str(run.key))
    assert event.facts["sha256"] == bytes(run.content_sha256).hex()


@pytest.mark.django_db
def test_numbers_are_drawn_only_where_a_report_is_asked_for() -> None:
    assert kept(numbered=False).number == ""
    again = check_project_area(
        version=area_at(square(0, 0)),
        stage=Stage.ISSUE,
        period=PERIOD,
        applicants=[],
        actor=None,
        numbered=True,
    )
    assert "-0000001-" in again.number


@pytest.mark.django_db
def test_a_certificates_run_is_kept_for_the_bench() -> None:
    title_on(parcel_at(square(50, 0)))
    title = title_on(parcel_at(square(0, 0)))
    run = check_certificate(certificate=title, stage=Stage.REVIEW, actor=somebody())
    assert run.verdict == "warning"
    [words] = kept_findings_in_words(run)
    assert words["rule"] == "overlap_title"
    assert "?" not in words["message"]
    assert words["article"] == "第四条"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parcels_rulerun SET verdict = 'clear'",
        "UPDATE parcels_finding SET severity = 'info'",
        "DELETE FROM parcels_finding",
        "DELETE FROM parcels_rulerun",
        "TRUNCATE parcels_finding",
    ],
)
def test_application_may_not(statement: str) -> None:
    kept()
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission"):
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_kept_run_takes_no_further_finding() -> None:
    run = kept()
    with refused_by("a_kept_run_is_whole"):
        Finding.objects.create(run=run, candidate="x", rule="gap", level="gap", severity="info")


@pytest.mark.django_db
def test_a_run_has_as_many_findings_as_it_says() -> None:
    with refused_by("a_kept_run_is_whole"):
        RuleRun.objects.create(
            subject="project",
            stage="review",
            area_version=area_at(square(0, 0)),
            verdict="clear",
            finding_count=1,
            rules_sha256="",
            content_sha256=b"",
        )


@pytest.mark.django_db
@pytest.mark.parametrize("subject", ["title", "project"])
def test_a_run_has_one_subject(subject: str) -> None:
    with pytest.raises(IntegrityError, match="rule_run_has_one_subject"), transaction.atomic():
        RuleRun.objects.create(
            subject=subject, stage="review", verdict="clear", finding_count=0, rules_sha256="",
            content_sha256=b"",
        )  # fmt: skip


def test_a_finding_slipped_in_while_a_run_is_being_kept_is_refused(committed_db: str) -> None:
    """Another session guesses the id that is being written: it waits, then is refused."""
    version = area_at(square(0, 0))
    with app_connection() as keeper, app_connection() as intruder:
        row = keeper.execute(
            "INSERT INTO parcels_rulerun (key, number, subject, stage, area_version_id, "
            "candidates, policy_values, rules_sha256, verdict, finding_count, content_sha256) "
            "VALUES (gen_random_uuid(), '', 'project', 'review', %s, '[]', '{}', '', 'clear', 0, "
            "'') RETURNING id",
            [version.pk],
        ).fetchone()
        assert row is not None
        slip = (
            "INSERT INTO parcels_finding (run_id, candidate, rule, level, severity, other_kind, "
            "other_number, facts) VALUES (%s, 'x', 'gap', 'gap', 'info', '', '', '{}')"
        )
        intruder.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            intruder.execute(slip, row)
        intruder.rollback()
        keeper.commit()
        with pytest.raises(psycopg.IntegrityError, match="no further finding"):
            intruder.execute(slip, row)
    assert broken_runs() == []


def test_a_change_by_hand_is_found(committed_db: str) -> None:
    run = kept()
    with as_owner() as owner:
        owner.execute("ALTER TABLE parcels_finding DISABLE TRIGGER nothing_is_rewritten")
        owner.execute(
            "UPDATE parcels_finding SET area_m2 = area_m2 + 1 WHERE run_id = %s", [run.pk]
        )
    assert broken_runs() == [str(run.key)]


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_the_hash_does_not_depend_on_the_sessions_settings(zone: str) -> None:
    kept()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('timezone', %s, true)", [zone])
        cursor.execute("SET LOCAL datestyle = 'German'")
        cursor.execute("SET LOCAL extra_float_digits = 0")
    assert broken_runs() == []


@pytest.mark.django_db
def test_findings_are_map_data_in_words() -> None:
    claim = claim_at(square(50, 0), state="live")
    verified_land(square(0, 0))
    outcome = ask(square(0, 0), Subject.PROJECT, period=PERIOD)
    from parcels.rules.engine import Candidate

    collection = findings_as_geojson(outcome.findings, [Candidate(ref="it", wkb=b"")])
    [feature] = collection["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert feature["properties"]["other"] == claim.number
    assert feature["properties"]["severity"] == "conflict"
    assert claim.number in feature["properties"]["message"]
