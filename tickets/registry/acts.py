"""Every kind of registration as a value: who may ask, with which form and materials, and how the
clerk prepares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import PartyNumber, User
from tickets.registry.errors import PledgeEnded
from tickets.registry.forms import owners_from, parts_from
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    FreezeOrder,
    LossNotice,
    LossObjection,
    Pledge,
    Registration,
)
from tickets.registry.operations import (
    Kind,
    Paper,
    PaperConsent,
    prepare_cancellation,
    prepare_change,
    prepare_close,
    prepare_correction,
    prepare_division,
    prepare_end_claim,
    prepare_enforcement,
    prepare_freeze,
    prepare_issue,
    prepare_lift,
    prepare_loss,
    prepare_pledge,
    prepare_reissue,
    prepare_release,
    prepare_renumbering,
    prepare_settlement,
    prepare_succession,
    prepare_transfer,
)
from tickets.registry.operations.registrations import ASKING_OWNERS
from tickets.registry.queries import pledges_on
from tickets.registry.ranks import ranks_of

Given = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to the ledger: what it is about, what was typed, who, which papers."""

    kind: Registration.Kind
    subject: Any
    given: Given
    actor: User
    asked_by: User | None
    files: Mapping[str, bytes]  # Slot → SHA-256.
    labels: Mapping[str, str]
    new_number: PartyNumber | None = None

    @property
    def document(self) -> Paper:
        """What the act stands on."""
        return Paper(
            number=self.given.get("number") or "",
            sha256=self.files.get("document"),
            authority=self.given.get("authority") or "",
        )

    @property
    def paper(self) -> Registration.Paper:
        """What became of the printed ticket."""
        return Registration.Paper(self.given.get("paper") or "")

    @property
    def materials(self) -> list[tuple[str, bytes]]:
        """What was handed in, by its label."""
        return [(self.labels[slot][:120], sha256) for slot, sha256 in self.files.items()]

    @property
    def consents(self) -> list[PaperConsent]:
        """The owners who agreed on the one paper that was handed in."""
        paper = self.files.get("consent")
        if paper is None:
            return []
        rows = self.given.get("paper_consents") or []
        return [PaperConsent(party, paper) for party, _text in rows]


@dataclass(frozen=True, slots=True)
class Act:
    """``subject`` is what the address names; ``office_only`` acts nobody asks for."""

    kind: Registration.Kind
    article: str
    about: str | Promise
    subject: str
    fields: tuple[str, ...]
    slots: tuple[tuple[str, str | Promise, bool], ...]  # Slot, label, needed.
    prepare: Callable[[Asked], Registration]
    office_only: bool = False
    by_pledgee: bool = False


def _issue(asked: Asked) -> Registration:
    return prepare_issue(
        filing=asked.subject,
        asked_by=asked.asked_by or asked.actor,
        actor=asked.actor,
        quantity_kg=asked.given.get("quantity"),
        separately=bool(asked.given.get("separately")),
        materials=asked.materials,
    )


def _transfer(asked: Asked) -> Registration:
    return prepare_transfer(
        kind=asked.kind,
        ticket=asked.subject,
        to=owners_from(asked.given["to"]),
        document=asked.document,
        actor=asked.actor,
        quantity_kg=asked.given.get("quantity"),
        effective_on=asked.given.get("effective_on"),
        asked_by=asked.asked_by,
        consents=asked.consents,
        paper=asked.paper,
        materials=asked.materials,
    )


def _divide(asked: Asked) -> Registration:
    return prepare_division(
        ticket=asked.subject,
        actor=asked.actor,
        parts=parts_from(asked.given.get("parts") or []),
        asked_by=asked.asked_by,
        consents=asked.consents,
        paper=asked.paper,
        document=asked.document,
    )


