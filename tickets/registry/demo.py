"""The demonstration's register: tickets of every state, through the real operations.

Chapters of the acts between the issues of four waves of filings and the present. Offsets are the
next package's; a chapter here finds a ticket by its project and its holder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.demo import party_of
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import acts_for
from portal.base.clock import advance_clock, today
from portal.base.story import Chapter
from portal.casework.documents import Upload
from tickets.projects.demo import WAVES, letter
from tickets.projects.models import Filing
from tickets.registry.ledger import opened_tickets
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    FreezeOrder,
    LedgerEntry,
    LossNotice,
    Pledge,
    Registration,
    TicketShare,
)
from tickets.registry.operations import (
    Kind,
    Owners,
    Paper,
    PaperConsent,
    approve_registration,
    prepare_cancellation,
    prepare_change,
    prepare_close,
    prepare_correction,
    prepare_division,
    prepare_enforcement,
    prepare_freeze,
    prepare_issue,
    prepare_lift,
    prepare_loss,
    prepare_pledge,
    prepare_reissue,
    prepare_release,
    prepare_transfer,
)
from tickets.registry.operations.asking import agree_to_pledge, ask_registration, take_up
from tickets.registry.quantities import KG_PER_TONNE
from tickets.registry.queries import shares_due

TRADING_CENTRE, COURT = "伊宁市公共资源交易中心", "伊宁市人民法院"
BUREAU, NOTARY = "伊宁市林业和草原局", "伊宁市公证处"
BANK = "伊宁绿色银行（演示）"

# Its owners ask for a ticket each; the others hold theirs together.
ISSUED_SEPARATELY = "克伯克于孜退化林修复项目"
# Whose paper a transfer stands on; a gift's or an inheritance's is the notary's.
_AUTHORITIES = {Kind.SALE: TRADING_CENTRE, Kind.COURT: COURT}

Tell = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Office:
    """Who acts in these chapters, and the papers that they brought, by their hashes."""

    users: dict[str, User]
    brought: dict[bytes, Upload] = field(default_factory=dict)

    def party(self, name: str) -> Party:
        return party_of(self.users[name])

    def ticket(self, project: str, holder: str) -> CarbonTicket:
        """Of a project's tonnes, the first open ticket of which ``holder`` is the first owner."""
        return (
            CarbonTicket.objects.standing()
            .filter(
                issuance__filing__application__project__name=project,
                shares__party=self.party(holder),
                shares__place=1,
                shares__closed_by__isnull=True,
            )
            .earliest("year", "serial")
        )

    def paper(self, authority: str) -> Paper:
        number = f"演示文书〔{today().year}〕{Registration.objects.count() + 1}号"
        line = "兹证明所述事项属实，请据以办理碳票登记。"
        return Paper(
            number,
            self._bring(
                letter(title="登记依据", number=number, rows=[], lines=[line], signer=authority)
            ),
            authority,
        )

    def _bring(self, upload: Upload) -> bytes:
        sha256 = bytes.fromhex(upload.sha256)
        self.brought[sha256] = upload
        return sha256

    def file(self, registration: Registration) -> Registration:
        """What a clerk prepared with its papers, as at the counter: asked for, agreed to by the bank
        of a pledge, taken up."""
        papers = [
            ("document", registration.document_sha256),
            *(("consent", one.document_sha256) for one in registration.consents.all()[:1]),
        ]
        uploads = [
            (slot, self.brought[bytes(paper)])
            for slot, paper in papers
            if paper and bytes(paper) in self.brought
        ]
        if not uploads:
            return registration
        asked = ask_registration(
            kind=Kind(registration.kind),
            typed={"number": registration.document_number},
            uploads=uploads,
            actor=registration.asked_by or registration.prepared_by,
            pledgee=registration.pledgee,
            ticket=registration.ticket,
            issuance=registration.issuance,
            pledge=registration.pledge,
            order=registration.order,
        )
        if registration.pledgee is not None and asked.agreed_at is None:
            agree_to_pledge(request=asked, actor=self.acting_for(registration.pledgee))
        return take_up(request=asked, prepare=lambda: registration, actor=registration.prepared_by)

    def acting_for(self, party: Party) -> User:
        return next(
            user for user in self.users.values() if acts_for(user, party, Mandate.Scope.APPLY)
        )

    def approve(self, registration: Registration) -> LedgerEntry | None:
        """By the department's approver, an hour later; the entry that it wrote."""
        self.file(registration)
        advance_clock(timedelta(hours=1))
        approver = self.users[f"{registration.department}_approver"]
        approve_registration(registration=registration, actor=approver)
        return LedgerEntry.objects.filter(registration=registration.key).first()

    def child(self, registration: Registration) -> CarbonTicket:
        """The ticket that the act opened."""
        entry = self.approve(registration)
        assert entry is not None
        return opened_tickets(entry)[0]

    def holder(self, ticket: CarbonTicket) -> User:
        """Somebody who acts for the ticket's first owner."""
        owner = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)[0].party
        return next(
            user for user in self.users.values() if acts_for(user, owner, Mandate.Scope.DISPOSE)
        )

    def consents(self, ticket: CarbonTicket) -> list[PaperConsent]:
        shares = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
        signed = self._bring(
            letter(
                title="共有人同意书",
                number=ticket.number,
                rows=[
                    [one.party.name, f"{one.numerator}/{ticket.share_denominator}"]
                    for one in shares
                ],
                lines=["以上共有人一致同意本次登记。"],
                signer="全体共有人",
            )
        )
        return [PaperConsent(share.party, signed) for share in shares.select_related("party")]

    # --- acts -----------------------------------------------------------------------------------
    def issue(self, filing: Filing) -> None:
        owner = next(
            user
            for user in self.users.values()
            if any(acts_for(user, party, Mandate.Scope.APPLY) for party, _ in shares_due(filing))
        )
        self.approve(
            prepare_issue(
                filing=filing,
                asked_by=owner,
                separately=filing.application.project.name == ISSUED_SEPARATELY,
                actor=self.users["forestry"],
            )
        )

    def sell(
        self, ticket: CarbonTicket, quantity_kg: int | None, to: str, kind: Kind = Kind.SALE
    ) -> CarbonTicket:
        return self.child(
            prepare_transfer(
                kind=kind,
                ticket=ticket,
                to=Owners.sole(self.party(to)),
                quantity_kg=quantity_kg,
                document=self.paper(_AUTHORITIES.get(kind, NOTARY)),
                consents=self.consents(ticket),
                actor=self.users["forestry"],
            )
        )

    def pledge(
        self,
        ticket: CarbonTicket,
        quantity_kg: int,
        bank: str,
        days: int,
        behind: Pledge | None = None,
    ) -> Pledge:
        day = today()
        external_number = f"{day:%Y%m%d}{ticket.serial:05d}{behind.rank + 1 if behind else 1}"
        self.approve(
            prepare_pledge(
                ticket=ticket,
                quantity_kg=quantity_kg,
                pledgee=self.party(bank),
                # Ten yuan are lent on a tonne.
                amount_fen=quantity_kg,
                begins_on=day,
                ends_on=day + timedelta(days=days),
                external_number=external_number,
                asked_by=self.holder(ticket),
                behind=behind,
                consents=self.consents(ticket),
                document=self.paper(BANK),
                actor=self.users["finance"],
            )
        )
        return Pledge.objects.get(external_number=external_number)

    def release(self, pledge: Pledge, bank: str, quantity_kg: int | None = None) -> None:
        self.approve(
            prepare_release(
                pledge=pledge,
                asked_by=self.users[bank],
                quantity_kg=quantity_kg,
                document=self.paper(BANK),
                actor=self.users["finance"],
            )
        )

    def freeze(
        self, ticket: CarbonTicket, kind: FreezeOrder.Kind, authority: str, reason: str
    ) -> FreezeOrder:
        self.approve(
            prepare_freeze(
                kind=kind,
                ticket=ticket,
                document=self.paper(authority),
                reason=reason,
                actor=self.users["forestry"],
            )
        )
        return FreezeOrder.objects.latest("made_at")

    def lose(self, ticket: CarbonTicket) -> None:
        self.approve(
            prepare_loss(
                ticket=ticket,
                reason=LossNotice.Reason.LOST,
                asked_by=self.holder(ticket),
                actor=self.users["forestry"],
            )
        )


