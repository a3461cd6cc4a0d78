"""Why an act of the market was refused: one class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for


class MarketError(PortalError):
    """A rule of the market was not kept."""

    code = "market_error"
    message = _("交易未完成。")


class InvalidPrice(MarketError):
    """Not a positive amount of yuan with at most two places."""

    code = "invalid_price"
    message = _("价格“{text}”无效：请用半角数字填写大于零的元数，最多两位小数，不用千位分隔符。")


@stands_for("deal_costs_at_least_a_fen")
class DealTooSmall(MarketError):
    """The amount rounds to nothing."""

    code = "deal_too_small"
    message = _("金额不足一分：请增加数量或提高价格。")


@stands_for("listing_is_positive", "listing_says_its_method")
class TermsWrong(MarketError):
    """Lot, step, reserve, deposit or times do not fit together."""

    code = "terms_wrong"
    message = _("挂牌条件有误：{reason}")


class PriceBelowMandate(MarketError):
    """The mandate names a lowest price."""

    code = "price_below_mandate"
    message = _("委托书约定的最低价为每吨 {floor} 元，不能低于此价挂牌。")


@stands_for("listing_moves_by_the_table")
class ListingMovedOn(MarketError):
    """Somebody decided meanwhile."""

    code = "listing_moved_on"
    message = _("该挂牌已经办理或已经结束，请刷新后查看。")


@stands_for("list_moves_by_its_deals")
class NoSuchDeal(MarketError):
    """An entry of the list that no trade, order or dispute says."""

    code = "no_such_deal"
    message = _("没有相应的成交、订单或争议处理，未予登记。")


@stands_for("what_is_listed_keeps_its_ticket")
class TicketListed(MarketError):
    """A correction or reissue waits for the list: offers, orders and deals name the present ticket."""

    code = "ticket_listed"
    message = _(
        "该碳票尚有减排量在挂牌或成交未办结，更正、补发、变更共有方式都要换发新票：请先撤下挂牌，成交待其办结后再登记；补发的，只待未付款的成交办结或逾期失效。"
    )


@stands_for(
    "who_prepared_a_listing_does_not_approve_it", "who_asked_does_not_settle_a_trade",
    "who_prepared_a_pool_does_not_approve_it", "who_accepted_a_deposit_does_not_end_it",
    "who_found_the_receipt_of_order_does_not_refund_it",
    "who_found_the_receipt_of_trade_does_not_refund_it",
    "who_has_a_part_in_a_trade_does_not_decide_it",
)  # fmt: skip
class SamePerson(MarketError):
    """Who prepared does not decide, and nobody decides on an own deal."""

    code = "same_person"
    message = _("经办人和交易当事人不能审批同一笔交易，请由另一位工作人员办理。")


class AgreementStands(MarketError):
    """An agreement that was opened is a deal of both; neither side takes it off the list."""

    code = "agreement_stands"
    message = _("协议转让已成交，不能撤牌；如有异议，请在成交页提出争议。")


class BuyerNotConfirmed(MarketError):
    """An agreement needs both."""

    code = "buyer_not_confirmed"
    message = _("受让方尚未确认，交易中心不能受理。")


class ConfirmedAlready(MarketError):
    """Two confirmations of one deal."""

    code = "confirmed_already"
    message = _("该笔交易已经确认过，不需重复确认。")


@stands_for("nobody_buys_their_own")
class SellerCannotBuy(MarketError):
    """Nobody bids for or buys their own."""

    code = "seller_cannot_buy"
    message = _("出让方（及其代表）不能购买或竞买自己的碳票。")


class NewCounterparty(MarketError):
    """The first deal of two parties asks for the second factor."""

    code = "new_counterparty"
    message = _("双方首次交易，请输入第二因素验证码确认。")


@stands_for("trades_stay_within_the_listing")
class NotEnoughListed(MarketError):
    """Listed kilograms that no other trade waits for."""

    code = "not_enough_listed"
    message = _("可成交的数量不足：需要 {wanted} 千克，可成交 {free} 千克。")


class LotTooSmall(MarketError):
    """Less than the smallest lot, and not all that is left."""

    code = "lot_too_small"
    message = _("购买数量不得少于最小成交量 {least} 千克（剩余不足时须全部购买）。")


@stands_for("trade_is_of_an_open_listing")
class ListingNotOpen(MarketError):
    """Not listed yet, or no more."""

    code = "listing_not_open"
    message = _("该挂牌未在挂牌期内，不能购买。")


@stands_for(
    "trade_moves_by_the_table", "one_entry_for_one_trade", "settled_trade_has_its_entry",
    "refunded_trade_is_whole", "trade_is_decided_by_somebody",
    "refund_of_trade_is_denied_by_somebody",
    "trade_is_what_was_agreed",
)  # fmt: skip
class TradeMovedOn(MarketError):
    """Settled, lapsed, annulled or refunded already."""

    code = "trade_moved_on"
    message = _("该笔成交已经结算或已经失效，请刷新后查看。")


@stands_for("disputed_trade_stands")
class TradeDisputed(MarketError):
    """A dispute stands: nothing moves until it is decided."""

    code = "trade_disputed"
    message = _("该笔成交有争议尚未处理，暂停结算。")


class PaymentNotShown(MarketError):
    """The cashier confirms what was shown."""

    code = "payment_not_shown"
    message = _("受让方尚未上传付款凭证。")


@stands_for("shown_payment_stands")
class PaymentShown(MarketError):
    """One payment at a time: the cashier looks at the one that was shown."""

    code = "payment_shown"
    message = _("付款凭证已提交，请等待交易中心确认；退回后才能另行提交。")


class PaymentForAnotherDeal(MarketError):
    """Number or amount are another deal's."""

    code = "payment_for_another_deal"
    message = _("付款凭证与本笔成交不符：本笔成交编号 {number}，应付 {amount} 元。")