def _pledge(asked: Asked) -> Registration:
    ticket: CarbonTicket = asked.subject
    behind = last_pledge(ticket) if asked.given.get("later_rank") else None
    if asked.given.get("later_rank") and behind is None:
        raise PledgeEnded()
    return prepare_pledge(
        ticket=ticket,
        quantity_kg=asked.given["quantity"],
        pledgee=asked.given["pledgee"],
        amount_fen=asked.given["amount"],
        begins_on=asked.given["begins_on"],
        ends_on=asked.given["ends_on"],
        external_number=asked.given["external_number"],
        asked_by=asked.asked_by or asked.actor,
        actor=asked.actor,
        behind=behind,
        document=asked.document,
        consents=asked.consents,
        materials=asked.materials,
    )


def last_pledge(ticket: CarbonTicket) -> Pledge | None:
    """Behind which a newcomer ranks: the last of the row of ranks in force on the ticket."""
    rows = [ranks_of(pledge) for pledge in pledges_on(ticket)]
    ends = [row[-1].pledge for row in rows if not all(rank.has_ended for rank in row)]
    return max(ends, key=lambda pledge: (pledge.rank, pledge.made_at), default=None)


def _release(asked: Asked) -> Registration:
    return prepare_release(
        pledge=asked.subject,
        asked_by=asked.asked_by or asked.actor,
        actor=asked.actor,
        quantity_kg=asked.given.get("quantity"),
        document=asked.document,
    )


def _enforce(asked: Asked) -> Registration:
    return prepare_enforcement(
        pledge=asked.subject,
        to=owners_from(asked.given["to"]),
        document=asked.document,
        asked_by=asked.asked_by or asked.actor,
        actor=asked.actor,
        quantity_kg=asked.given.get("quantity"),
        effective_on=asked.given.get("effective_on"),
    )


def _freeze(asked: Asked) -> Registration:
    return prepare_freeze(
        kind=FreezeOrder.Kind(asked.given["freeze_kind"]),
        ticket=asked.subject,
        document=asked.document,
        reason=asked.given["reason"],
        actor=asked.actor,
        quantity_kg=asked.given.get("quantity"),
    )


def _lift(asked: Asked) -> Registration:
    return prepare_lift(
        order=asked.subject,
        reason=asked.given["reason"],
        actor=asked.actor,
        document=asked.document,
    )


def _cancel(asked: Asked) -> Registration:
    return prepare_cancellation(
        issuance=asked.subject,
        reason=Cancellation.Reason(asked.given["cancel_reason"]),
        document=asked.document,
        text=asked.given["reason"],
        actor=asked.actor,
        quantity_kg=asked.given.get("quantity"),
        effective_on=asked.given.get("effective_on"),
    )


def _loss(asked: Asked) -> Registration:
    return prepare_loss(
        ticket=asked.subject,
        reason=LossNotice.Reason(asked.given["loss_reason"]),
        asked_by=asked.asked_by or asked.actor,
        actor=asked.actor,
        document=asked.document,
    )


def _settle(asked: Asked) -> Registration:
    return prepare_settlement(
        objection=asked.subject,
        outcome=LossObjection.Outcome(asked.given["outcome"]),
        reason=asked.given["reason"],
        document=asked.document,
        actor=asked.actor,
    )


def _reissue(asked: Asked) -> Registration:
    return prepare_reissue(
        notice=asked.subject, asked_by=asked.asked_by or asked.actor, actor=asked.actor
    )


def _correct(asked: Asked) -> Registration:
    return prepare_correction(
        ticket=asked.subject,
        reason=asked.given["reason"],
        document=asked.document,
        actor=asked.actor,
        paper=asked.paper,
    )


def _change(asked: Asked) -> Registration:
    return prepare_change(
        ticket=asked.subject,
        to=owners_from(asked.given["shares"]) if asked.given.get("shares") else None,
        renamed=next((party for party, _text in asked.given.get("renamed") or []), None),
        new_name=asked.given.get("new_name") or "",
        paper=Registration.Paper(asked.given.get("paper") or ""),
        document=asked.document,
        reason=asked.given["reason"],
        actor=asked.actor,
        asked_by=asked.asked_by,
        consents=asked.consents,
    )


def _renumber(asked: Asked) -> Registration:
    assert asked.new_number is not None
    return prepare_renumbering(
        ticket=asked.subject,
        number=asked.new_number,
        document=asked.document,
        reason=asked.given["reason"],
        actor=asked.actor,
        asked_by=asked.asked_by,
        consents=asked.consents,
    )


