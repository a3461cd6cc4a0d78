"""Each act of a title's review: submitting, proposing, signing, returning, and what goes with it."""

from parcels.reviews.operations.authority import has_part_in, require_officer
from parcels.reviews.operations.changes import (
    RESHAPED_TOO,
    change_by_office,
    change_of,
    change_the_others,
    held_land,
)
from parcels.reviews.operations.checks import recheck_review, show_check
from parcels.reviews.operations.following import follow_register, take_up_in_open_cases
from parcels.reviews.operations.handing_in import (
    OPENED_BY_OFFICE,
    end_change,
    open_takeover_case,
    submit_title,
    withdraw_review,
)
from parcels.reviews.operations.records import locked, record, tell_owner
from parcels.reviews.operations.remarks import say_in_review, tick_side
from parcels.reviews.operations.verdicts import (
    propose_outcome,
    recall_review,
    return_title,
    send_back,
    sign_review,
    take_review,
)

__all__ = [
    "OPENED_BY_OFFICE",
    "RESHAPED_TOO",
    "change_by_office",
    "change_of",
    "change_the_others",
    "end_change",
    "follow_register",
    "has_part_in",
    "held_land",
    "locked",
    "open_takeover_case",
    "propose_outcome",
    "recall_review",
    "recheck_review",
    "record",
    "require_officer",
    "return_title",
    "say_in_review",
    "send_back",
    "show_check",
    "sign_review",
    "submit_title",
    "take_review",
    "take_up_in_open_cases",
    "tell_owner",
    "tick_side",
    "withdraw_review",
]