@stands_for("market_bankpayment_pkey")
class PaymentUsed(MarketError):
    """The number at the bank, or the file, stands for another receipt or refund already."""

    code = "payment_used"
    message = _("该银行流水号或凭证文件已登记在另一笔款项上。")


# --- retail -------------------------------------------------------------------------------------
@stands_for("pool_says_its_terms", "pool_keeps_to_its_listing")
class PoolTermsWrong(MarketError):
    """Tonnes, purposes, largest amount or term do not fit the listing."""

    code = "pool_terms_wrong"
    message = _(
        "零售池的条件有误：数量不超过挂牌，用途至少一项，单笔上限不超过总量，止日不早于起日。"
    )


@stands_for("one_pool_of_a_listing")
class PoolExists(MarketError):
    """A listing feeds one pool."""

    code = "pool_exists"
    message = _("该挂牌已有零售池。")


@stands_for("pool_moves_by_the_table", "retail_order_is_of_an_open_pool")
class PoolNotOpen(MarketError):
    """Not approved, over, or outside its term."""

    code = "pool_not_open"
    message = _("该零售池未开放或已结束。")


@stands_for("retail_order_is_within_its_pool", "order_without_a_pool_is_for_eco_justice")
class OrderOutsidePool(MarketError):
    """Too little, too much at once, another purpose, or more than is left."""

    code = "order_outside_pool"
    message = _("单笔数量须为 {least} 至 {most} 千克，用途须在零售池批准的范围内。")


@stands_for(
    "retail_order_moves_by_the_table", "settled_order_has_its_certificate",
    "refunded_order_is_whole", "refund_of_order_is_denied_by_somebody",
)  # fmt: skip
class OrderMovedOn(MarketError):
    """Settled, lapsed or refunded already."""

    code = "order_moved_on"
    message = _("该订单已经办结或已经失效。")


@stands_for("receipt_of_order_is_owed_back", "receipt_of_trade_is_owed_back")
class ReceiptNotFound(MarketError):
    """The clerk looks for the money before the approver gives it back."""

    code = "receipt_not_found"
    message = _("交易中心经办人尚未核实到账，不能退款。")


class TooManyWaiting(MarketError):
    """One way to be reached, and too many orders that nobody paid for yet."""

    code = "too_many_waiting"
    message = _("同一联系方式已有 {most} 笔待付款的订单，请先付款或等其失效。")


@stands_for("unpaid_orders_leave_some_to_others")
class PoolHeldByUnpaid(MarketError):
    """One buyer, known by account or contact, or all visitors together hold their share by orders that
    are not paid yet."""

    code = "pool_held_by_unpaid"
    message = _(
        "为了让大家都能买到，未付款的订单只能占用零售池的一部分：您现在最多还可下单 {free} 千克。"
        "请先付清已有订单，或稍后再试（未付款的到期自动释放）；以通过身份核验的账户下单不受访客合计上限限制。"
    )


