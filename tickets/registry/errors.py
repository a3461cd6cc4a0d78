"""Why an act of the register was refused: one class for each rule."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from portal.base.errors import PortalError
from portal.base.guarantees import stands_for
from portal.casework.errors import RegulationNotInForce


class RegistryError(PortalError):
    """A rule of the register was not kept."""

    code = "registry_error"
    message = _("登记未完成。")


class InvalidQuantity(RegistryError):
    """Not a positive number of whole kilograms."""

    code = "invalid_quantity"
    message = _(
        "数量“{text}”无效：请用半角数字填写大于零的数，不用千位分隔符；以吨计时最多三位小数。"
    )


class InvalidShares(RegistryError):
    """Numerators over one denominator that sum to it, each owner once."""

    code = "invalid_shares"
    message = _(
        "持有份额须为正整数、权利人不重复，且合计等于分母（现合计 {found}，分母 {wanted}）。"
    )


@stands_for("ticket_shares_sum_to_the_whole", "share_is_positive", "one_standing_share_per_owner")
class SharesDoNotSum(InvalidShares):
    """The database found the sum wrong."""

    code = "invalid_shares"


class InvalidSplit(RegistryError):
    """The parts of a division do not sum to the ticket."""

    code = "invalid_split"
    message = _("各部分合计 {found} 千克，与应分配的 {wanted} 千克不符。")


class BlockNotFree(RegistryError):
    """The kilograms asked for are listed, pledged, frozen or gone."""

    code = "block_not_free"
    message = _(
        "可处分的减排量不足：需要 {wanted} 千克，可用 {free} 千克（已挂牌、质押、冻结、抵消的不能处分）。"
    )


@stands_for("closed_block_was_standing", "heads_are_the_last_entries")
class BlockMovedOn(BlockNotFree):
    """Another act was before."""

    code = "block_not_free"
    message = _("减排量已由另一登记处理，请刷新后查看。")


@stands_for(
    "blocks_move_by_the_table", "tickets_open_by_their_acts", "shares_change_by_a_change",
    "what_closes_opens_again", "a_cause_is_made_once", "cause_is_what_was_registered",
    "tickets_end_by_their_acts",
    "certificate_is_what_was_retired", "nothing_is_retired_without_a_certificate",
)  # fmt: skip
class MoveNotAllowed(RegistryError):
    """The move is not in the table."""

    code = "move_not_allowed"
    message = _("减排量当前的状态不允许这一登记（{move}）。")


@stands_for("one_home_for_every_kilogram")
class KilogramHasAnotherHome(RegistryError):
    """The range is somewhere else already."""

    code = "kilogram_has_another_home"
    message = _("该区段的减排量已登记在别处。")


@stands_for("nothing_lost_nothing_made", "ordered_is_cancelled_or_owed")
class SumDiffers(RegistryError):
    """What an entry closes is what it opens."""

    code = "sum_differs"
    message = _("登记前后的减排量不一致，未予登记。")


class TicketClosed(RegistryError):
    """The ticket has ended, or still holds what would be lost with it."""

    code = "ticket_closed"
    message = _("碳票 {number} 已关闭或仍有在途减排量，不能办理。")


@stands_for(
    "ticket_is_open", "closed_ticket_holds_nothing_live", "ticket_has_a_parent_or_is_issued"
)
class TicketMovedOn(TicketClosed):
    """Found by the database, which says no number."""

    code = "ticket_closed"
    message = _("碳票已关闭或仍有在途减排量，不能办理。")


@stands_for("ticket_is_divided_whole")
class TicketNotWhole(RegistryError):
    """Dividing needs every kilogram held and free."""

    code = "ticket_not_whole"
    message = _("碳票的全部减排量均未挂牌、质押、冻结、抵消时方可分割；部分处分请办理部分转移。")


@stands_for("division_stays_among_the_owners")
class DivisionToOthers(RegistryError):
    """A division is no way around a transfer."""

    code = "division_to_others"
    message = _("分割只在原权利人之间进行；减排量转给他人的，请办理转移登记。")


class CoOwnerLosesShare(RegistryError):
    """Inheritance and merger replace one owner; the others are not asked and lose nothing."""

    code = "co_owner_loses_share"
    message = _(
        "继承、公司合并只承继一位权利人的份额：{names}的份额都会减少；其他共有人须在受让方中保持原份额。"
    )


@stands_for("issued_at_most_what_was_signed", "issuance_is_positive")
class IssuedTooMuch(RegistryError):
    """More than the ecology bureau signed."""

    code = "issued_too_much"
    message = _("制发数量超过备案签发的减排量。")


@stands_for("registry_issuance_filing_id_key", "issuance_begins_once")
class AlreadyIssued(RegistryError):
    """A filing is issued once."""

    code = "already_issued"
    message = _("该备案的减排量已经制发。")


@stands_for("issued_on_claimed_land", "issued_as_filed")
class ClaimNotFiled(RegistryError):
    """Issued is what is filed, on land that is claimed."""

    code = "claim_not_filed"
    message = _("项目的减排量尚未备案签发，不能制发。")


stands_for("issued_under_a_regulation_in_force")(RegulationNotInForce)


@stands_for("issued_to_the_applicants")
class IssuedToOthers(RegistryError):
    """Whose land and forest it is, by the application's shares (article 5)."""

    code = "issued_to_others"
    message = _("减排量只能按申报时的份额制发给申报人（已合并的，制发给承继的主体）。")


