"""The demonstration's reports: made from the stands of an application's area, signed by a third party.

A chapter between the drafting of the applications and their submission; it plays the real operations.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from django.contrib.gis.geos import GEOSGeometry
from django.utils.translation import gettext as _

from parcels.models import Stand
from portal.accounts.models import User
from portal.base.story import Chapter
from portal.base.transactions import write_transaction
from tickets.accounting.calculation import work_through
from tickets.accounting.document import report_pdf
from tickets.accounting.models import AccountingReport, Stratum
from tickets.accounting.operations import (
    SpeciesInput,
    StratumInput,
    TermsInput,
    attach_report_file,
    change_stratum,
    entrust_verifier,
    open_report_for,
    set_terms,
)
from tickets.accounting.signing import sign_report
from tickets.accounting.stands import pick_stands, survey_years_of
from tickets.projects.demo import UNDER_WAY, WAVES
from tickets.projects.models import Application

VERIFIERS = ("verifier1", "verifier2")
BASELINE_T = Decimal(12)
UNCERTAINTY_PERCENT = Decimal(8)
# What a stand of the sample grew in its monitoring period, as its owner measured: m³/ha a year.
GROWTH_M3_PER_HA_YEAR = Decimal("2.4")
STEP = Decimal("0.1")


def play_reports(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """A signed report for each drafted application that has none yet."""
    drafts = Application.objects.filter(
        state=Application.State.DRAFT,
        area_version__isnull=False,
        period__isnull=False,
        accounting_reports__isnull=True,
    ).select_related("area_version", "project__applicant", "made_by")
    tonnes = []
    for at, application in enumerate(drafts.order_by("pk")):
        verifier = users[VERIFIERS[at % len(VERIFIERS)]]
        signed = sign_report_of(application, owner=application.made_by, verifier=verifier)
        tonnes.append((signed.quantity_kg_calculated or 0) // 1000)
    if tonnes:
        tell(_("示例核算报告 {n} 份，共 {tonnes} 吨").format(n=len(tonnes), tonnes=sum(tonnes)))


@write_transaction
def sign_report_of(application: Application, *, owner: User, verifier: User) -> AccountingReport:
    """The owner makes strata of the stands, types the earlier stocks, entrusts; the verifier signs."""
    report = open_report_for(application=application, actor=owner)
    pick_stands(
        report=report,
        stands=stands_under(report),
        begin_year=None,
        merge=True,
        seen=report.revision,
        actor=owner,
    )
    years = Decimal((report.period.upper - report.period.lower).days) / Decimal("365.25")
    for stratum in Stratum.objects.filter(report=report).order_by("pk"):
        type_begin_stock(stratum, years, owner)
    set_terms(
        report=report,
        terms=TermsInput(
            baseline_t=BASELINE_T,
            leakage_t=Decimal(),
            deficit_brought_t=Decimal(),
            basis_note=_("基线按无项目情景下的自然生长估计；项目活动未引起采伐外移，泄漏为零。"),
            uncertainty_basis=AccountingReport.Basis.STATED,
            uncertainty_stated_percent=UNCERTAINTY_PERCENT,
            explanation=_("各碳层蓄积由样地复测得出，与小班调查之差已在报告中说明。"),
        ),
        seen=_revision(report),
        actor=owner,
    )
    entrust_verifier(report=report, verifier=verifier, actor=owner)
    draft = AccountingReport.objects.select_related("area_version__area__party", "method").get(
        pk=report.pk
    )
    made = work_through(draft)
    assert made.result is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        path.write_bytes(report_pdf(made))
        attach_report_file(
            report=draft,
            path=path,
            name=_("监测核算报告.pdf"),
            quantity_t=made.result.quantity_t,
            seen=_revision(report),
            actor=verifier,
        )
    return sign_report(report=draft, seen=_revision(report), actor=verifier)


def stands_under(report: AccountingReport) -> Sequence[Stand]:
    """The stands of the period's second survey that lie in the area."""
    area: GEOSGeometry = report.area_version.geom
    year = survey_years_of(report).end
    if year is None:
        return []
    there = Stand.objects.filter(
        replaced_at__isnull=True,
        survey_year=year,
        geom__bboverlaps=area,
        geom__relate=(area, "T********"),
    )
    return list(there.order_by("pk"))


def type_begin_stock(stratum: Stratum, years: Decimal, owner: User) -> None:
    """What the owner's earlier measurement found, typed into the form."""
    species = []
    for row in stratum.species.all():
        end = row.volume_end if row.volume_end is not None else Decimal()
        begin = max(end - GROWTH_M3_PER_HA_YEAR * years, end / 2).quantize(STEP)
        species.append(SpeciesInput(row.parameter_set, begin, end))
    change_stratum(
        stratum=stratum,
        given=StratumInput(stratum.code, Stratum.Origin(stratum.origin), stratum.geom, species),
        seen=_revision(stratum.report),
        actor=owner,
    )


CHAPTERS = tuple(Chapter(wave.days_ago, play_reports) for wave in (*WAVES, UNDER_WAY))


def _revision(report: AccountingReport) -> int:
    return int(AccountingReport.objects.values_list("revision", flat=True).get(pk=report.pk))
