"""Attempts counted, so that nobody floods the portal."""

from __future__ import annotations

from datetime import timedelta

from portal.accounts.errors import TooManyAttempts
from portal.accounts.models import Attempt
from portal.base.clock import PortalNow
from portal.base.secrets import fingerprint
from portal.base.transactions import write_transaction

# Kind of attempt → how many from one source within which span.
ATTEMPT_LIMITS: dict[Attempt.Kind, tuple[int, timedelta]] = {
    Attempt.Kind.SIGN_UP: (20, timedelta(hours=1)),
    Attempt.Kind.PASSWORD_RESET: (5, timedelta(hours=1)),
    Attempt.Kind.LAND_QUESTION: (60, timedelta(hours=1)),
    Attempt.Kind.OBJECTION: (5, timedelta(hours=1)),
    Attempt.Kind.SCAN: (120, timedelta(hours=1)),
    Attempt.Kind.COMPLAINT: (5, timedelta(hours=1)),
    Attempt.Kind.RETAIL: (20, timedelta(hours=1)),
    Attempt.Kind.CO_OWNER: (20, timedelta(hours=1)),
}


@write_transaction
def note_attempt(*, kind: Attempt.Kind, source: str) -> None:
    """Count a try against where it comes from; TooManyAttempts beyond the limit.

    Call it before the act and outside its transaction: a refused act counts as well.
    """
    limit, span = ATTEMPT_LIMITS[kind]
    digest = fingerprint(f"attempt:{kind}:{source}")
    tries = Attempt.objects.filter(kind=kind, source=digest, made_at__gt=PortalNow() - span).count()
    if tries >= limit:
        raise TooManyAttempts(minutes=int(span.total_seconds() // 60))
    Attempt.objects.create(kind=kind, source=digest)