class PartyUnknown(RegistryError):
    """Not a checked party."""

    code = "party_unknown"
    message = _("权利主体“{name}”未登记或身份尚未核验，不能登记为权利人。")


@stands_for("nothing_passes_to_who_ceased")
class PartyMerged(RegistryError):
    """Merged into another, or dead: nothing is registered to it any more."""

    code = "party_merged"
    message = _("“{name}”已由“{successor}”承继，请登记到承继的主体。")


@stands_for("successor_stands_itself")
class SuccessorMerged(RegistryError):
    """The database found that the successor has been succeeded itself."""

    code = "party_merged"
    message = _("承继者自身已被承继，请登记到最终承继的主体。")


@stands_for("nobody_succeeds_to_themselves")
class SuccessionToSelf(RegistryError):
    """Who has ceased is in nobody's place."""

    code = "succession_to_self"
    message = _("承继者与被承继者相同。")


class SuccessionInFuture(RegistryError):
    """Until the day comes the former one stands."""

    code = "succession_in_future"
    message = _("生效日期不能晚于今天：到期后再登记。")


@stands_for("succession_is_registered", "succession_stands_on_a_document", "own_people_act_no_more")
class SuccessionNotRegistered(RegistryError):
    """A successor is recorded by clerk and approver, on a document, and the former one's mandates end."""

    code = "succession_not_registered"
    message = _("主体承继须凭文件由经办人受理、审批人登记，原主体的委托同时终止。")


class TransferToSelf(RegistryError):
    """The transferee is the holder."""

    code = "transfer_to_self"
    message = _("受让方与转让方相同。")


class DocumentMissing(RegistryError):
    """The act needs the document that it stands on."""

    code = "document_missing"
    message = _("缺少依据文件：{what}。")


@stands_for("one_sale_per_confirmation")
class ConfirmationUsed(RegistryError):
    """A deal of the trading centre over a ticket is registered once."""

    code = "confirmation_used"
    message = _("该成交确认书已用于这张碳票的买卖转移登记，或属于另一宗交易。")


@stands_for("paper_comes_back_before_its_ticket_closes")
class PaperOutstanding(RegistryError):
    """A printed ticket is closed with its paper (article 16; domain.md, "Paper")."""

    code = "paper_outstanding"
    message = _(
        "该碳票已印制纸质碳票 {count} 份，办理后原票关闭：请登记纸质碳票已交回或已标记；遗失的，请先办理挂失补发。"
    )


class PaperNotSeen(RegistryError):
    """What the applicant says of the paper is confirmed by whoever takes it in."""

    code = "paper_not_seen"
    message = _("申请人称纸质碳票已交回或已标记：请核对实物并勾选确认后受理。")


@stands_for("registry_printreturn_pkey")
class PaperTakenIn(RegistryError):
    """No printing is outstanding."""

    code = "paper_taken_in"
    message = _("没有尚未交回的纸质碳票。")


@stands_for("marks_are_of_acts_since_the_printing", "one_mark_of_an_act")
class NothingToMark(RegistryError):
    """Every pledge and offset since the printing is on the outstanding papers."""

    code = "nothing_to_mark"
    message = _("没有需要在纸质碳票上批注的事项。")


