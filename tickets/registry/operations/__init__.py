"""Every write of the register: requests that a clerk prepares and an approver decides, and the
register's part of market and offset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.accounts.models import User
from portal.base.transactions import write_transaction
from tickets.registry.models import Registration
from tickets.registry.operations.circulation import (
    list_blocks,
    offset_blocks,
    open_cause,
    trade_listed,
    trade_to_offset,
    unlist_blocks,
)
from tickets.registry.operations.claims import end_claim_of_cancelled_issuance, prepare_end_claim
from tickets.registry.operations.endings import (
    change_shares,
    close_ticket,
    correct_ticket,
    prepare_change,
    prepare_close,
    prepare_correction,
    prepare_renumbering,
    renumber_owner,
)
from tickets.registry.operations.freezes import (
    freeze_blocks,
    freeze_disputed,
    freeze_found,
    lift_dispute,
    lift_freeze,
    prepare_freeze,
    prepare_lift,
    prepare_loss,
    prepare_reissue,
    prepare_settlement,
    publish_loss,
    raise_objection,
    reissue_ticket,
    settle_objection,
)
from tickets.registry.operations.issuing import issue_tickets, prepare_issue
from tickets.registry.operations.pledges import (
    enforce_pledge,
    pledge_blocks,
    prepare_enforcement,
    prepare_pledge,
    prepare_release,
    release_pledge,
)
from tickets.registry.operations.registrations import (
    NO_PAPER,
    Kind,
    Owners,
    Paper,
    PaperConsent,
    Part,
    give_consent,
    reject_registration,
)
from tickets.registry.operations.reminders import remind_of_ending_pledges
from tickets.registry.operations.reversals import cancel_blocks, prepare_cancellation
from tickets.registry.operations.successions import prepare_succession, register_succession
from tickets.registry.operations.transfers import (
    TRANSFERS,
    divide_ticket,
    prepare_division,
    prepare_transfer,
    transfer,
)

# Kind of request → the operation that decides it and writes the ledger.
WRITERS: dict[Registration.Kind, Callable[..., Any]] = {
    Kind.ISSUE: issue_tickets,
    **dict.fromkeys(TRANSFERS, transfer),
    Kind.DIVIDE: divide_ticket,
    Kind.PLEDGE: pledge_blocks,
    Kind.RELEASE: release_pledge,
    Kind.ENFORCE: enforce_pledge,
    Kind.FREEZE: freeze_blocks,
    Kind.LIFT: lift_freeze,
    Kind.CANCEL: cancel_blocks,
    Kind.LOSS: publish_loss,
    Kind.SETTLE: settle_objection,
    Kind.REISSUE: reissue_ticket,
    Kind.CORRECT: correct_ticket,
    Kind.CHANGE: change_shares,
    Kind.RENUMBER: renumber_owner,
    Kind.CLOSE: close_ticket,
    Kind.END_CLAIM: end_claim_of_cancelled_issuance,
    Kind.SUCCESSION: register_succession,
}


@write_transaction
def approve_registration(*, registration: Registration, actor: User) -> Registration:
    """Decide a request of any kind; what its own operation writes is found by the request's key."""
    WRITERS[Registration.Kind(registration.kind)](registration=registration, actor=actor)
    registration.refresh_from_db()
    return registration


__all__ = [
    "NO_PAPER",
    "TRANSFERS",
    "WRITERS",
    "Kind",
    "Owners",
    "Paper",
    "PaperConsent",
    "Part",
    "approve_registration",
    "cancel_blocks",
    "change_shares",
    "close_ticket",
    "correct_ticket",
    "divide_ticket",
    "end_claim_of_cancelled_issuance",
    "enforce_pledge",
    "freeze_blocks",
    "freeze_disputed",
    "freeze_found",
    "give_consent",
    "issue_tickets",
    "lift_dispute",
    "lift_freeze",
    "list_blocks",
    "offset_blocks",
    "open_cause",
    "pledge_blocks",
    "prepare_cancellation",
    "prepare_change",
    "prepare_close",
    "prepare_correction",
    "prepare_division",
    "prepare_end_claim",
    "prepare_enforcement",
    "prepare_freeze",
    "prepare_issue",
    "prepare_lift",
    "prepare_loss",
    "prepare_pledge",
    "prepare_reissue",
    "prepare_release",
    "prepare_renumbering",
    "prepare_settlement",
    "prepare_succession",
    "prepare_transfer",
    "publish_loss",
    "raise_objection",
    "register_succession",
    "reissue_ticket",
    "reject_registration",
    "release_pledge",
    "remind_of_ending_pledges",
    "renumber_owner",
    "settle_objection",
    "trade_listed",
    "trade_to_offset",
    "transfer",
    "unlist_blocks",
]
