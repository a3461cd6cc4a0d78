"""Shares of an application by the tonnes that its signed report counts on each co-owner's land."""

from __future__ import annotations

from collections import defaultdict

from portal.accounts.models import User
from tickets.accounting.calculation import Calculation, work_through
from tickets.accounting.errors import ReportNotSigned, ReportOutOfDate
from tickets.accounting.models import AccountingReport, Stratum
from tickets.accounting.operations import is_out_of_date
from tickets.accounting.signing import signed_policy
from tickets.projects.checklist import latest_result
from tickets.projects.models import Application
from tickets.projects.operations import set_shares
from tickets.projects.queries import SHARE_DENOMINATOR, area_by_party
from tickets.projects.sharing import shares_in_proportion


def share_by_tonnes(*, application: Application, seen: int, actor: User) -> Application:
    """Set the shares in proportion to the tonnes of each co-owner's land.

    ReportNotSigned or ReportOutOfDate where no signed report counts the present land and days.
    """
    result = latest_result(application)
    report = (
        AccountingReport.objects.filter(key=result.report_key, state=AccountingReport.State.SIGNED)
        if result is not None
        else AccountingReport.objects.none()
    ).first()
    if report is None:
        raise ReportNotSigned()
    if is_out_of_date(report):
        raise ReportOutOfDate()
    made = work_through(report, policy=signed_policy(report))
    return set_shares(
        application=application,
        denominator=SHARE_DENOMINATOR,
        shares=shares_in_proportion(application, tonnes_by_party(made)),
        seen=seen,
        actor=actor,
    )


def tonnes_by_party(made: Calculation) -> dict[int, float]:
    """Party → t CO₂: the change of each stratum (equation 2), spread evenly over its land and told
    to whose verified titles hold it. Weights of shares, so floats do.
    """
    shapes = dict(Stratum.objects.filter(report=made.report).values_list("pk", "geom"))
    found: defaultdict[int, float] = defaultdict(float)
    for line in made.lines:
        held = area_by_party(shapes[line.stratum.pk])
        for party, area_m2 in held.items():
            found[party] += float(line.result.co2_change_t) * area_m2 / sum(held.values())
    return dict(found)
