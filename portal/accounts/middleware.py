"""Every signed-in browser is known, and one that was revoked is signed out at its next request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from axes.helpers import get_client_ip_address
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.accounts.models import SignedInSession, User
from portal.accounts.operations import note_session
from portal.accounts.queries import session_hash
from portal.base.clock import PortalNow
from portal.base.statements import prepared_cursor

# How often a session's last use is written down; between, a request only reads.
SEEN_EVERY = timedelta(minutes=5)
# Every signed-in request asks it first.
_SESSION = """
SELECT id, revoked_at IS NOT NULL, seen_at < portal_now() - make_interval(secs => %s)
FROM accounts_signedinsession WHERE session_key_hash = %s
"""


class SignedInSessions:
    """Stands after Django's authentication and messages.

    A request without a session costs nothing; a signed-in one costs one read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = admit(request)
        response = self.get_response(request)
        # Whichever page signed the user in or gave the session a new key, it is noted at once:
        # revoking all of a user's sessions must not miss one that has not come back yet.
        if request.session.session_key not in (None, known):
            note(request)
        return response


def admit(request: HttpRequest) -> str | None:
    """Sign a revoked session out, note an unknown one; the key of the session that may go on."""
    session_key = request.session.session_key
    if session_key is None or not isinstance(request.user, User):
        return None
    with prepared_cursor() as cursor:
        cursor.execute(_SESSION, [SEEN_EVERY.total_seconds(), session_hash(session_key)])
        found = cursor.fetchone()
    if found is None:
        note(request)
        return session_key
    pk, revoked, stale = found
    if revoked:
        logout(request)
        messages.warning(request, _("这个登录会话已被结束，请重新登录。"))
        return None
    if stale:
        SignedInSession.objects.filter(pk=pk, revoked_at__isnull=True).update(
            seen_at=PortalNow(), ip=get_client_ip_address(request)
        )
    return session_key


def note(request: HttpRequest) -> None:
    """Write down that the user of ``request`` is signed in with its present session."""
    user = request.user
    if isinstance(user, User) and request.session.session_key is not None:
        note_session(
            session_key=request.session.session_key,
            actor=user,
            agent=request.headers.get("User-Agent", ""),
            ip=get_client_ip_address(request),
        )
