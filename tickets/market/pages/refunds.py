"""What the pages of orders and trades share: the way of money that goes back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.models import Role, User
from portal.accounts.queries import AnyUser, has_role
from portal.base.errors import NotFound
from tickets.market.models import RetailOrder, Trade
from tickets.market.operations import deny_refund, find_receipt, refund
from tickets.market.operations.refunds import unpaid_states


def act_on_refund(
    deal: RetailOrder | Trade, *, action: str, number: str, reason: str, user: User
) -> str:
    """One operation for the button that was pressed; what is said of it."""
    if action == "find":
        find_receipt(deal=deal, payment_number=number, actor=user)
        return _("已核实到账，待退款。")
    if action == "deny":
        deny_refund(deal=deal, reason=reason, actor=user)
        return _("已告知付款人。")
    if action == "refund":
        refund(deal=deal, refund_number=number, actor=user)
        return _("已登记退款。")
    raise NotFound()


def refund_rights(deal: RetailOrder | Trade, user: AnyUser) -> dict[str, bool]:
    """Which buttons of the refund ``user`` sees."""
    owed, found = deal.state == "refund", deal.found_by_id is not None
    over = owed or deal.state in unpaid_states(deal)
    clerk = has_role(user, Role.TRADING_CLERK)
    return {
        "may_find": over and clerk and not found,
        "may_deny": owed and clerk and not found,
        "may_refund": owed
        and found
        and has_role(user, Role.TRADING_APPROVER)
        and deal.found_by_id != user.pk,
    }
