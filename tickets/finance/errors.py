"""One class for each rule of finance."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class FinanceError(PortalError):
    """A rule of finance was not kept."""

    code = "finance_error"


@stands_for(
    "confirmed_finance_row_ends_after_it_begins",
    "finance_row_is_ended_by_somebody",
    "finance_row_is_struck_for_a_reason",
    "finance_row_is_whole",
    "insurance_policy_ends_early_for_a_reason",
    "insurance_policy_is_whole",
    "insurance_claim_is_whole",
)
class FinanceIncomplete(FinanceError):
    """Number, amount and term belong to every row; only a confirmed one ends, within its term where
    it ends early, and what is struck or ended early says why."""

    code = "finance_incomplete"
    message = _(
        "内容不完整：须有编号、大于零的金额，且止日不早于起日；经确认的登记才能结清；"
        "撤销和提前终止须写明理由，提前终止的日期在保险期间内。"
    )


@stands_for("one_finance_row_of_a_contract", "one_insurance_policy_of_a_number")
class NumberTwice(FinanceError):
    """This institution has told this number before."""

    code = "number_twice"
    message = _("该机构的这个编号已经登记过。")


@stands_for(
    "who_records_a_finance_row_does_not_confirm_it", "who_records_a_finance_row_does_not_strike_it"
)
class OwnFinanceRow(FinanceError):
    """Who decides does not decide alone."""

    code = "own_finance_row"
    message = _("登记人不能确认或撤销自己登记的内容，请由另一人办理。")


@stands_for("struck_finance_row_stands")
class RowStruck(FinanceError):
    """What was struck is neither confirmed nor ended; it is recorded anew."""

    code = "finance_row_struck"
    message = _("这项登记已撤销，不能再确认、结清或撤销。如需更正，请重新登记。")


@stands_for("insurance_policy_ends_once")
class PolicyEnded(FinanceError):
    """It has ended before."""

    code = "insurance_policy_ended"
    message = _("这份保险已提前终止。")


@stands_for("insurance_policy_ends_after_its_claims")
class ClaimedLater(FinanceError):
    """A claim that is not refused tells of a later day."""

    code = "claimed_later"
    message = _("这份保险有更晚出险的理赔，终止日期不能早于出险日期。")


@stands_for("no_claim_on_a_cancelled_ticket")
class TicketCancelled(FinanceError):
    """What is out of circulation cannot be lost again."""

    code = "ticket_cancelled"
    message = _("碳票已注销，不能再就它申请理赔。")


@stands_for("claim_happened_within_the_term")
class OutsideTheTerm(FinanceError):
    """The event lies outside the insurance's term, or in the future."""

    code = "outside_the_term"
    message = _("出险日期不在保险期间内，或晚于今天。")


@stands_for("paid_at_most_what_is_insured")
class MoreThanInsured(FinanceError):
    """All payments together stay within the sum insured."""

    code = "more_than_insured"
    message = _("赔付合计超过保险金额。")
