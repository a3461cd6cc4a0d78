"""So many REST requests a minute, counted in the database for every worker alike."""

from __future__ import annotations

from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from portal.accounts.models import ApiToken, User
from portal.base.clock import now
from portal.base.policy import policy_number

POLICY = "api.requests_per_minute"
SECONDS_A_MINUTE = 60
_COUNT = """
INSERT INTO accounts_requestcount AS counted (user_id, minute, requests)
VALUES (%s, date_trunc('minute', portal_now()), 1)
ON CONFLICT (user_id) DO UPDATE SET minute = excluded.minute,
  requests = CASE WHEN counted.minute = excluded.minute THEN counted.requests + 1 ELSE 1 END
RETURNING requests
"""


def count_request(user: User) -> int:
    """Count one more request of the user's browsers; how many there were in this minute."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [user.pk])
        return int(cursor.fetchone()[0])


class RequestThrottle(BaseThrottle):
    """For each token, and for each user whose browsers ask."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, ApiToken):
            return request.auth.used_in_minute <= policy_number(POLICY)
        assert isinstance(request.user, User)  # The permission was asked before.
        return count_request(request.user) <= policy_number(POLICY)

    def wait(self) -> float:
        return SECONDS_A_MINUTE - now().second