def part_of(ticket: CarbonTicket, part: int) -> int:
    """A whole number of tonnes, about so large a part of what is free."""
    free_kg = ticket.blocks.free().quantity_kg()
    return max(KG_PER_TONNE, free_kg // part // KG_PER_TONNE * KG_PER_TONNE)


# --- chapters -----------------------------------------------------------------------------------
def issue_filed(users: dict[str, User], tell: Tell) -> None:
    """Every filing that has no ticket yet gets one."""
    office = Office(users)
    filings = list(Filing.objects.filter(issuance__isnull=True).order_by("pk"))
    with override("zh-hans"):
        for filing in filings:
            office.issue(filing)
    tell(_("示例碳票 {count} 张").format(count=len(filings)))


def sell_first(users: dict[str, User], tell: Tell) -> None:
    """Sold in part, sold whole, and a part of what households own together."""
    office = Office(users)
    with override("zh-hans"):
        grown = office.ticket("北山坡杨树造林项目", "owner1")
        office.sell(grown, part_of(grown, 3), "buyer1")
        office.sell(office.ticket("南渠沿岸造林项目", "owner2"), None, "buyer2")
        shared = office.ticket("达达木图村退化林修复项目", "collective")
        office.sell(shared, part_of(shared, 3), "buyer2")


def pledge_first(users: dict[str, User], tell: Tell) -> None:
    """Half of a ticket for a year's loan, which is paid back in time."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("河滩防护林抚育项目", "owner2")
        office.pledge(ticket, part_of(ticket, 2), "bank1", days=365)


def lose_one(users: dict[str, User], tell: Tell) -> None:
    """A paper is lost: public notice for its days."""
    office = Office(users)
    with override("zh-hans"):
        office.lose(office.ticket("达达木图村杨树造林项目", "collective"))


def reissue_lost(users: dict[str, User], tell: Tell) -> None:
    """Nobody objected: a new number, and the old one is void."""
    office = Office(users)
    notice = LossNotice.objects.latest("published_at")
    with override("zh-hans"):
        office.approve(
            prepare_reissue(
                notice=notice, asked_by=office.holder(notice.ticket), actor=users["forestry"]
            )
        )


def sell_second(users: dict[str, User], tell: Tell) -> None:
    """A part to a buyer in good faith, and a gift to the village."""
    office = Office(users)
    with override("zh-hans"):
        doubtful = office.ticket("东梁榆树抚育项目", "owner1")
        office.sell(doubtful, part_of(doubtful, 4), "buyer1")
        valley = office.ticket("英也尔河谷造林项目", "owner2")
        office.sell(valley, 10 * KG_PER_TONNE, "collective", Kind.GIFT)


def revoke_one(users: dict[str, User], tell: Tell) -> None:
    """An inspection found false materials: what the owner has is revoked, the buyer keeps his."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("东梁榆树抚育项目", "owner1")
        office.freeze(ticket, FreezeOrder.Kind.INSPECTION, BUREAU, "申报材料与实地核查不符，待查。")
        advance_clock(timedelta(days=12))
        office.approve(
            prepare_cancellation(
                issuance=ticket.issuance,
                reason=Cancellation.Reason.REVOCATION,
                document=office.paper(BUREAU),
                text="申报材料与实地核查结果不符，依第七条撤销。",
                actor=users["forestry"],
            )
        )


def divide_shared(users: dict[str, User], tell: Tell) -> None:
    """The households part: a ticket of its own for each, by their shares."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("达达木图村杨树造林项目", "collective")
        office.approve(
            prepare_division(
                ticket=ticket,
                consents=office.consents(ticket),
                asked_by=office.holder(ticket),
                actor=users["forestry"],
            )
        )


def pledge_again(users: dict[str, User], tell: Tell) -> None:
    """The first loan is paid back and another taken, whose term ends soon; a spruce forest secures
    two loans, one behind the other."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("河滩防护林抚育项目", "owner2")
        office.release(Pledge.objects.get(ticket=ticket), "bank1")
        office.pledge(ticket, part_of(ticket, 3), "bank1", days=270)
        spruce = office.ticket("克伯克于孜云杉抚育项目", "owner1")
        first = office.pledge(spruce, part_of(spruce, 2), "bank2", days=730)
        office.pledge(spruce, part_of(spruce, 4), "bank1", days=730, behind=first)


def close_used_up(users: dict[str, User], tell: Tell) -> None:
    """Nothing is left to dispose of: forestry cancels the ticket (article 17)."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("南渠沿岸造林项目", "buyer2")
        office.approve(
            prepare_close(ticket=ticket, document=office.paper(BUREAU), actor=users["forestry"])
        )


def reverse_burnt(users: dict[str, User], tell: Tell) -> None:
    """A fire: the tonnes of the burnt part are taken back."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("潘津林带修复项目", "collective")
        office.approve(
            prepare_cancellation(
                issuance=ticket.issuance,
                reason=Cancellation.Reason.FIRE,
                document=office.paper(BUREAU),
                text="林带东段过火，按碳层面积占比核减。",
                quantity_kg=part_of(ticket, 8),
                actor=users["forestry"],
            )
        )


def enforce_part(users: dict[str, User], tell: Tell) -> None:
    """A loan was not paid: by the notary's deed a part of what is pledged becomes a buyer's."""
    office = Office(users)
    with override("zh-hans"):
        spruce = office.ticket("克伯克于孜云杉抚育项目", "owner1")
        pledge = Pledge.objects.get(ticket=spruce, rank=1)
        office.approve(
            prepare_enforcement(
                pledge=pledge,
                to=Owners.sole(office.party("buyer2")),
                quantity_kg=10 * KG_PER_TONNE,
                document=office.paper(NOTARY),
                asked_by=users["bank2"],
                actor=users["finance"],
            )
        )


def freeze_some(users: dict[str, User], tell: Tell) -> None:
    """A court's order that stands, and a dispute laid over a pledge and settled."""
    office = Office(users)
    with override("zh-hans"):
        office.freeze(
            office.ticket("达达木图村退化林修复项目", "buyer2"),
            FreezeOrder.Kind.COURT, COURT, "财产保全。",
        )  # fmt: skip
        pledged = office.ticket("河滩防护林抚育项目", "owner2")
        order = office.freeze(pledged, FreezeOrder.Kind.DISPUTE, BUREAU, "相邻权利人提出异议。")
        advance_clock(timedelta(days=9))
        office.approve(
            prepare_lift(
                order=order,
                reason="双方已达成一致。",
                document=office.paper(BUREAU),
                actor=users["forestry"],
            )
        )


def correct_a_face(users: dict[str, User], tell: Tell) -> None:
    """The name of the place was misprinted: a ticket of a new number, everything else as it was."""
    office = Office(users)
    with override("zh-hans"):
        office.approve(
            prepare_correction(
                ticket=office.ticket("英也尔河谷造林项目", "collective"),
                reason="票面小地名有误，予以更正。",
                document=office.paper(BUREAU),
                actor=users["forestry"],
            )
        )


def change_of_shares(users: dict[str, User], tell: Tell) -> None:
    """The households agree on other shares; no property passes to anybody else (article 10)."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("达达木图村退化林修复项目", "collective")
        shares = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
        first, *between, last = [
            (one.party, one.numerator) for one in shares.select_related("party")
        ]
        office.approve(
            prepare_change(
                ticket=ticket,
                to=Owners(
                    ((first[0], first[1] - 1), *between, (last[0], last[1] + 1)),
                    ticket.share_denominator,
                ),
                reason="收益分配协议调整。",
                consents=office.consents(ticket),
                document=office.paper(NOTARY),
                asked_by=office.holder(ticket),
                actor=users["forestry"],
            )
        )


def court_passes_a_part(users: dict[str, User], tell: Tell) -> None:
    """The judgment gives a creditor two tonnes of what the court had frozen."""
    office = Office(users)
    with override("zh-hans"):
        ticket = office.ticket("达达木图村退化林修复项目", "buyer2")
        office.sell(ticket, 2 * KG_PER_TONNE, "buyer1", Kind.COURT)


def lose_another(users: dict[str, User], tell: Tell) -> None:
    """Under notice today."""
    office = Office(users)
    with override("zh-hans"):
        office.lose(office.ticket("潘津白蜡抚育项目", "owner2"))


def ask_the_offices(users: dict[str, User], tell: Tell) -> None:
    """On the lists today: a sale for forestry's clerk, a pledge that the bank has to agree to, and a
    gift that waits for the approver."""
    office = Office(users)
    buyer, bank = office.party("buyer1"), office.party("bank1")
    day = today()
    with override("zh-hans"):
        shelter = office.ticket("英也尔农田防护林项目", "owner1")
        number = f"伊公资〔{day.year}〕演示 1 号"
        confirmation = letter(
            title="成交确认书",
            number=number,
            rows=[["碳票", shelter.number], ["受让方", buyer.name], ["数量", "20 吨"]],
            lines=["交易双方已达成一致，价款已结清，请办理转移登记。"],
            signer=TRADING_CENTRE,
        )
        ask_registration(
            kind=Kind.SALE,
            ticket=shelter,
            typed={
                "to": f"{buyer.name},{buyer.identity_last4}", "quantity": "20", "number": number,
            },
            uploads=[("document", confirmation)],
            actor=users["owner1"],
        )  # fmt: skip
        valley = office.ticket("英也尔河谷造林项目", "owner2")
        contract = letter(
            title="质押合同",
            number=f"演示质字〔{day.year}〕1 号",
            rows=[["碳票", valley.number], ["质权人", bank.name], ["数量", "100 吨"]],
            lines=["出质人以上述碳票的减排量为借款提供质押担保。"],
            signer=bank.name,
        )
        ask_registration(
            kind=Kind.PLEDGE,
            ticket=valley,
            pledgee=bank,
            typed={
                "quantity": "100", "pledgee": str(bank.key), "amount": "1000",
                "begins_on": day.isoformat(),
                "ends_on": (day + timedelta(days=365)).isoformat(),
                "external_number": f"{day:%Y%m%d}{valley.serial:05d}9",
            },
            uploads=[("document", contract)],
            actor=users["owner2"],
        )  # fmt: skip
        office.file(
            prepare_transfer(
                kind=Kind.GIFT,
                ticket=valley,
                to=Owners.sole(office.party("collective")),
                quantity_kg=3 * KG_PER_TONNE,
                document=office.paper(NOTARY),
                asked_by=users["owner2"],
                actor=users["forestry"],
            )
        )


# A month after a wave is drafted its filings are signed, and become tickets.
CHAPTERS = (
    *(Chapter(wave.days_ago - 36, issue_filed) for wave in WAVES),
    Chapter(645, sell_first),
    Chapter(620, pledge_first),
    Chapter(490, lose_one),
    Chapter(450, reissue_lost),
    Chapter(440, sell_second),
    Chapter(330, revoke_one),
    Chapter(310, divide_shared),
    Chapter(260, pledge_again),
    Chapter(215, close_used_up),
    Chapter(180, correct_a_face),
    Chapter(150, reverse_burnt),
    Chapter(120, enforce_part),
    Chapter(100, change_of_shares),
    Chapter(80, freeze_some),
    Chapter(50, court_passes_a_part),
    Chapter(17, lose_another),
    Chapter(1, ask_the_offices),
)
