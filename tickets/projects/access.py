"""Gates to projects, applications and filings; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from django.db.models import Q

from portal.accounts.models import Mandate
from portal.accounts.queries import (
    AnyUser,
    acts_for,
    is_staff_reader,
    parties_acted_for,
    standing_party,
)
from portal.base.errors import NotFound
from portal.base.numbers import parse_code
from tickets.projects.models import Application, Filing

NEVER_SUBMITTED = (Application.State.DRAFT, Application.State.DISCARDED)


def access_application(key: uuid.UUID, user: AnyUser) -> Application:
    """An application, for its owners, the departments, and who reviews it.

    A draft is its owners' alone.
    """
    application = (
        Application.objects.select_related(
            "project__applicant", "area_version__area", "case", "claim"
        )
        .filter(key=key)
        .first()
    )
    if application is None:
        raise NotFound()
    if _is_owner(application, user):
        return application
    if application.state not in NEVER_SUBMITTED and is_staff_reader(user):
        return application
    if reviews(application, user):
        return application
    raise NotFound()


def access_inside(key: uuid.UUID, user: AnyUser) -> Application:
    """An application, for who reads what its review says to itself."""
    application = access_application(key, user)
    if not is_inside(application, user):
        raise NotFound()
    return application


def access_own_application(key: uuid.UUID, user: AnyUser) -> Application:
    """An application, for who may apply for its owner: to fill in, submit, answer, withdraw."""
    application = access_application(key, user)
    if not acts_for(user, application.project.applicant, Mandate.Scope.APPLY):
        raise NotFound()
    return application


def parties_consented_for(user: AnyUser, application: Application) -> set[int]:
    """Keys of the parties whose own consent to a share the user's word is (article 5: 自愿联合).

    The owner consents by proposing, so who may apply for it may. A co-owner's land and papers are
    brought in by a representative with a mandate to apply, but what he gets for them he agrees to
    himself, or whoever acts for him in all matters; a representative brings his word on paper.
    """
    mine = set(parties_acted_for(user, Mandate.Scope.ALL).values_list("pk", flat=True))
    owner = application.project.applicant
    if acts_for(user, owner, Mandate.Scope.APPLY):
        mine |= {owner.pk, standing_party(owner).pk}
    return mine


def access_filing(number: str) -> Filing:
    """A filing; everyone may know that it exists."""
    filing = (
        Filing.objects.select_related("application__project__applicant", "uniqueness_report")
        .filter(number=number)
        .first()
    )
    if filing is None:
        raise NotFound()
    return filing


def find_filing(code: str) -> Filing | None:
    """The filing that a code of ``/v/`` means, forgiving how it was typed."""
    parsed = parse_code(code)
    return Filing.objects.filter(code=parsed).first() if parsed else None


def _is_owner(application: Application, user: AnyUser) -> bool:
    if acts_for(user, application.project.applicant, Mandate.Scope.VIEW):
        return True
    mine = parties_acted_for(user)
    return application.shares.filter(party__in=mine).exists()


def reviews(application: Application, user: AnyUser) -> bool:
    """Entrusted third parties, asked experts, and who wrote a report of it."""
    if not user.is_authenticated:
        return False
    if application.accounting_results.filter(verifier=user).exists():
        return True
    if application.case is None:
        return False
    return application.case.steps.filter(
        Q(entrusted=True, assigned_to=user) | Q(opinions__expert__user=user)
    ).exists()


def is_inside(application: Application, user: AnyUser) -> bool:
    """Whether the user reads what the review says to itself: drafts of verdicts, opinions under way,
    internal remarks. Who applies for the owner or shares in the tonnes never does.
    """
    return is_staff_reader(user) or reviews(application, user)