class NameRefused(MarketError):
    """Ecology refused the name."""

    code = "name_refused"
    message = _("名称“{name}”未通过审核，不能印在凭证上。")


# --- reserve purchase ---------------------------------------------------------------------------
@stands_for("reserve_contract_is_positive")
class ContractTermsWrong(MarketError):
    """Parties, quantity, share or term."""

    code = "contract_terms_wrong"
    message = _("收储合同条件有误：{reason}")


@stands_for("reserve_contract_moves_by_the_table")
class ContractMovedOn(MarketError):
    """Not in force, or decided already."""

    code = "contract_moved_on"
    message = _("该收储合同未生效、已结束或已经确认。")


class ContractQuantity(MarketError):
    """More than the body promised to buy."""

    code = "contract_quantity"
    message = _("超出合同约定的收储数量：尚可交付 {left} 千克。")


@stands_for("reserved_tonnes_are_resold_at_a_price")
class ReservedTonnes(MarketError):
    """Bought under a reserve contract: the premium needs a price that the portal knows."""

    code = "reserved_tonnes"
    message = _(
        "碳票 {number} 的减排量按收储合同购入，须在本平台挂牌、协议转让或经零售池出售，"
        "才能结算溢价分成（第十三条）。"
    )


@stands_for(
    "premium_moves_by_the_table", "premium_is_of_its_resale", "resale_owes_its_premium"
)  # fmt: skip
class PremiumMovedOn(MarketError):
    """Paid or confirmed already."""

    code = "premium_moved_on"
    message = _("该溢价分成已经支付或已经确认。")


# --- bidding ------------------------------------------------------------------------------------
@stands_for("bidding_has_begun")
class BiddingNotOpen(MarketError):
    """Before the opening, or no bidding at all."""

    code = "bidding_not_open"
    message = _("竞价尚未开始或不是竞价挂牌。")


@stands_for("no_bid_after_the_close")
class BiddingClosed(MarketError):
    """The one clock has passed the closing."""

    code = "bidding_closed"
    message = _("竞价已经截止，报价未予接受。")


class BiddingRuns(MarketError):
    """The result is made after the close."""

    code = "bidding_runs"
    message = _("竞价尚未截止，不能确定结果。")


@stands_for("bid_reaches_the_start")
class BidBelowStart(MarketError):
    """Below the start price."""

    code = "bid_below_start"
    message = _("报价低于起始价。")


@stands_for("bid_is_on_the_step")
class BidOffStep(MarketError):
    """Not the start price and whole steps."""

    code = "bid_off_step"
    message = _("报价须为起始价加若干个加价幅度。")


@stands_for("bid_is_not_below_the_top", "bid_is_above_ones_own")
class BidTooLow(MarketError):
    """Below the highest, or not above one's own former bid."""

    code = "bid_too_low"
    message = _("报价不得低于当前最高价，并须高于本人此前的报价。")


@stands_for("bid_has_its_deposit")
class DepositMissing(MarketError):
    """The centre has not accepted a deposit of the bidder."""

    code = "deposit_missing"
    message = _("保证金尚未经交易中心确认，不能报价。")


@stands_for("one_deposit_of_a_bidder")
class DepositTwice(MarketError):
    """Shown already."""

    code = "deposit_twice"
    message = _("该竞买人的保证金凭证已经提交。")


@stands_for("deposit_moves_by_the_table", "accepted_deposit_names_its_receipt")
class DepositDecided(MarketError):
    """Decided already."""

    code = "deposit_decided"
    message = _("该保证金已经办理。")


@stands_for("deposit_stands_while_the_bidding_runs")
class DepositHeld(MarketError):
    """The bidding is open, or what the bidder won is not settled."""

    code = "deposit_held"
    message = _("竞价尚未结束或该竞买人的成交尚未结算，保证金暂不能退还或没收。")


@stands_for("only_who_won_and_did_not_pay_forfeits")
class NothingToForfeit(MarketError):
    """The bidder did not win, or paid."""

    code = "nothing_to_forfeit"
    message = _("只有成交后逾期未付款的竞买人，其保证金才不予退还。")
