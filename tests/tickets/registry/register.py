"""A small bureau for tests of the register: officers, owners, and tickets through the operations."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from portal.accounts.models import Department, Mandate, Party, Role, User
from portal.base.clock import PortalNow, now
from portal.base.transactions import write_transaction
from tests.accounts.people import officer, user_named
from tickets.market.models import Listing, Trade
from tickets.offsets.models import Beneficiary, Offset, OffsetConsent, OffsetRequest, Purpose
from tickets.offsets.operations import certify
from tickets.projects.models import Filing
from tickets.registry.access import owners_of
from tickets.registry.ledger import hold, opened_tickets, quantity_of, standing_pieces
from tickets.registry.models import (
    CarbonTicket,
    Cause,
    FreezeOrder,
    Issuance,
    LedgerEntry,
    Registration,
)
from tickets.registry.operations import (
    Kind,
    Owners,
    Paper,
    PaperConsent,
    approve_registration,
    issue_tickets,
    list_blocks,
    offset_blocks,
    open_cause,
    prepare_issue,
    prepare_transfer,
    trade_listed,
    transfer,
)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def paper(authority: str = "伊宁市公共资源交易中心") -> Paper:
    """A document that nothing is wrong with."""
    number = f"伊公资〔2026〕{uuid.uuid4().hex[:10]}号"  # Its own in every process.
    return Paper(number=number, sha256=digest(number), authority=authority)


def holder(name: str) -> tuple[Party, User]:
    """A checked party and the user who acts for it in all matters."""
    user = user_named(f"{name}-{uuid.uuid4().hex[:6]}", name)
    party = Party.objects.create(
        kind=Party.Kind.LEGAL_BODY,
        name=name,
        identity_key_id="k1",
        identity_sealed=b"sealed",
        identity_digest=digest(uuid.uuid4().hex),
        identity_prefix="916540",
        identity_last4="0000",
        checked_at=PortalNow(),
    )
    Mandate.objects.create(
        user=user, party=party, scope=Mandate.Scope.ALL, valid_from=date(2020, 1, 1), given_by=user
    )
    party.refresh_from_db()
    return party, user


def mandate_of(user: User, party: Party, giver: User, **more: Any) -> Mandate:
    """By which ``user`` may look at what is the party's, or ``more``."""
    facts = {"scope": Mandate.Scope.VIEW, "valid_from": date(2020, 1, 1), **more}
    return Mandate.objects.create(user=user, party=party, given_by=giver, **facts)


def unissued() -> Filing:
    """A filing that waits for its tickets; the tests' database has some (``conftest``)."""
    filing = Filing.objects.filter(issuance__isnull=True).order_by("pk").first()
    assert filing is not None, "the tests of the register need more filings"
    return filing