def _end_claim(asked: Asked) -> Registration:
    return prepare_end_claim(
        issuance=asked.subject,
        document=asked.document,
        reason=asked.given["reason"],
        actor=asked.actor,
    )


def _succession(asked: Asked) -> Registration:
    [(former, _text), *_others] = asked.given["former"]
    return prepare_succession(
        former=former,
        successor=asked.subject,
        effective_on=asked.given["effective_on"],
        document=asked.document,
        actor=asked.actor,
        asked_by=asked.asked_by,
        materials=asked.materials,
    )


def _close(asked: Asked) -> Registration:
    return prepare_close(ticket=asked.subject, actor=asked.actor, paper=asked.paper)


_CONSENT = ("consent", _("共有人同意书"), False)
_PAPERS = ("paper_consents", "paper")
_IDENTITY = ("identity", _("受让方身份证明"), False)


def _transfer_act(
    kind: Registration.Kind, about: str | Promise, document: str | Promise, *more: str,
    office_only: bool = False,
) -> Act:  # fmt: skip
    asks_owners = kind in ASKING_OWNERS
    return Act(
        kind=kind,
        article="第十条",
        about=about,
        subject="ticket",
        fields=("to", "quantity", "number", *more, *(_PAPERS if asks_owners else ("paper",))),
        slots=(("document", document, True), _IDENTITY, *((_CONSENT,) if asks_owners else ())),
        prepare=_transfer,
        office_only=office_only,
    )


