"""One gate for each object of the accounts; absent and forbidden answer alike."""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from portal.accounts.models import (
    ApiToken,
    IdentityCheck,
    IdentityDocument,
    Mandate,
    Party,
    PartyLink,
    SignedInSession,
    User,
)
from portal.accounts.queries import (
    AnyUser,
    acts_for,
    may_check_identities,
    standing_links,
)
from portal.accounts.tokens import tokens_of
from portal.base.errors import NotFound


def signed_in(request: HttpRequest) -> User:
    """The user behind ``login_required``."""
    if not isinstance(request.user, User):
        raise NotFound()
    return request.user


def access_identity_desk(user: AnyUser) -> None:
    """The gate to the list of checks and to linking parties."""
    if not may_check_identities(user):
        raise NotFound()


def access_identity_check(key: uuid.UUID, user: AnyUser) -> IdentityCheck:
    """One check, for the clerks who decide on it."""
    access_identity_desk(user)
    check = (
        IdentityCheck.objects.select_related("party", "applicant", "decided_by")
        .filter(key=key)
        .first()
    )
    if check is None:
        raise NotFound()
    return check


def access_document(key: uuid.UUID, user: AnyUser) -> IdentityDocument:
    """One scan, for the clerks alone: each reading is journalled."""
    access_identity_desk(user)
    document = IdentityDocument.objects.select_related("party").filter(key=key).first()
    if document is None:
        raise NotFound()
    return document


def access_party_to_mandate(key: uuid.UUID, user: AnyUser) -> Party:
    """A checked party, for whoever may give a mandate for it."""
    party = Party.objects.filter(key=key, checked_at__isnull=False).first()
    if party is None:
        raise NotFound()
    if acts_for(user, party, Mandate.Scope.ALL):
        return party
    if may_check_identities(user):
        return party
    raise NotFound()


def access_mandate(key: uuid.UUID, user: AnyUser) -> Mandate:
    """One mandate, for the mandated, who may mandate, and the clerks."""
    mandate = Mandate.objects.select_related("party", "user").filter(key=key).first()
    if mandate is None:
        raise NotFound()
    if mandate.user == user:
        return mandate
    if acts_for(user, mandate.party, Mandate.Scope.ALL):
        return mandate
    if may_check_identities(user):
        return mandate
    raise NotFound()


def access_link(key: uuid.UUID, user: AnyUser) -> PartyLink:
    """A standing link, for the clerks."""
    access_identity_desk(user)
    link = standing_links().select_related("name_only", "checked").filter(key=key).first()
    if link is None:
        raise NotFound()
    return link


def access_session(key: uuid.UUID, user: User) -> SignedInSession:
    """One of the user's own sessions that is not revoked."""
    session = SignedInSession.objects.filter(key=key, user=user, revoked_at__isnull=True).first()
    if session is None:
        raise NotFound()
    return session


def access_token(key: uuid.UUID, user: User) -> ApiToken:
    """One of the user's own tokens that is not revoked."""
    token = tokens_of(user).filter(key=key).first()
    if token is None:
        raise NotFound()
    return token
