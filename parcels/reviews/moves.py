"""The one table of a title review's moves (guarantee 2); the database's trigger is made from it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from parcels.models import TitleReview
from parcels.reviews.errors import ReviewMoveNotAllowed

State = TitleReview.State


class Move(models.TextChoices):
    """What is done to a review."""

    SUBMIT = "submit", _("提交")
    WITHDRAW = "withdraw", _("撤回")
    RETURN = "return", _("退回补正")
    PROPOSE = "propose", _("提出结论")
    RECALL = "recall", _("收回办理")
    END = "end", _("依职权终止")
    SEND_BACK = "send_back", _("退回经办")
    VERIFY = "verify", _("签署通过")
    REJECT = "reject", _("签署不予通过")


MOVES: dict[tuple[State, Move], State] = {
    (State.DRAFT, Move.SUBMIT): State.PREPARING,
    (State.RETURNED, Move.SUBMIT): State.PREPARING,
    (State.RETURNED, Move.RECALL): State.PREPARING,
    (State.PREPARING, Move.RETURN): State.RETURNED,
    (State.PREPARING, Move.PROPOSE): State.APPROVING,
    (State.APPROVING, Move.RETURN): State.RETURNED,
    (State.APPROVING, Move.SEND_BACK): State.PREPARING,
    (State.APPROVING, Move.VERIFY): State.VERIFIED,
    (State.APPROVING, Move.REJECT): State.REJECTED,
    (State.DRAFT, Move.WITHDRAW): State.WITHDRAWN,
    (State.PREPARING, Move.WITHDRAW): State.WITHDRAWN,
    (State.RETURNED, Move.WITHDRAW): State.WITHDRAWN,
    (State.DRAFT, Move.END): State.WITHDRAWN,
    (State.RETURNED, Move.END): State.WITHDRAWN,
}


def next_state(now: str, move: Move) -> State:
    """Where ``move`` leads from ``now``; ReviewMoveNotAllowed when the table has no such row."""
    state = State(now)
    if (state, move) not in MOVES:
        raise ReviewMoveNotAllowed(now=state.label, wanted=move.label)
    return MOVES[state, move]