ACTS: dict[Registration.Kind, Act] = {
    act.kind: act
    for act in (
        Act(
            Kind.ISSUE, "第八条、第九条",
            _("按备案签发的减排量制发碳票，不收取费用；一项备案只制发一次，少填的部分不再制发。"), "filing",
            ("quantity", "separately"),
            (("request", _("申领书"), False),), _issue,
        ),
        _transfer_act(
            Kind.SALE,
            _("凭伊宁市公共资源交易中心的成交确认书办理；可转移全部或一部分。"),
            _("交易中心成交确认书"), "code",
        ),
        _transfer_act(Kind.GIFT, _("凭赠与合同办理。"), _("赠与合同"), "code"),
        _transfer_act(
            Kind.INHERITANCE,
            _("凭继承公证书或生效法律文书办理，无须转让方同意；其他共有人保持原份额。"),
            _("继承公证书或生效法律文书"), "effective_on",
        ),
        _transfer_act(
            Kind.MERGER,
            _("公司合并，权利由存续或新设的公司承继；其他共有人保持原份额。"), _("公司合并文件"),
            "effective_on",
        ),
        _transfer_act(
            Kind.COMPANY_DIVISION, _("公司分立，权利按分立文件划归。"), _("公司分立文件"),
            "effective_on",
        ),
        _transfer_act(
            Kind.COURT, _("凭生效裁判文书办理，代替共有人同意；冻结、质押不影响其执行。"),
            _("生效裁判文书"), "authority", "effective_on", office_only=True,
        ),
        Act(
            Kind.DIVIDE, "第十六条",
            _("原票关闭，子票合计与原票一致，只分给原权利人。全部减排量须持有且未冻结。"), "ticket",
            ("parts", *_PAPERS), (("document", _("分割协议"), False), _CONSENT), _divide,
        ),
        Act(
            Kind.PLEDGE, "第十五条、第十八条",
            _("持有人与质权人共同申请，金融管理部门登记；质押期间不得转让。"), "ticket",
            ("quantity_required", "pledgee", "amount", "begins_on", "ends_on", "external_number",
             "later_rank", "paper_consents"),
            (("document", _("质押合同"), True), _CONSENT), _pledge,
        ),
        Act(
            Kind.RELEASE, "第十五条", _("由质权人申请，可部分解除。"), "pledge",
            ("quantity",), (("document", _("解除质押证明"), False),), _release, by_pledgee=True,
        ),
        Act(
            Kind.ENFORCE, "第十八条", _("凭裁判或公证文书，质押的减排量归文书确定的人。"), "pledge",
            ("to", "quantity", "authority", "number", "effective_on"),
            (("document", _("实现质权的裁判或公证文书"), True),), _enforce, by_pledgee=True,
        ),
        Act(
            Kind.FREEZE, "第二十一条", _("冻结覆盖在现状之上，解除后恢复原状。"), "ticket",
            ("freeze_kind", "quantity", "authority", "number", "reason"),
            (("document", _("冻结决定或协助执行通知"), True),), _freeze, office_only=True,
        ),
        Act(
            Kind.LIFT, "第二十一条", _("解除一项冻结，其他冻结不受影响。"), "order",
            ("authority_optional", "number_optional", "reason"),
            (("document", _("解除冻结文书（法院的冻结必须附）"), False),), _lift,
            office_only=True,
        ),
        Act(
            Kind.CANCEL, "第三条、第七条、第二十一条",
            _("先核减项目业主（含受赠、继承、合并承继者）持有的减排量，编号高的在先；不足部分按份额记为欠缴，"
              "善意买受人不受影响。"),
            "issuance",
            ("cancel_reason", "quantity", "authority", "number", "effective_on", "reason"),
            (("document", _("核减或撤销决定"), True),), _cancel, office_only=True,
        ),
        Act(
            Kind.LOSS, "第十条", _("公告期内碳票冻结，任何人可以提出异议；期满可申请补发。"),
            "ticket", ("loss_reason",), (("document", _("遗失声明或残票"), False),), _loss,
        ),
        Act(
            Kind.SETTLE, "第十条",
            _("异议不成立的，期满可以补发；异议成立的，不予补发，另行解除挂失冻结。"), "objection",
            ("outcome", "number", "reason"),
            (("document", _("异议调查处理意见"), True),), _settle, office_only=True,
        ),
        Act(
            Kind.REISSUE, "第十条", _("公告期满且无异议成立，补发新编号的碳票，原票作废。"),
            "notice", (), (), _reissue,
        ),
        Act(
            Kind.CORRECT, "第十条", _("票面记载有误，换发新编号的碳票。"), "ticket",
            ("number", "reason", "paper"), (("document", _("更正依据"), True),), _correct,
        ),
        Act(
            Kind.CHANGE, "第十条", _("权利人信息或共有性质变更，不涉及资产转移。"), "ticket",
            ("shares", "renamed", "new_name", "number", "reason", *_PAPERS),
            (("document", _("变更依据"), True), _CONSENT), _change,
        ),
        Act(
            Kind.RENUMBER, "第十条",
            _("权利人的身份证号或统一社会信用代码变更：主体不变，名下全部碳票随之更新，原号码留存。"), "ticket",
            ("renumbered", "identity_number", "number", "reason", "paper_consents"),
            (("document", _("证件号码变更证明及新证件"), True), ("consent", _("权利人同意书"), False)),
            _renumber,
        ),
        Act(
            Kind.CLOSE, "第十七条", _("减排量使用完后注销，不再参与市场流通，并公告。"), "ticket",
            ("paper",), (), _close, office_only=True,
        ),
        Act(
            Kind.END_CLAIM, "第七条",
            _("全部减排量已依决定注销、且从未抵消的，可另行决定，原地块在该监测期内不再占用。"),
            "issuance", ("number", "reason"),
            (("document", _("终止土地占用的决定"), True),), _end_claim, office_only=True,
        ),
        Act(
            Kind.SUCCESSION, "第十条",
            _("法人合并或权利人死亡的，名下没有碳票也可登记：原主体的委托即行终止，未制发的减排量、质权和欠缴"
              "归承继者；其名下的碳票再逐张办理转移登记。由数人继承的，不办此项，制发后逐张办理继承转移。"),
            "successor", ("former", "effective_on_required", "authority_optional", "number"),
            (("document", _("合并文件、登记机关证明或继承公证书"), True),
             ("identity", _("承继者身份证明"), False)), _succession,
        ),
    )
}  # fmt: skip