class MarksMovedOn(RegistryError):
    """What is due on the papers is not what the clerk was shown."""

    code = "marks_moved_on"
    message = _("需要批注的事项已有变化，请按最新列出的事项批注后再登记。")


@stands_for("every_owner_agreed")
class ConsentMissing(RegistryError):
    """Co-owners hold every kilogram together."""

    code = "consent_missing"
    message = _(
        "共有碳票的处分须经全体共有人同意（尚缺 {count} 人）；也可由受委托的代表在权限内办理，"
        "或先按份额分割后各自处分。"
    )


class ConsentOfAStranger(RegistryError):
    """A paper consent names somebody whom the act does not ask."""

    code = "consent_of_a_stranger"
    message = _("书面同意中有人不是这一登记须征得同意的人，请核对名单。")


class MandateTooSmall(RegistryError):
    """The mandate ends at fewer kilograms."""

    code = "mandate_too_small"
    message = _("委托权限为 {limit} 千克，不足以办理 {wanted} 千克。")


@stands_for("who_prepared_a_registration_does_not_decide_it", "request_is_not_born_decided")
class SamePerson(RegistryError):
    """Who prepared does not decide."""

    code = "same_person"
    message = _("经办人不能审批自己受理的登记，请由另一位工作人员审批。")


@stands_for("a_request_is_registered_once")
class RegistrationDecided(RegistryError):
    """Somebody decided meanwhile."""

    code = "registration_decided"
    message = _("该登记申请已经作出决定，请刷新后查看。")


@stands_for("act_is_what_was_asked")
class WrongRegistration(RegistryError):
    """The request is for another act."""

    code = "wrong_registration"
    message = _("该登记申请不是这一事项。")


class OwnersDiffer(RegistryError):
    """A change keeps the owners; others come by a transfer."""

    code = "owners_differ"
    message = _("变更登记不涉及资产转移，权利人须与原来相同；增减权利人的，请办理转移登记。")


class NothingToChange(RegistryError):
    """Neither other shares nor a new name with whose it is."""

    code = "nothing_to_change"
    message = _("请填写变更后的份额，或更名的权利人及其新名称。")


class PledgeToSelf(RegistryError):
    """A pledge secures somebody else's claim."""

    code = "pledge_to_self"
    message = _("质权人不能是碳票的持有人。")


class NotThePledgee(RegistryError):
    """Only the bank that holds the pledge gives it back."""

    code = "not_the_pledgee"
    message = _("只有质权人可以申请解除或实现该质押。")


@stands_for(
    "pledge_amounts_are_positive",
    "pledge_ends_after_it_begins",
    "only_the_first_rank_stands_behind_nobody",
)
class PledgeTermsWrong(RegistryError):
    """Amount, term or rank."""

    code = "pledge_terms_wrong"
    message = _("质押的金额、期限或顺位有误：金额须大于零，止日不早于起日和今天，起日不过晚。")


@stands_for(
    "one_pledge_of_an_external_number", "one_pledge_per_rank", "later_rank_enters_in_its_turn"
)
class PledgeTwice(RegistryError):
    """The registration number or the rank is taken."""

    code = "pledge_twice"
    message = _("该中登网登记编号已经登记，或该顺位已有质权人。")


class PledgeEnded(RegistryError):
    """Nothing is pledged under it any more."""

    code = "pledge_ended"
    message = _("该质押已全部解除。")


@stands_for("decision_has_its_document", "court_order_has_its_document")
class DecisionMissing(DocumentMissing):
    """By a court's or a notary's document alone, whoever writes the entry."""

    code = "document_missing"

    def __init__(self, **facts: object) -> None:
        super().__init__(what=_("裁判文书、公证文书或协助执行通知"), **facts)


@stands_for("court_freezes_by_a_numbered_order", "freeze_is_positive", "freeze_is_ordered")
class FreezeNotOrdered(RegistryError):
    """A court's freeze names court and order."""

    code = "freeze_not_ordered"
    message = _("冻结须写明决定机关和文号。")


class FreezeLifted(RegistryError):
    """The order lies on nothing any more."""

    code = "freeze_lifted"
    message = _("该冻结已经解除。")


@stands_for("shares_change_on_unfrozen_tickets")
class TicketFrozen(RegistryError):
    """An order lies on it: what it secures stays as it is."""

    code = "ticket_frozen"
    message = _("碳票上有冻结的减排量，解除冻结前不能变更份额或更正换发。")