@dataclass
class Bureau:
    """Two officers of each office, two owners, a buyer and two banks."""

    clerk: User = field(default_factory=lambda: _officer("fc", Role.CLERK, Department.FORESTRY))
    approver: User = field(
        default_factory=lambda: _officer("fa", Role.APPROVER, Department.FORESTRY)
    )
    finance: User = field(default_factory=lambda: _officer("nc", Role.CLERK, Department.FINANCE))
    finance_approver: User = field(
        default_factory=lambda: _officer("na", Role.APPROVER, Department.FINANCE)
    )
    signer: User = field(default_factory=lambda: _officer("ea", Role.APPROVER, Department.ECOLOGY))
    trading: User = field(default_factory=lambda: _officer("ta", Role.TRADING_APPROVER))

    def __post_init__(self) -> None:
        self.owner, self.owner_user = _applicant()
        self.buyer, self.buyer_user = holder("伊宁旅游公司")
        self.other, self.other_user = holder("西域会展公司")
        self.bank, self.bank_user = holder("伊宁绿色银行")
        self.bank2, self.bank2_user = holder("伊犁河谷银行")

    def issue(self, quantity_kg: int = 100_000, owners: Owners | None = None) -> CarbonTicket:
        """A ticket of the next filing; ``owners`` get it from the applicant by way of a gift."""
        filing = unissued()
        applicant = filing.application.project.applicant
        user = User.objects.get(mandates__party=applicant)
        registration = prepare_issue(
            filing=filing, quantity_kg=quantity_kg, actor=self.clerk, asked_by=user
        )
        [ticket] = opened_tickets(issue_tickets(registration=registration, actor=self.approver))
        if owners is None:
            self.owner, self.owner_user = applicant, user
            return ticket
        return self.transfer(ticket, to=owners, kind=Kind.GIFT)

    def request_transfer(
        self,
        ticket: CarbonTicket,
        quantity_kg: int | None = None,
        to: Owners | None = None,
        kind: Registration.Kind = Kind.SALE,
        **more: Any,
    ) -> Registration:
        more.setdefault("consents", [
            PaperConsent(share.party, digest("同意"))
            for share in ticket.shares.filter(closed_by__isnull=True).select_related("party")
        ])  # fmt: skip
        more.setdefault("document", paper())
        more.setdefault("actor", self.clerk)
        return prepare_transfer(
            kind=kind,
            ticket=ticket,
            to=to or Owners.sole(self.buyer),
            quantity_kg=quantity_kg,
            **more,
        )

    def transfer(
        self, ticket: CarbonTicket, quantity_kg: int | None = None, **more: Any
    ) -> CarbonTicket:
        registration = self.request_transfer(ticket, quantity_kg, **more)
        [child] = opened_tickets(transfer(registration=registration, actor=self.approver))
        return child

    def offset(self, ticket: CarbonTicket, quantity_kg: int) -> LedgerEntry:
        return offset_with_certificate(ticket, quantity_kg, self.signer)

    @write_transaction
    def list(self, ticket: CarbonTicket, quantity_kg: int) -> LedgerEntry:
        cause = open_cause(Cause.Kind.LISTED)
        if quantity_kg > 0:
            listing_of_all(ticket, quantity_kg, cause, self)
        return list_blocks(ticket=ticket, quantity_kg=quantity_kg, cause=cause, actor=self.trading)

    @write_transaction
    def trade(
        self, cause: Cause, quantity_kg: int | None = None, to: Party | None = None
    ) -> CarbonTicket:
        """A deal of the listing that was agreed on, paid and settled."""
        buyer = to or self.buyer
        hold(cause.listing.ticket.issuance_id)
        listed = [piece for piece in standing_pieces(because=cause.pk) if not piece.freezes]
        wanted_kg = quantity_of(listed) if quantity_kg is None else quantity_kg
        if not 0 < wanted_kg <= quantity_of(listed):
            trade_listed(
                cause=cause, to=Owners.sole(buyer), quantity_kg=quantity_kg, actor=self.trading
            )
            raise AssertionError("more was traded than is listed")
        deal = self.agree(cause, wanted_kg, buyer)
        entry = trade_listed(
            cause=cause, to=Owners.sole(buyer), quantity_kg=wanted_kg, actor=self.trading
        )
        self.note_settled(deal, entry)
        [bought] = opened_tickets(entry)
        return bought

    def agree(self, cause: Cause, quantity_kg: int, buyer: Party) -> Trade:
        return Trade.objects.create(
            number=f"CJ-T-{uuid.uuid4().hex[:12]}", listing=cause.listing, buyer=buyer,
            bought_by=self.buyer_user, quantity_kg=quantity_kg, amount_fen=quantity_kg * 100,
            price_fen_per_tonne=1000_00, pay_by=now() + timedelta(days=1),
        )  # fmt: skip

    def dispute(self, cause: Cause, order: FreezeOrder, buyer: Party) -> None:
        """A deal whose kilograms this order freezes, and that is decided: who lifts it may."""
        deal = Trade.objects.filter(pk=self.agree(cause, order.quantity_kg, buyer).pk)
        deal.update(
            disputed_by=self.buyer_user, disputed_at=PortalNow(), dispute="货款争议", freeze=order
        )
        deal.update(state=Trade.State.ANNULLED, decided_by=self.trading, ended_at=PortalNow())

    def note_settled(self, deal: Trade, entry: LedgerEntry) -> None:
        """Paid, and traded by this entry."""
        Trade.objects.filter(pk=deal.pk).update(
            state=Trade.State.SETTLED, entry=entry, settled_by=self.trading, paid_at=PortalNow(),
            ended_at=PortalNow(),
        )  # fmt: skip

    def approve(self, registration: Registration) -> Registration:
        """By the approver of its department."""
        finance = registration.department == Department.FINANCE
        return approve_registration(
            registration=registration, actor=self.finance_approver if finance else self.approver
        )


