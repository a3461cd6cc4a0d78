"""A signed report becomes material 5 of its application (article 7)."""

from __future__ import annotations

from django.utils.translation import override

from portal.accounts.models import User
from portal.accounts.queries import AnyUser
from portal.base.transactions import write_transaction
from portal.casework.documents import parse_upload
from tickets.accounting.access import works_for_owner
from tickets.accounting.calculation import work_through
from tickets.accounting.document import report_pdf
from tickets.accounting.errors import ReportIncomplete, ReportNotSigned, ReportOutOfDate
from tickets.accounting.models import AccountingReport
from tickets.accounting.operations import is_out_of_date, record
from tickets.accounting.signing import signed_policy
from tickets.projects.checklist import latest_result
from tickets.projects.models import OPEN_STATES, Material
from tickets.projects.operations import add_material


def may_hand_in(user: AnyUser, report: AccountingReport) -> bool:
    """Whether the page offers it: the application's own people, while it is open."""
    if report.application is None or report.state != AccountingReport.State.SIGNED:
        return False
    if report.application.state not in OPEN_STATES or not works_for_owner(user, report):
        return False
    result = latest_result(report.application)
    return result is not None and result.report_key == report.key


@write_transaction
def hand_in_report(*, report: AccountingReport, actor: User) -> Material:
    """The PDF of the signed version that counts, as the next version of the application's material.

    Refuses a draft, a version that a newer signature has replaced, and a report on other land or
    days than the application has now.
    """
    application = report.application
    if application is None or report.state != AccountingReport.State.SIGNED:
        raise ReportNotSigned()
    result = latest_result(application)
    if result is None or result.report_key != report.key:
        raise ReportOutOfDate()
    if is_out_of_date(report):
        raise ReportOutOfDate()
    made = work_through(report, policy=signed_policy(report))
    if made.result is None:
        raise ReportIncomplete(what="；".join(made.missing[:6]))
    # Materials are handed in in Chinese, whatever language the page is read in.
    with override("zh-hans"):
        data = report_pdf(made)
    name = f"监测核算报告 {application.project.number} v{report.version}.pdf"
    material = add_material(
        application=application,
        kind=Material.Kind.REPORT,
        upload=parse_upload(data, name=name),
        actor=actor,
    )
    record(report, "handed_in", actor, material_version=material.version)
    return material
