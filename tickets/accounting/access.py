"""The gate to reports: read by those concerned, edited by owner and verifier, signed by the latter."""

from __future__ import annotations

import uuid

from parcels.models import ProjectArea
from portal.accounts.models import Mandate, Role, User
from portal.accounts.queries import AnyUser, acts_for, has_role, is_staff_reader
from portal.base.errors import NotFound
from tickets.accounting.models import AccountingReport
from tickets.projects.access import access_application


def works_for_area(user: AnyUser, area: ProjectArea) -> bool:
    """Whether ``user`` applies for the owner of the area (or drew it, while it has no owner)."""
    if area.party is not None:
        return acts_for(user, area.party, Mandate.Scope.APPLY)
    return area.made_by == user


def is_verifier_of(user: AnyUser, report: AccountingReport) -> bool:
    """The third party that the report is entrusted to, while it holds that role."""
    return report.verifier == user and has_role(user, Role.VERIFIER)


def works_for_owner(user: AnyUser, report: AccountingReport) -> bool:
    """Whether ``user`` applies for whoever the report is made for."""
    if report.application is not None:
        return acts_for(user, report.application.project.applicant, Mandate.Scope.APPLY)
    return works_for_area(user, report.area_version.area)


def may_edit(user: AnyUser, report: AccountingReport) -> bool:
    """The owner's people and the entrusted verifier."""
    return is_verifier_of(user, report) or works_for_owner(user, report)


def _sees_application(user: AnyUser, report: AccountingReport) -> bool:
    if report.application is None:
        return False
    try:
        access_application(report.application.key, user)
    except NotFound:
        return False
    return True


def may_read(user: AnyUser, report: AccountingReport) -> bool:
    """Whoever edits and the owner's people who may only look; what is signed also the departments,
    the experts and entrusted reviewers of its application."""
    if may_edit(user, report) or report.signed_by == user:
        return True
    area = report.area_version.area
    if area.party is not None and acts_for(user, area.party, Mandate.Scope.VIEW):
        return True
    if report.state != AccountingReport.State.SIGNED:
        return False
    return is_staff_reader(user) or _sees_application(user, report)


def access_report(key: uuid.UUID, user: AnyUser) -> AccountingReport:
    """One version of a report, to read."""
    report = _found(key)
    if not may_read(user, report):
        raise NotFound()
    return report


def access_report_to_edit(key: uuid.UUID, user: AnyUser) -> AccountingReport:
    """One version of a report, to edit (whether it is still a draft is asked by the operation)."""
    report = _found(key)
    if not may_edit(user, report):
        raise NotFound()
    return report


def access_report_to_sign(key: uuid.UUID, user: AnyUser) -> AccountingReport:
    """One version of a report, for its verifier."""
    report = _found(key)
    if not is_verifier_of(user, report):
        raise NotFound()
    return report


def access_report_to_hand_in(key: uuid.UUID, user: AnyUser) -> AccountingReport:
    """One version of a report, for whoever applies for its application's owner."""
    report = _found(key)
    if report.application is None:
        raise NotFound()
    if not works_for_owner(user, report):
        raise NotFound()
    return report


def access_area(key: uuid.UUID, user: AnyUser) -> ProjectArea:
    """A project area that ``user`` may open a report on."""
    area = ProjectArea.objects.select_related("party", "made_by").filter(key=key).first()
    if area is None:
        raise NotFound()
    if not works_for_area(user, area):
        raise NotFound()
    return area


def acting(user: AnyUser) -> User:
    """Whoever is behind a page that asked for a sign-in."""
    if not isinstance(user, User):
        raise NotFound()
    return user


def _found(key: uuid.UUID) -> AccountingReport:
    report = (
        AccountingReport.objects.select_related(
            "area_version__area__party", "area_version__area__made_by", "method", "verifier",
            "signed_by", "application__project__applicant",
        )
        .filter(key=key)
        .first()
    )  # fmt: skip
    if report is None:
        raise NotFound()
    return report