@stands_for("registration_is_prepared_by_no_party")
class PreparerActed(RegistryError):
    """Whoever prepared it acted for a party at that time."""

    code = "preparer_is_a_party"
    message = _("经办人在受理时代表本案的一方当事人，本案只能不予登记，另行申请。")


class PledgeeNotAgreed(RegistryError):
    """Shares of a pledged ticket are rewritten with the bank's consent."""

    code = "pledgee_not_agreed"
    message = _("碳票有质押，变更份额须经质权人同意（尚缺：{names}）。")


class NothingToCorrect(RegistryError):
    """Nothing live is left for a new ticket to take over."""

    code = "nothing_to_correct"
    message = _("碳票的减排量已经用尽，不再更正换发；请办理用尽注销。")


@stands_for("prints_are_of_standing_tickets")
class NotPrinted(RegistryError):
    """A paper of a ticket that has ended or is under loss notice would pass for a good one."""

    code = "not_printed"
    message = _("碳票已关闭或正在挂失公告中，不印制纸质碳票；补发的新票可以印制。")


@stands_for("prints_are_of_unlisted_tickets")
class ListedNotPrinted(RegistryError):
    """A buyer may have paid for what is on the list: a paper of it would be void once he has it."""

    code = "listed_not_printed"
    message = _("碳票有减排量正在挂牌或待交割，不印制纸质碳票；撤牌或成交结束后可以印制。")


class LossPublished(RegistryError):
    """One notice runs already."""

    code = "loss_published"
    message = _("该碳票正在挂失公告中，不重复挂失。")


class NoticeRunning(RegistryError):
    """The public notice has not ended."""

    code = "notice_running"
    message = _("挂失公告至 {ends_on} 期满，期满后方可补发。")


class NoticeObjected(RegistryError):
    """An objection stands."""

    code = "notice_objected"
    message = _("挂失公告期内有异议尚未处理或异议成立，不能补发。")


@stands_for("objection_is_settled_by_two", "objection_is_settled_for_a_reason")
class SettledAlone(RegistryError):
    """An objection is settled by a registration: clerk, approver, reason and document."""

    code = "objection_settled_alone"
    message = _("挂失异议须经办人写明理由、附处理意见，由另一位工作人员审批。")


class NoticeEnded(RegistryError):
    """The notice is over: reissued or withdrawn."""

    code = "notice_ended"
    message = _("该挂失公告已经结束。")


class NotUsedUp(RegistryError):
    """Something live is left."""

    code = "not_used_up"
    message = _("碳票上仍有 {left} 千克减排量未使用，不能按用尽注销。")


class CancelReasonGone(RegistryError):
    """Prepared for a reason that orders give no more."""

    code = "cancel_reason_gone"
    message = _("这一注销原因已不再适用：请作不予登记处理，按现行原因另行受理。")


class NothingToCancel(RegistryError):
    """Everything is gone already."""

    code = "nothing_to_cancel"
    message = _("没有可以核减的数量。")


class OrderedTooMuch(BlockNotFree):
    """Orders on an issuance reduce it by at most what it was."""

    code = "ordered_too_much"
    message = _("本次要求核减 {wanted} 千克，该次制发中尚未核减、也未记为欠缴的只有 {free} 千克。")


@stands_for("filed_claim_ends_with_its_whole_issuance", "claim_ends_by_a_numbered_decision")
class IssuanceNotCancelled(RegistryError):
    """Its land stays claimed: something was offset, or is held still."""

    code = "issuance_not_cancelled"
    message = _("只有全部减排量依决定注销、且从未抵消的，才能另行决定终止其土地占用。")


class BankNotAgreed(RegistryError):
    """Holder and bank ask for a pledge together."""

    code = "bank_not_agreed"
    message = _("质权人尚未确认这一质押申请，确认后方可受理。")


class PartyNotFound(RegistryError):
    """A name with the last four of its number that nobody, or more than one, answers to."""

    code = "party_unknown"
    message = _("没有找到已核验的主体“{name}”（证件尾号 {last4}），请核对名称和证件号后四位。")


class RequestUnreadable(RegistryError):
    """What was asked cannot be prepared as it was filled in: the clerk returns it."""

    code = "request_unreadable"
    message = _("申请内容不能受理：{reason}")


class InvalidMoment(RegistryError):
    """Not a day or moment between the first issue and now."""

    code = "invalid_moment"
    message = _("查询时间有误：{reason}")
