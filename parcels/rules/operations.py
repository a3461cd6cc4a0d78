"""Runs of the rules that are kept: what was found, by which rules and values, for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set

from django.contrib.gis.geos import GEOSGeometry
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateRange

from parcels.models import (
    Claim,
    Finding,
    Parcel,
    ProjectAreaVersion,
    RuleRun,
    TitleCertificate,
)
from parcels.rules.engine import Candidate, Outcome, rules_sha256, run_rules
from parcels.rules.queries import candidates_of_certificate
from parcels.rules.table import Stage, Subject
from portal.accounts.models import Party, User
from portal.base.numbers import NumberKind, draw_number
from portal.base.transactions import write_transaction
from portal.journal.operations import record_event


@write_transaction
def check_project_area(
    *,
    version: ProjectAreaVersion,
    stage: Stage,
    period: DateRange | None,
    applicants: Sequence[Party],
    actor: User | None,
    certificates: Sequence[int] = (),
    own_claim: Claim | None = None,
    numbered: bool = False,
) -> RuleRun:
    """Run and keep every rule on one frozen shape; ``numbered`` makes it a uniqueness report.

    ``applicants`` are all parties whose titles count, ``certificates`` the keys of those that are
    linked. ``actor`` is None for the machine itself.
    """
    candidate = Candidate(ref=f"{version.area.name} v{version.number}", wkb=bytes(version.geom.wkb))
    outcome = run_rules(
        stage=stage,
        subject=Subject.PROJECT,
        candidates=[candidate],
        period=period,
        applicants=[party.pk for party in applicants],
        certificates=certificates,
        own_claim=own_claim.pk if own_claim else None,
    )
    run = RuleRun(
        subject=Subject.PROJECT.value, stage=stage.value, area_version=version, period=period
    )
    return _keep(run, [candidate], outcome, actor=actor, numbered=numbered)


@write_transaction
def check_certificate(
    *, certificate: TitleCertificate, stage: Stage, actor: User | None, numbered: bool = False
) -> RuleRun:
    """Run and keep every rule on the standing shapes of all parcels under one certificate."""
    return check_title(
        certificate=certificate,
        candidates=candidates_of_certificate(certificate),
        own_keys=frozenset(),
        stage=stage,
        actor=actor,
        numbered=numbered,
    )


@write_transaction
def check_title(
    *,
    certificate: TitleCertificate,
    candidates: Sequence[Candidate],
    own_keys: Set[str],
    stage: Stage,
    actor: User | None,
    numbered: bool = False,
) -> RuleRun:
    """Run and keep every rule on shapes put forward under one certificate.

    ``own_keys`` are parcels and certificates that give way to it (the parcel that was split, the
    certificate that a change replaces): what is found against them is no finding.
    """
    outcome = run_rules(stage=stage, subject=Subject.TITLE, candidates=candidates)
    parcels = Parcel.objects.filter(pk__in=[one.parcel_id for one in candidates])
    inside = {str(key) for key in parcels.values_list("key", flat=True)}
    against_others = [
        found
        for found in outcome.findings
        if found.other_key not in own_keys
        # Its own parcels are compared with each other by a rule of their own.
        and not (found.rule == "overlap_title" and found.other_key in inside)
    ]
    run = RuleRun(subject=Subject.TITLE.value, stage=stage.value, certificate=certificate)
    return _keep(
        run,
        candidates,
        Outcome(against_others, outcome.policy_values),
        actor=actor,
        numbered=numbered,
    )


def _keep(
    run: RuleRun,
    candidates: Sequence[Candidate],
    outcome: Outcome,
    *,
    actor: User | None,
    numbered: bool,
) -> RuleRun:
    """Findings first, then the run: the database hashes both and closes them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('parcels_rulerun', 'id'))")
        run.pk = cursor.fetchone()[0]
    Finding.objects.bulk_create(
        Finding(
            run_id=run.pk,
            candidate=candidates[found.candidate].ref[:120],
            rule=found.rule,
            level=found.level,
            severity=found.severity.value,
            shape=None if found.shape is None else GEOSGeometry(memoryview(found.shape)),
            area_m2=found.area_m2,
            mean_width_m=found.mean_width_m,
            other_kind=found.other_kind,
            other_key=found.other_key,
            other_number=found.other_number,
            facts=dict(found.facts),
        )
        for found in outcome.findings
    )
    run.number = draw_number(NumberKind.UNIQUENESS_REPORT) if numbered else ""
    run.candidates = [
        {"ref": one.ref, "sha256": hashlib.sha256(one.wkb).hexdigest()} for one in candidates
    ]
    run.policy_values = outcome.policy_values
    run.rules_sha256 = rules_sha256()
    run.verdict = outcome.verdict
    run.finding_count = len(outcome.findings)
    run.made_by = actor
    run.content_sha256 = b""  # The database writes it.
    run.save(force_insert=True)
    run.refresh_from_db()
    record_event(
        subject_kind="rule_run",
        subject_key=run.key,
        verb="kept",
        actor_key=actor.key if actor else None,
        facts={
            "number": run.number,
            "sha256": bytes(run.content_sha256).hex(),
            "stage": run.stage,
            "verdict": run.verdict,
            "findings": run.finding_count,
        },
    )
    return run