@write_transaction
def offset_with_certificate(ticket: CarbonTicket, quantity_kg: int, signer: User) -> LedgerEntry:
    """Nothing is retired without one; refused quantities leave none behind."""
    entry = offset_blocks(
        ticket=ticket, quantity_kg=quantity_kg, cause=open_cause(Cause.Kind.OFFSET), actor=signer
    )
    wanted = request_of_all(ticket, quantity_kg, signer)
    certify(facts=wanted, cause=cause_of(entry), actor=signer, request=wanted)
    return entry


def certificate(ticket: CarbonTicket, quantity_kg: int, cause: Cause, signer: User) -> Offset:
    """Of what moves for this cause in the same transaction."""
    return certify(facts=_facts(ticket, quantity_kg, signer), cause=cause, actor=signer)


def _facts(ticket: CarbonTicket, quantity_kg: int, signer: User) -> OffsetRequest:
    name, _made = Beneficiary.objects.get_or_create(
        name="测试受益人", state=Beneficiary.State.ACCEPTED, defaults={"reviewed_by": signer}
    )
    return OffsetRequest(
        ticket=ticket, quantity_kg=quantity_kg, purpose=Purpose.PERSON, beneficiary=name
    )


def spokesman(ticket: CarbonTicket) -> User:
    """Who disposes for every owner of it."""
    user = user_named(f"spokesman-{uuid.uuid4().hex[:6]}")
    for owner in owners_of(ticket):
        mandate_of(user, owner, user, scope=Mandate.Scope.DISPOSE)
    return user


def request_of_all(ticket: CarbonTicket, quantity_kg: int, signer: User) -> OffsetRequest:
    """A signed request to which every owner agreed."""
    wanted = _facts(ticket, quantity_kg, signer)
    wanted.asked_by = spokesman(ticket)
    wanted.save(force_insert=True)
    OffsetConsent.objects.bulk_create(
        OffsetConsent(request=wanted, party=owner, given_by=wanted.asked_by)
        for owner in owners_of(ticket)
    )
    clerk = _officer("ec", Role.CLERK, Department.ECOLOGY)
    open_requests = OffsetRequest.objects.filter(pk=wanted.pk)
    open_requests.update(state="prepared", prepared_by=clerk, prepared_at=PortalNow())
    open_requests.update(state="signed", decided_by=signer, decided_at=PortalNow())
    return wanted


def listing_of_all(ticket: CarbonTicket, quantity_kg: int, cause: Cause, bureau: Bureau) -> Listing:
    """An open one, asked for by who disposes for every owner."""
    listing = Listing.objects.create(
        cause=cause, number=f"GP-T-{cause.pk.hex[:12]}", ticket=ticket, quantity_kg=quantity_kg,
        price_fen_per_tonne=1000_00, min_lot_kg=1, method=Listing.Method.OPEN,
        closes_at=now() + timedelta(days=30), asked_by=spokesman(ticket),
    )  # fmt: skip
    clerk = _officer("tc", Role.TRADING_CLERK)
    waiting = Listing.objects.filter(pk=listing.pk)
    waiting.update(state="prepared", prepared_by=clerk, prepared_at=now())
    waiting.update(state="open", decided_by=bureau.trading, decided_at=now())
    return listing


def _applicant() -> tuple[Party, User]:
    """Whose filing is issued next."""
    party = unissued().application.project.applicant
    return party, User.objects.get(mandates__party=party)


def _officer(name: str, role: Role, department: Department | None = None) -> User:
    return officer(f"{name}-{uuid.uuid4().hex[:6]}", role, department)


def cause_of(entry: LedgerEntry) -> Cause:
    """What the entry's blocks stand for."""
    assert entry.cause is not None
    return Cause.objects.get(pk=entry.cause)


def states(ticket: CarbonTicket) -> dict[str, int]:
    """Kilograms by state on a ticket, now."""
    found: dict[str, int] = {}
    for block in ticket.blocks.standing():
        found[block.state] = found.get(block.state, 0) + block.quantity_kg
    return found


def covered(issuance: Issuance) -> bool:
    """Every kilogram of [0, n) has exactly one home."""
    at = 0
    for low, high in sorted((b.kg.lower, b.kg.upper) for b in issuance.blocks.standing()):
        if low != at:
            return False
        at = high
    return at == issuance.quantity_kg
