"""Gates of finance; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from portal.accounts.models import Department, Mandate, Party, Role
from portal.accounts.queries import AnyUser, acts_for, has_role, parties_acted_for, works_in
from portal.base.errors import NotFound
from tickets.finance.models import FinanceRow, InsuranceClaim, InsurancePolicy


def may_read_register(user: AnyUser) -> bool:
    """The finance office and the auditor."""
    return works_in(user, Department.FINANCE) or has_role(user, Role.AUDITOR)


def access_register(user: AnyUser) -> None:
    if not may_read_register(user):
        raise NotFound()


def institutions_of(user: AnyUser, role: Role) -> QuerySet[Party]:
    """The banks (or insurers) that the user acts for; nobody without the role."""
    if not has_role(user, role):
        return Party.objects.none()
    return parties_acted_for(user, Mandate.Scope.APPLY)


def access_bank(user: AnyUser) -> QuerySet[Party]:
    """The bank's own view."""
    banks = institutions_of(user, Role.BANK)
    if not banks.exists():
        raise NotFound()
    return banks


def access_insurer(user: AnyUser) -> QuerySet[Party]:
    """The insurer's own view."""
    insurers = institutions_of(user, Role.INSURER)
    if not insurers.exists():
        raise NotFound()
    return insurers


def access_row(key: uuid.UUID, user: AnyUser) -> FinanceRow:
    """A row of the register."""
    access_register(user)
    found = FinanceRow.objects.filter(key=key).first()
    if found is None:
        raise NotFound()
    return found


def access_policy(key: uuid.UUID, user: AnyUser) -> InsurancePolicy:
    """An insurance, for its insurer."""
    found = InsurancePolicy.objects.filter(key=key).select_related("ticket", "insurer").first()
    if found is None:
        raise NotFound()
    if not acts_for(user, found.insurer, Mandate.Scope.APPLY):
        raise NotFound()
    return found


def access_claim(key: uuid.UUID, user: AnyUser) -> InsuranceClaim:
    """A claim, for the insurer of its policy."""
    found = (
        InsuranceClaim.objects.filter(key=key)
        .select_related("policy__insurer", "policy__ticket")
        .first()
    )
    if found is None:
        raise NotFound()
    if not acts_for(user, found.policy.insurer, Mandate.Scope.APPLY):
        raise NotFound()
    return found
