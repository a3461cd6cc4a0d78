"""What a verifier signs: the content with its hash, the signature, and the next version after it."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection
from django.db.models import Max

from parcels.claims.queries import last_day
from portal.accounts.models import Role, User
from portal.accounts.queries import has_role
from portal.base.transactions import write_transaction
from tickets.accounting.calculation import (
    Calculation,
    exact,
    parameters_digest,
    work_through,
)
from tickets.accounting.equations import KG_PER_TONNE
from tickets.accounting.errors import (
    DeficitNotBrought,
    FlagsUnexplained,
    NotTheVerifier,
    ReportFrozen,
    ReportIncomplete,
    ReportOutOfDate,
    UncertaintyTooLarge,
)
from tickets.accounting.models import (
    AccountingReport,
    PlotMeasurement,
    ReportFile,
    Stratum,
    StratumSpecies,
)
from tickets.accounting.operations import (
    check_period,
    deficit_before,
    follow_application,
    is_on_the_owners_side,
    is_out_of_date,
    lock_draft,
    record,
)
from tickets.projects.models import Application
from tickets.projects.operations import record_accounting_result

FORMAT = 1


def content_of(made: Calculation) -> bytes:
    """The canonical JSON of a worked-through report: inputs, parameters, results, as text numbers."""
    report, result = made.report, made.result
    assert result is not None
    assert made.terms is not None
    assert made.u is not None
    shapes = _shape_hashes(report)
    content = {
        "format": FORMAT,
        "report": str(report.key),
        "series": str(report.series),
        "version": report.version,
        "area_version": str(report.area_version.key),
        "period": [report.period.lower.isoformat(), str(last_day(report.period))],
        "method": {
            "code": report.method.code,
            "version": report.method.version,
            "sha256": report.method.sha256,
        },
        "policy": {code: exact(value) for code, value in made.policy.items()},
        "strata": [
            {
                "code": line.stratum.code,
                "origin": line.stratum.origin,
                "shape_sha256": shapes[line.stratum.pk],
                "area_ha": exact(line.stratum.area_ha_counted),
                "species": [_species(one.row) for one in line.species],
                "carbon_begin_t_per_ha": exact(line.result.carbon_begin_t_per_ha),
                "carbon_end_t_per_ha": exact(line.result.carbon_end_t_per_ha),
                "co2_change_t": exact(line.result.co2_change_t),
            }
            for line in made.lines
        ],
        "files": {file.kind: file.sha256 for file in ReportFile.objects.filter(report=report)},
        "terms": {
            "baseline_t": exact(report.baseline_t),
            "leakage_t": exact(report.leakage_t),
            "deficit_brought_t": exact(report.deficit_brought_t),
            "u": exact(made.u),
            "discount": exact(made.terms.discount),
            "risk": exact(made.terms.risk),
        },
        "words_sha256": hashlib.sha256(
            f"{report.basis_note}\n{report.explanation}".encode()
        ).hexdigest(),
        "removals_t": exact(result.removals_t),
        "net_t": exact(result.net_t),
        "creditable_t": exact(result.creditable_t),
        "quantity_t": result.quantity_t,
        "deficit_carried_t": exact(result.deficit_carried_t),
        "quantity_t_reported": report.quantity_t_reported,
    }
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


@write_transaction
def sign_report(*, report: AccountingReport, seen: int, actor: User) -> AccountingReport:
    """The entrusted third party signs; from now on the version never changes.

    Ask for the second factor before (domain.md). Refuses while something is missing, the
    uncertainty is above the last step, or grave flags stand without an explanation.
    """
    draft = lock_draft(report, seen=seen)
    if draft.verifier != actor or not has_role(actor, Role.VERIFIER):
        raise NotTheVerifier()
    if is_on_the_owners_side(actor, draft):
        raise NotTheVerifier()
    check_period(draft.period)
    if is_out_of_date(draft):
        raise ReportOutOfDate()
    carried = deficit_before(draft.area_version.area, draft.period, draft.application)
    if draft.deficit_brought_t < carried:
        raise DeficitNotBrought(deficit=f"{carried.normalize():f}")
    # Titles may have been verified since the strata were drawn: measure them once more.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounting_stratum SET code = code WHERE report_id = %s", [draft.pk])
    made = work_through(draft)
    if made.too_uncertain:
        assert made.u is not None
        raise UncertaintyTooLarge(percent=f"{made.u * 100:.2f}", limit=f"{made.u_limit_percent:f}")
    if draft.quantity_t_reported is None:
        made.missing.append(
            str(AccountingReport._meta.get_field("quantity_t_reported").verbose_name)
        )
    if made.missing or made.result is None:
        raise ReportIncomplete(what="；".join(made.missing[:6]))
    if made.grave and not draft.explanation:
        raise FlagsUnexplained(count=len(made.grave))
    content = content_of(made)
    draft.state = AccountingReport.State.SIGNED
    draft.signed_by = actor
    draft.content = content.decode()
    draft.content_sha256 = hashlib.sha256(content).digest()
    draft.parameters_sha256 = parameters_digest(made)
    draft.quantity_kg_calculated = made.result.quantity_kg
    draft.signed_at = draft.opened_at  # Not believed: the database writes its own moment.
    draft.save()
    draft.refresh_from_db()
    if draft.application is not None:
        _tell_application(draft, draft.application)
    record(
        draft,
        "signed",
        actor,
        content_sha256=bytes(draft.content_sha256).hex(),
        quantity_kg=draft.quantity_kg_calculated,
    )
    return draft


def _tell_application(report: AccountingReport, application: Application) -> None:
    """Calculated and stated tonnes go to the application; their difference blocks its filing."""
    assert report.quantity_kg_calculated is not None
    assert report.quantity_t_reported is not None
    assert report.verifier is not None
    record_accounting_result(
        application=application,
        report_key=report.key,
        area_version=report.area_version,
        period=report.period,
        report_sha256=bytes(report.content_sha256 or b"").hex(),
        quantity_kg_calculated=report.quantity_kg_calculated,
        quantity_kg_reported=report.quantity_t_reported * KG_PER_TONNE,
        method_code=report.method.code,
        method_version=str(report.method.version),
        parameters_sha256=bytes(report.parameters_sha256 or b"").hex(),
        verifier=report.verifier,
    )


@write_transaction
def revise_report(*, report: AccountingReport, actor: User) -> AccountingReport:
    """The next version as a draft with the same inputs; the signed one stays as it is.

    It stands on its application's present area and period (``follow_application``).
    """
    former = AccountingReport.objects.select_for_update(of=("self",)).get(pk=report.pk)
    latest = AccountingReport.objects.filter(series=former.series).aggregate(n=Max("version"))["n"]
    if former.state != AccountingReport.State.SIGNED or former.version != latest:
        raise ReportFrozen()
    draft = AccountingReport.objects.create(
        series=former.series,
        version=former.version + 1,
        application=former.application,
        area_version=former.area_version,
        period=former.period,
        method=former.method,
        verifier=former.verifier,
        baseline_t=former.baseline_t,
        leakage_t=former.leakage_t,
        deficit_brought_t=former.deficit_brought_t,
        basis_note=former.basis_note,
        uncertainty_basis=former.uncertainty_basis,
        uncertainty_stated_percent=former.uncertainty_stated_percent,
        explanation=former.explanation,
        quantity_t_reported=former.quantity_t_reported,
        opened_by=actor,
    )
    _copy_inputs(former, draft)
    record(draft, "revised", actor, former=str(former.key))
    if is_out_of_date(draft):
        follow_application(report=draft, actor=actor)
    draft.refresh_from_db()
    return draft


def signed_policy(report: AccountingReport) -> dict[str, Decimal] | None:
    """The policy values that a signed report was calculated under; None for a draft."""
    if report.content is None:
        return None
    return {code: Decimal(value) for code, value in orjson.loads(report.content)["policy"].items()}


def is_as_signed(report: AccountingReport) -> bool:
    """Whether the rows still give, byte for byte, what was signed."""
    if report.content is None or report.content_sha256 is None:
        return False
    made = work_through(report, policy=signed_policy(report))
    if made.result is None:
        return False
    again = content_of(made)
    return again.decode() == report.content and (
        hashlib.sha256(again).digest() == bytes(report.content_sha256)
    )


def _copy_inputs(former: AccountingReport, draft: AccountingReport) -> None:
    old = list(Stratum.objects.filter(report=former).order_by("pk"))
    new = Stratum.objects.bulk_create(
        Stratum(report=draft, code=row.code, origin=row.origin, geom=row.geom) for row in old
    )
    at = {before.pk: after.pk for before, after in zip(old, new, strict=True)}
    links = Stratum.stands.through
    links.objects.bulk_create(
        links(stratum_id=at[link.stratum_id], stand_id=link.stand_id)
        for link in links.objects.filter(stratum__report=former).order_by("pk")
    )
    StratumSpecies.objects.bulk_create(
        StratumSpecies(
            stratum_id=at[row.stratum_id],
            parameter_set_id=row.parameter_set_id,
            basis=row.basis,
            volume_unit=row.volume_unit,
            volume_begin=row.volume_begin,
            volume_end=row.volume_end,
            equation_id=row.equation_id,
            biomass_begin_t_per_ha=row.biomass_begin_t_per_ha,
            biomass_end_t_per_ha=row.biomass_end_t_per_ha,
        )
        for row in StratumSpecies.objects.filter(stratum__report=former).order_by("pk")
    )
    PlotMeasurement.objects.bulk_create(
        PlotMeasurement(
            stratum_id=at[row.stratum_id],
            plot_number=row.plot_number,
            parameter_set_id=row.parameter_set_id,
            volume_m3_per_ha=row.volume_m3_per_ha,
            biomass_t_per_ha=row.biomass_t_per_ha,
        )
        for row in PlotMeasurement.objects.filter(stratum__report=former).order_by("pk")
    )
    ReportFile.objects.bulk_create(
        ReportFile(
            report=draft,
            kind=row.kind,
            name=row.name,
            sha256=row.sha256,
            size_bytes=row.size_bytes,
            stored_path=row.stored_path,
            added_by_id=row.added_by_id,
        )
        for row in ReportFile.objects.filter(report=former)
    )


def _shape_hashes(report: AccountingReport) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, encode(sha256(ST_AsEWKB(geom)), 'hex') FROM accounting_stratum "
            "WHERE report_id = %s",
            [report.pk],
        )
        return dict(cursor.fetchall())


def _species(row: StratumSpecies) -> dict[str, Any]:
    """One species as signed: its set with hash, and the numbers as typed and per hectare."""
    chosen = row.parameter_set
    said: dict[str, Any] = {
        "set": {"code": chosen.code, "version": chosen.version, "sha256": chosen.sha256},
        "basis": row.basis,
    }
    numbers = {
        "volume_begin_m3_per_ha": row.volume_begin_m3_per_ha,
        "volume_end_m3_per_ha": row.volume_end_m3_per_ha,
        "biomass_begin_t_per_ha": row.biomass_begin_t_per_ha,
        "biomass_end_t_per_ha": row.biomass_end_t_per_ha,
    }
    said.update({name: exact(value) for name, value in numbers.items() if value is not None})
    if row.equation is not None:
        said["equation"] = {
            "code": row.equation.code,
            "version": row.equation.version,
            "sha256": row.equation.sha256,
        }
    return said
