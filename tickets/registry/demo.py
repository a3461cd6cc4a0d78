"""The demonstration's register: tickets of every state, through the real operations.

The clock moves by days between acts, so that the map's time, the stream and the charts have a
history; not by months, because the cases and titles that the other chapters leave under review would
all be overdue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import acts_for, mandates_in_force
from portal.base.clock import advance_clock, today
from portal.base.transactions import write_transaction
from portal.journal.operations import seal_day
from tickets.projects.models import ApplicationShare, Filing
from tickets.registry.ledger import opened_tickets
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    Cause,
    FreezeOrder,
    Issuance,
    LedgerEntry,
    LossNotice,
    Registration,
    TicketShare,
)
from tickets.registry.operations import (
    Kind,
    Owners,
    Paper,
    PaperConsent,
    approve_registration,
    offset_blocks,
    open_cause,
    prepare_cancellation,
    prepare_close,
    prepare_freeze,
    prepare_issue,
    prepare_loss,
    prepare_pledge,
    prepare_transfer,
)

TRADING_CENTRE, COURT = "伊宁市公共资源交易中心", "伊宁市人民法院"
BUREAU = "伊宁市林业和草原局"


@dataclass
class Office:
    """Who acts in this chapter, and the numbers of its documents."""

    users: dict[str, User]
    drawn: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def party(self, name: str) -> Party:
        mandate = mandates_in_force(self.users[name]).filter(scope=Mandate.Scope.ALL).first()
        assert mandate is not None  # ``ensure_demo_accounts`` gave it.
        return mandate.party

    def paper(self, authority: str) -> Paper:
        number = f"演示文书〔{today().year}〕{next(self.drawn)}号"
        return Paper(number, hashlib.sha256(number.encode()).digest(), authority)

    def approve(self, registration: Registration) -> LedgerEntry | None:
        """By the department's approver; the entry that it wrote."""
        approver = self.users[f"{registration.department}_approver"]
        approve_registration(registration=registration, actor=approver)
        return LedgerEntry.objects.filter(registration=registration.key).first()

    def holder(self, ticket: CarbonTicket) -> User:
        """Somebody who acts for the ticket's first owner."""
        owner = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)[0].party
        return next(
            user for user in self.users.values() if acts_for(user, owner, Mandate.Scope.DISPOSE)
        )

    def consents(self, ticket: CarbonTicket) -> list[PaperConsent]:
        shares = TicketShare.objects.filter(ticket=ticket, closed_by__isnull=True)
        signed = hashlib.sha256(f"同意书 {ticket.number}".encode()).digest()
        return [PaperConsent(share.party, signed) for share in shares.select_related("party")]

    # --- acts -----------------------------------------------------------------------------------
    def issue(self, filing: Filing) -> CarbonTicket:
        shares = ApplicationShare.objects.filter(application=filing.application)
        owner = next(
            user
            for user in self.users.values()
            if any(acts_for(user, share.party, Mandate.Scope.APPLY) for share in shares)
        )
        entry = self.approve(
            prepare_issue(filing=filing, asked_by=owner, actor=self.users["forestry"])
        )
        assert entry is not None
        advance_clock(timedelta(hours=20))
        return opened_tickets(entry)[0]

    def sell(self, ticket: CarbonTicket, quantity_kg: int | None, buyer: str) -> CarbonTicket:
        registration = prepare_transfer(
            kind=Kind.SALE,
            ticket=ticket,
            to=Owners.sole(self.party(buyer)),
            quantity_kg=quantity_kg,
            document=self.paper(TRADING_CENTRE),
            consents=self.consents(ticket),
            asked_by=None,
            actor=self.users["forestry"],
        )
        entry = self.approve(registration)
        assert entry is not None
        advance_clock(timedelta(days=1))
        return opened_tickets(entry)[0]

    def offset(self, ticket: CarbonTicket, quantity_kg: int) -> None:
        offset_blocks(
            ticket=ticket,
            quantity_kg=quantity_kg,
            cause=open_cause(Cause.Kind.OFFSET),
            actor=self.users["ecology_approver"],
        )
        advance_clock(timedelta(hours=30))

    def pledge(self, ticket: CarbonTicket, quantity_kg: int, amount_fen: int) -> None:
        self.approve(
            prepare_pledge(
                ticket=ticket,
                quantity_kg=quantity_kg,
                pledgee=self.party("bank1"),
                amount_fen=amount_fen,
                begins_on=today(),
                ends_on=today() + timedelta(days=365),
                external_number=f"{next(self.drawn):014d}",
                asked_by=self.holder(ticket),
                consents=self.consents(ticket),
                document=self.paper("伊宁绿色银行（演示）"),
                actor=self.users["finance"],
            )
        )
        advance_clock(timedelta(hours=22))

    def freeze(self, ticket: CarbonTicket, kind: FreezeOrder.Kind, authority: str) -> None:
        self.approve(
            prepare_freeze(
                kind=kind,
                ticket=ticket,
                document=self.paper(authority),
                reason="演示",
                actor=self.users["forestry"],
            )
        )
        advance_clock(timedelta(hours=26))


def half_of(ticket: CarbonTicket, part: int = 2) -> int:
    """A whole number of tonnes, about so large a part of what is free."""
    return max(1000, ticket.blocks.free().quantity_kg() // part // 1000 * 1000)


@write_transaction
def play_register(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """The filings become tickets: valid, partly offset, pledged, shared, frozen, lost, used up,
    revoked."""
    filings = list(Filing.objects.filter(issuance__isnull=True).order_by("pk"))
    if Issuance.objects.exists() or len(filings) < 6:
        return
    office = Office(users)
    with override("zh-hans"):
        tickets = [office.issue(filing) for filing in filings]
        valid, pledged, shared, revoked, lost, sold = tickets[:6]
        # Sold in part, and the buyer offsets some of it for an event.
        part = office.sell(valid, half_of(valid, 3), "buyer1")
        office.offset(part, half_of(part, 3))
        office.pledge(pledged, half_of(pledged), 200_000_00)
        seal_day()
        # Households own it together; a third goes to the exhibition company and is frozen there.
        exhibited = office.sell(shared, half_of(shared, 3), "buyer2")
        office.freeze(exhibited, FreezeOrder.Kind.COURT, COURT)
        # All of it sold, all of it offset, and the ticket ended.
        used = office.sell(sold, None, "buyer2")
        office.offset(used, half_of(used))
        office.offset(used, used.blocks.free().quantity_kg())
        office.approve(
            prepare_close(ticket=used, document=office.paper(BUREAU), actor=users["forestry"])
        )
        seal_day()
        # An inspection found false materials: the owner's part is revoked, the buyer keeps his.
        office.sell(revoked, half_of(revoked, 4), "buyer1")
        office.freeze(revoked, FreezeOrder.Kind.INSPECTION, BUREAU)
        office.approve(
            prepare_cancellation(
                issuance=revoked.issuance,
                reason=Cancellation.Reason.REVOCATION,
                document=office.paper(BUREAU),
                text="申报材料与实地核查结果不符，依第七条撤销。",
                actor=users["forestry"],
            )
        )
        office.approve(
            prepare_loss(
                ticket=lost,
                reason=LossNotice.Reason.LOST,
                asked_by=office.holder(lost),
                actor=users["forestry"],
            )
        )
        seal_day()
    tell(_("示例碳票 {count} 张").format(count=CarbonTicket.objects.count()))
