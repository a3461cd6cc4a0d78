"""What the pages answer alike."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.accounts.models import User
from portal.accounts.operations import require_second_factor
from portal.accounts.second_factor import confirmed_device, present_code
from portal.base.errors import PortalError
from portal.base.idempotency import RequestStillRunning, act_once
from portal.casework.errors import DocumentTooLarge
from tickets.market.errors import (
    BiddingClosed,
    BiddingNotOpen,
    BiddingRuns,
    ConfirmedAlready,
    ContractMovedOn,
    DepositDecided,
    DepositHeld,
    DepositTwice,
    ListingMovedOn,
    ListingNotOpen,
    NotEnoughListed,
    OrderMovedOn,
    PaymentUsed,
    PoolExists,
    PoolNotOpen,
    PremiumMovedOn,
    TradeDisputed,
    TradeMovedOn,
)
from tickets.registry.errors import BlockNotFree, TicketClosed

# Of a form, what does not make it another request.
UNSIGNED = frozenset({"csrfmiddlewaretoken", "code", "request_key"})
# Whoever orders without an account: the form's random key alone tells requests apart.
VISITOR = uuid.UUID(int=0)
OK, REFUSED, CONFLICT, TOO_LARGE = 200, 422, 409, 413
MOVED_ON = (
    RequestStillRunning,
    ContractMovedOn, OrderMovedOn, PoolExists, PoolNotOpen, PremiumMovedOn,
    BiddingClosed, BiddingNotOpen, BiddingRuns, BlockNotFree, ConfirmedAlready, DepositDecided, DepositHeld,
    DepositTwice, ListingMovedOn, ListingNotOpen, NotEnoughListed, PaymentUsed, TicketClosed,
    TradeDisputed, TradeMovedOn,
)  # fmt: skip


def status_of(refusal: PortalError) -> int:
    if isinstance(refusal, DocumentTooLarge):
        return TOO_LARGE
    return CONFLICT if isinstance(refusal, MOVED_ON) else REFUSED


def second_factor(user: User, code: str) -> bool:
    """Whether a code was given and right; counted and committed before the act."""
    if not code.strip():
        return False
    require_second_factor(user=user, code=code.strip())
    return True


def once(request: HttpRequest, actor_key: uuid.UUID, operation: str, act: Callable[[], str]) -> str:
    """The answer of ``act``, done once for the form's key: a second click buys nothing more."""
    content = sorted((name, value) for name, value in request.POST.items() if name not in UNSIGNED)
    answer = act_once(
        actor_key=actor_key,
        operation=operation,
        key=request.POST.get("request_key", ""),
        content=[*content, request.path],
        act=act,
    )
    return str(answer.body)


def demo_code(user: Any) -> str:
    """The present code under the demo's banner; empty elsewhere."""
    if not settings.DEMO_ACCOUNTS or not isinstance(user, User):
        return ""
    device = confirmed_device(user)
    return present_code(device)[0] if device else ""
