"""What pages of the register share: who asks, and with which status a refusal is shown."""

from __future__ import annotations

from django.http import HttpRequest

from portal.accounts.errors import OfficeMissing, TooManyAttempts
from portal.accounts.models import User
from portal.base.errors import NotFound, PortalError, StateMovedOn
from portal.casework.errors import DocumentTooLarge
from tickets.registry import errors

REFUSED, FORBIDDEN, CONFLICT, TOO_LARGE, TOO_MANY = 422, 403, 409, 413, 429
MOVED_ON = (
    StateMovedOn,
    errors.AlreadyIssued,
    errors.BlockNotFree,
    errors.FreezeLifted,
    errors.KilogramHasAnotherHome,
    errors.MoveNotAllowed,
    errors.NotUsedUp,
    errors.NoticeEnded,
    errors.NoticeObjected,
    errors.NoticeRunning,
    errors.PledgeEnded,
    errors.PledgeTwice,
    errors.RegistrationDecided,
    errors.SumDiffers,
    errors.TicketClosed,
    errors.TicketNotWhole,
)


def signed_in(request: HttpRequest) -> User:
    """The user behind ``login_required``."""
    if not isinstance(request.user, User):
        raise NotFound()
    return request.user


def status_of_refusal(refusal: PortalError) -> int:
    """As the roof's table says: pages of this app show the refusal beside what was typed."""
    if isinstance(refusal, MOVED_ON):
        return CONFLICT
    if isinstance(refusal, (OfficeMissing, errors.NotThePledgee)):
        return FORBIDDEN
    if isinstance(refusal, DocumentTooLarge):
        return TOO_LARGE
    if isinstance(refusal, TooManyAttempts):
        return TOO_MANY
    return REFUSED
