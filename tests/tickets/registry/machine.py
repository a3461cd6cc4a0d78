"""Random acts of random people against a model in memory: one row for each single kilogram."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import User
from portal.base.clock import advance_clock
from tests.tickets.registry.register import Bureau, certificate, digest, holder, paper
from tickets.market.errors import TicketListed
from tickets.registry import errors
from tickets.registry.ledger import opened_tickets, standing_pieces
from tickets.registry.models import (
    Cancellation,
    CarbonTicket,
    Cause,
    FreezeOrder,
    LedgerEntry,
    LossNotice,
    Pledge,
    Registration,
)
from tickets.registry.operations import (
    Kind,
    Owners,
    PaperConsent,
    Part,
    freeze_disputed,
    lift_dispute,
    open_cause,
    prepare_cancellation,
    prepare_change,
    prepare_close,
    prepare_correction,
    prepare_division,
    prepare_enforcement,
    prepare_freeze,
    prepare_lift,
    prepare_loss,
    prepare_pledge,
    prepare_reissue,
    prepare_release,
    trade_to_offset,
    transfer,
    unlist_blocks,
)
from tickets.registry.queries import state_table
from tickets.registry.verification.checks import find_faults
from tickets.registry.verification.replay import find_differences

# Of two issuances, whose kilograms never mix.
TOTALS_KG = (60, 30)
MOST_KG = max(TOTALS_KG)
LIVE = ("held", "listed", "pledged")
# Mostly what a ticket may have, so that courses go on; now and then too little or too much.
quantities = st.one_of(
    st.integers(min_value=1, max_value=9), st.integers(min_value=-1, max_value=MOST_KG + 1)
)
picks = st.integers(min_value=0, max_value=1000)
# Of what is pledged or listed mostly all, so that courses get to what comes after.
parts = st.one_of(st.none(), st.none(), quantities)


@dataclass
class Kilogram:
    """Where one kilogram is."""

    ticket: uuid.UUID
    state: str = "held"
    because: uuid.UUID | None = None
    freezes: tuple[uuid.UUID, ...] = ()

    @property
    def free(self) -> bool:
        return self.state == "held" and not self.freezes

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclass
class Rank:
    """A pledge in its row: how much it was registered for, and how much of it has entered."""

    pledge: uuid.UUID
    registered_kg: int
    entered_kg: int = 0


@dataclass
class Model:
    """The register as somebody would keep it on squared paper."""

    kilograms: list[Kilogram]
    owners: dict[uuid.UUID, Owners]
    closed: set[uuid.UUID] = field(default_factory=set)
    # Bought in good faith, themselves or the tickets that they come from.
    bought: set[uuid.UUID] = field(default_factory=set)
    rows: list[list[Rank]] = field(default_factory=list)

    def on(self, ticket: uuid.UUID, fits: Callable[[Kilogram], bool]) -> list[Kilogram]:
        return [kg for kg in self.kilograms if kg.ticket == ticket and fits(kg)]

    def because(self, cause: uuid.UUID) -> list[Kilogram]:
        return [kg for kg in self.kilograms if kg.because == cause]

    def row_of(self, pledge: uuid.UUID) -> list[Rank]:
        return next(row for row in self.rows if pledge in [rank.pledge for rank in row])

    def waiting_kg(self, rank: Rank) -> int:
        """What a later rank waits for, while one before it holds something."""
        before = self.row_of(rank.pledge)
        secured = any(self.because(one.pledge) for one in before[: before.index(rank)])
        return rank.registered_kg - rank.entered_kg if secured else 0

    def has_ended(self, rank: Rank) -> bool:
        return not self.because(rank.pledge) and not self.waiting_kg(rank)


def burden(kilogram: Kilogram) -> tuple[int, bool]:
    """What an order takes first: what is free, then frozen, listed, pledged."""
    return LIVE.index(kilogram.state), bool(kilogram.freezes)


class Register(RuleBasedStateMachine):
    """Each act is expected to succeed or to be refused as the model says."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.bureau = Bureau()
        tickets = [self.bureau.issue(total_kg) for total_kg in TOTALS_KG]
        self.issuances = [ticket.issuance for ticket in tickets]
        # Each filing has an applicant of its own.
        self.applicants = [ticket.shares.get().party for ticket in tickets]
        # Who comes into somebody's place; one of them that merges is none any more.
        self.heirs = [holder(f"继承方{nth}")[0] for nth in range(3)]
        self.merged: dict[int, int] = {}  # Into whom each body merged.
        self.disputed: list[FreezeOrder] = []
        self.stranger = holder("争议买方")[0]  # Who never sells what he buys.
        self.model = Model(
            [
                Kilogram(one.pk)
                for one, kg in zip(tickets, TOTALS_KG, strict=True)
                for _ in range(kg)
            ],
            {
                ticket.pk: Owners.sole(party)
                for ticket, party in zip(tickets, self.applicants, strict=True)
            },
        )

    def teardown(self) -> None:
        faults = [
            *find_faults(lambda _step: None),
            *find_differences(lambda _step: None),
        ]
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)
        assert faults == []

    # --- picking --------------------------------------------------------------------------------
    # In the order of opening and of kilograms: keys are random, and a course must play again.
    def ticket(self, pick: int) -> CarbonTicket:
        """An open one; now and then one that is closed."""
        keys = list(self.model.owners)
        standing = [key for key in keys if key not in self.model.closed]
        among = standing if pick % 8 and standing else keys
        return CarbonTicket.objects.get(pk=among[pick % len(among)])

    def causes(self, state: str) -> list[uuid.UUID]:
        found = (kg.because for kg in self.model.kilograms if kg.state == state)
        return list(dict.fromkeys(because for because in found if because))

    def orders(self) -> list[uuid.UUID]:
        return list(dict.fromkeys(key for kg in self.model.kilograms for key in kg.freezes))

    def pledge(self, pick: int) -> Pledge:
        pledges = self.causes("pledged")
        return Pledge.objects.get(pk=pledges[pick % len(pledges)])

    def party(self, pick: int) -> Owners:
        """One alone, or two together in unequal shares."""
        bureau = self.bureau
        return (
            Owners.sole(bureau.buyer),
            Owners.sole(bureau.other),
            Owners.sole(self.applicants[0]),
            Owners(((bureau.buyer, 1), (bureau.other, 2)), 3),
            Owners(((self.applicants[1], 3), (bureau.buyer, 1)), 4),
        )[pick % 5]

    def consents(self, ticket: uuid.UUID) -> list[PaperConsent]:
        return [
            PaperConsent(party, digest("同意"))
            for party, _numerator in self.model.owners[ticket].shares
        ]

    def acting(self, ticket: CarbonTicket) -> User:
        """Who acts for the first of its owners."""
        party, _numerator = self.model.owners[ticket.pk].shares[0]
        return User.objects.filter(mandates__party=party).order_by("pk")[0]

    @contextmanager
    def expected(self, *refusals: type[Exception]) -> Iterator[None]:
        """Refused as said, leaving nothing behind, or done."""
        if refusals:
            with pytest.raises(refusals), transaction.atomic():
                yield
            return
        with transaction.atomic():
            yield

    def enough(self, kilograms: list[Kilogram], quantity_kg: int) -> list[type[Exception]]:
        if quantity_kg <= 0:
            return [errors.InvalidQuantity]
        return [errors.BlockNotFree] if quantity_kg > len(kilograms) else []

    def gone(self, ticket: CarbonTicket) -> list[type[Exception]]:
        return [errors.TicketClosed] if ticket.pk in self.model.closed else []

    def listed(self, kilograms: list[Kilogram]) -> list[type[Exception]]:
        """Listings here stay open till the end."""
        return [TicketListed] if any(kg.state == "listed" for kg in kilograms) else []

    def same(self, ticket: uuid.UUID, to: Owners) -> list[type[Exception]]:
        return [errors.TransferToSelf] if to.ids == self.model.owners[ticket].ids else []

    def ceased(self, to: Owners) -> list[type[Exception]]:
        return [errors.PartyMerged] if to.ids & self.merged.keys() else []

    def in_place_of(self, party: int) -> int:
        while party in self.merged:
            party = self.merged[party]
        return party

    def move_to(
        self,
        kilograms: list[Kilogram],
        child: uuid.UUID,
        owners: Owners,
        former: uuid.UUID,
        *,
        bought: bool = True,
    ) -> None:
        """To a ticket of their own; a ticket that keeps none is closed."""
        for kg in kilograms:
            kg.ticket, kg.state, kg.because = child, "held", None
        self.model.owners[child] = owners
        if bought or former in self.model.bought:
            self.model.bought.add(child)
        if not self.model.on(former, lambda kg: True):
            self.model.closed.add(former)

    def pass_on(self, former: uuid.UUID, child: uuid.UUID, owners: Owners) -> None:
        """What is live to a ticket that takes the former one's place."""
        for kg in self.model.on(former, lambda kg: kg.live):
            kg.ticket, kg.freezes = child, ()
        self.model.owners[child] = owners
        self.model.closed.add(former)
        if former in self.model.bought:
            self.model.bought.add(child)

    # --- transfer and division ------------------------------------------------------------------
    @rule(pick=picks, to=picks, quantity_kg=quantities, gift=st.booleans())
    def transfers(self, pick: int, to: int, quantity_kg: int, gift: bool) -> None:
        ticket, owners = self.ticket(pick), self.party(to)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        refusals = self.enough(free, quantity_kg) + self.gone(ticket) + self.same(ticket.pk, owners)
        with self.expected(*refusals):
            kind = Kind.GIFT if gift else Kind.SALE
            child = self.bureau.transfer(ticket, quantity_kg, to=owners, kind=kind)
            self.move_to(free[:quantity_kg], child.pk, owners, ticket.pk, bought=not gift)

    @rule(pick=picks, to=picks, quantity_kg=quantities)
    def court_transfers(self, pick: int, to: int, quantity_kg: int) -> None:
        """Over whatever lies on it; the orders of other courts stay."""
        ticket, owners = self.ticket(pick), self.party(to)
        live = self.model.on(ticket.pk, lambda kg: kg.live)
        refusals = self.enough(live, quantity_kg) + self.gone(ticket) + self.same(ticket.pk, owners)
        with self.expected(*refusals):
            child = self.bureau.transfer(
                ticket, quantity_kg, to=owners, kind=Kind.COURT, document=paper("高级人民法院"),
                consents=(),
            )  # fmt: skip
            self.move_to(sorted(live, key=burden)[:quantity_kg], child.pk, owners, ticket.pk)

    @rule(
        pick=picks,
        heir=st.integers(min_value=0, max_value=2),
        quantity_kg=parts,
        kind=st.sampled_from((Kind.INHERITANCE, Kind.MERGER, Kind.COMPANY_DIVISION)),
    )
    def succeeds(
        self, pick: int, heir: int, quantity_kg: int | None, kind: Registration.Kind
    ) -> None:
        """Into the place of the first owner; only a body that came so merges, for it ceases."""
        ticket = self.ticket(pick)
        (ceding, part), *others = self.model.owners[ticket.pk].shares
        if self.heirs[heir] in [ceding, *(party for party, _part in others)]:
            return
        if kind is Kind.MERGER and ceding not in self.heirs:
            kind = Kind.INHERITANCE
        denominator = self.model.owners[ticket.pk].denominator
        owners = Owners(((self.heirs[heir], part), *others), denominator)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        taken_kg = len(free) if quantity_kg is None else quantity_kg
        refusals = self.gone(ticket) + self.ceased(owners)
        ceased = ceding.pk in self.merged and kind is not Kind.COMPANY_DIVISION
        if ceased and self.in_place_of(ceding.pk) not in owners.ids:
            refusals.append(errors.PartyMerged)
        refusals += (
            self.enough(free, taken_kg) if free else [errors.BlockNotFree, errors.InvalidQuantity]
        )
        with self.expected(*refusals):
            more = {} if kind is Kind.COMPANY_DIVISION else {"consents": ()}
            child = self.bureau.transfer(ticket, quantity_kg, to=owners, kind=kind, **more)
            self.move_to(free[:taken_kg], child.pk, owners, ticket.pk, bought=False)
            if kind is Kind.MERGER:
                self.merged.setdefault(ceding.pk, self.heirs[heir].pk)

    @rule(pick=picks, cut=quantities)
    def divides(self, pick: int, cut: int) -> None:
        """Co-owners each get a part; one alone gets two."""
        ticket = self.ticket(pick)
        everything = self.model.on(ticket.pk, lambda kg: True)
        shares = self.model.owners[ticket.pk].shares
        parts = [
            Part(Owners.sole(shares[0][0]), cut),
            Part(Owners.sole(shares[-1][0]), len(everything) - cut),
        ]
        refusals: list[type[Exception]] = []
        if not 0 < cut < len(everything):
            refusals.append(errors.InvalidQuantity)
        if not everything or not all(kg.free for kg in everything):
            refusals.append(errors.TicketNotWhole)
        for part in parts:
            refusals += self.ceased(part.owners)
        with self.expected(*refusals):
            registration = prepare_division(
                ticket=ticket, parts=parts, actor=self.bureau.clerk,
                consents=self.consents(ticket.pk),
            )  # fmt: skip
            first, second = self.opened_by(registration)
            for child, part, kilograms in (
                (first, parts[0], everything[:cut]), (second, parts[1], everything[cut:]),
            ):  # fmt: skip
                self.move_to(kilograms, child.pk, part.owners, ticket.pk, bought=False)

    def opened_by(self, registration: Registration) -> list[CarbonTicket]:
        self.bureau.approve(registration)
        return opened_tickets(LedgerEntry.objects.get(registration=registration.key))

    # --- market and offset ----------------------------------------------------------------------
    @rule(pick=picks, quantity_kg=quantities)
    def offsets(self, pick: int, quantity_kg: int) -> None:
        ticket = self.ticket(pick)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        with self.expected(*self.enough(free, quantity_kg), *self.gone(ticket)):
            entry = self.bureau.offset(ticket, quantity_kg)
            for kg in free[:quantity_kg]:
                kg.state, kg.because = "offset", entry.cause

    @rule(pick=picks, quantity_kg=quantities)
    def lists(self, pick: int, quantity_kg: int) -> None:
        ticket = self.ticket(pick)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        with self.expected(*self.enough(free, quantity_kg), *self.gone(ticket)):
            entry = self.bureau.list(ticket, quantity_kg)
            for kg in free[:quantity_kg]:
                kg.state, kg.because = "listed", entry.cause

    @precondition(lambda self: self.causes("listed"))
    @rule(
        pick=picks,
        to=picks,
        quantity_kg=quantities,
        how=st.sampled_from(("trade", "offset", "back")),
    )
    def ends_of_a_listing(self, pick: int, to: int, quantity_kg: int, how: str) -> None:
        """Sold, offset for a buyer at once, or withdrawn."""
        listings = self.causes("listed")
        cause = Cause.objects.get(pk=listings[pick % len(listings)])
        kilograms = self.model.because(cause.pk)
        ticket, owners = kilograms[0].ticket, self.party(to)
        if how == "trade" and (len(owners.ids) > 1 or owners.ids & self.model.owners[ticket].ids):
            return  # A deal has one buyer, and none who sells.
        thawed = [kg for kg in kilograms if not kg.freezes]
        refusals = self.enough(thawed, quantity_kg)
        actor, taken = self.bureau.trading, thawed[: max(quantity_kg, 0)]
        with self.expected(*refusals):
            if how == "trade":
                [(buyer, _whole)] = owners.shares
                bought = self.bureau.trade(cause, quantity_kg, to=buyer)
                self.move_to(taken, bought.pk, owners, ticket)
            elif how == "offset":
                offset = open_cause(Cause.Kind.OFFSET)
                trade_to_offset(cause=cause, offset=offset, quantity_kg=quantity_kg, actor=actor)
                on = CarbonTicket.objects.get(pk=ticket)
                certificate(on, quantity_kg, offset, self.bureau.signer)
                for kg in taken:
                    kg.state, kg.because = "offset", offset.pk
            else:
                unlist_blocks(cause=cause, quantity_kg=quantity_kg, actor=actor)
                for kg in taken:
                    kg.state, kg.because = "held", None

    @precondition(lambda self: self.causes("listed"))
    @rule(pick=picks, quantity_kg=st.integers(min_value=1, max_value=9))
    def disputes_a_trade(self, pick: int, quantity_kg: int) -> None:
        """What one side calls disputed stands still on the list."""
        listings = self.causes("listed")
        cause = Cause.objects.get(pk=listings[pick % len(listings)])
        thawed = [kg for kg in self.model.because(cause.pk) if not kg.freezes]
        order = freeze_disputed(cause=cause, quantity_kg=quantity_kg, reason="货款争议")
        assert (order is None) == (not thawed)
        if order is not None:
            self.bureau.dispute(cause, order, self.stranger)
            self.disputed.append(order)
            for kg in thawed[:quantity_kg]:
                kg.freezes = (order.key,)

    @precondition(lambda self: self.disputed)
    @rule(pick=picks)
    def decides_a_dispute(self, pick: int) -> None:
        order = self.disputed.pop(pick % len(self.disputed))
        with self.expected(OfficeMissing):
            lift_dispute(order=order, actor=self.bureau.clerk)
        standing = order.key in self.orders()
        entry = lift_dispute(order=order, actor=self.bureau.trading)
        assert (entry is not None) == standing
        self.take_off(order)

    # --- pledge ---------------------------------------------------------------------------------
    @rule(pick=picks, quantity_kg=quantities)
    def pledges(self, pick: int, quantity_kg: int) -> None:
        ticket = self.ticket(pick)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        with self.expected(*self.enough(free, quantity_kg), *self.gone(ticket)):
            pledge = self.registered_pledge(ticket, quantity_kg)
            for kg in free[:quantity_kg]:
                kg.state, kg.because = "pledged", pledge.pk
            self.model.rows.append([Rank(pledge.pk, quantity_kg, quantity_kg)])

    @precondition(lambda self: self.causes("pledged"))
    @rule(pick=picks, quantity_kg=quantities)
    def pledges_behind(self, pick: int, quantity_kg: int) -> None:
        """A later rank waits for at most what the one before it holds or waits for."""
        row = self.model.row_of(self.pledge(pick).pk)
        last = Pledge.objects.get(pk=row[-1].pledge)
        on = next(kg.ticket for rank in row for kg in self.model.because(rank.pledge))
        before = [rank for rank in row if not self.model.has_ended(rank)][-1]
        room_kg = len(self.model.because(before.pledge)) + self.model.waiting_kg(before)
        refusals: list[type[Exception]] = []
        if quantity_kg <= 0:
            refusals.append(errors.InvalidQuantity)
        elif quantity_kg > room_kg:
            refusals.append(errors.BlockNotFree)
        with self.expected(*refusals):
            pledge = self.registered_pledge(
                CarbonTicket.objects.get(pk=on), quantity_kg, behind=last, pledgee=self.bureau.bank2
            )
            row.append(Rank(pledge.pk, quantity_kg))

    def registered_pledge(self, ticket: CarbonTicket, quantity_kg: int, **more: Any) -> Pledge:
        more = {"pledgee": self.bureau.bank, **more}
        registration = prepare_pledge(
            ticket=ticket, quantity_kg=quantity_kg, amount_fen=1, begins_on=date(2026, 1, 1),
            ends_on=date(2096, 1, 1), external_number=uuid.uuid4().hex,
            asked_by=self.bureau.owner_user, actor=self.bureau.finance,
            consents=self.consents(ticket.pk), **more,
        )  # fmt: skip
        self.bureau.approve(registration)
        return Pledge.objects.get(external_number=registration.external_number)

    @precondition(lambda self: self.causes("pledged"))
    @rule(pick=picks, quantity_kg=parts, right=st.sampled_from((True, True, False)))
    def releases(self, pick: int, quantity_kg: int | None, right: bool) -> None:
        """Back to the owner, or to the next rank that waits."""
        pledge = self.pledge(pick)
        kilograms = self.model.because(pledge.pk)
        thawed = [kg for kg in kilograms if not kg.freezes]
        released_kg = len(kilograms) if quantity_kg is None else quantity_kg
        refusals = self.enough(thawed, released_kg)
        if not right:
            refusals.append(errors.NotThePledgee)
        with self.expected(*refusals):
            self.bureau.approve(
                prepare_release(
                    pledge=pledge, quantity_kg=quantity_kg, asked_by=self.banker(pledge, right),
                    actor=self.bureau.finance,
                )
            )  # fmt: skip
            if quantity_kg is None:  # What it still waits for is given up, too.
                rank = next(one for one in self.model.row_of(pledge.pk) if one.pledge == pledge.pk)
                rank.registered_kg = rank.entered_kg
            self.give_back(pledge, thawed[:released_kg])

    def banker(self, pledge: Pledge, right: bool = True) -> User:
        own = pledge.pledgee == self.bureau.bank
        return self.bureau.bank_user if own == right else self.bureau.bank2_user

    def give_back(self, pledge: Pledge, released: list[Kilogram]) -> None:
        row = self.model.row_of(pledge.pk)
        place = [rank.pledge for rank in row].index(pledge.pk)
        later = [rank for rank in row[place + 1 :] if not self.model.has_ended(rank)]
        entering = min(len(released), self.model.waiting_kg(later[0])) if later else 0
        for kg in released[:entering]:
            kg.because = later[0].pledge
        for kg in released[entering:]:
            kg.state, kg.because = "held", None
        if entering:
            later[0].entered_kg += entering

    @precondition(lambda self: self.causes("pledged"))
    @rule(pick=picks, to=picks, quantity_kg=parts)
    def enforces(self, pick: int, to: int, quantity_kg: int | None) -> None:
        pledge, owners = self.pledge(pick), self.party(to)
        kilograms = self.model.because(pledge.pk)
        thawed = [kg for kg in kilograms if not kg.freezes]
        taken_kg = len(kilograms) if quantity_kg is None else quantity_kg
        with self.expected(*self.enough(thawed, taken_kg)):
            registration = prepare_enforcement(
                pledge=pledge, to=owners, document=paper("人民法院"), quantity_kg=quantity_kg,
                asked_by=self.banker(pledge), actor=self.bureau.finance,
            )  # fmt: skip
            [child] = self.opened_by(registration)
            former = kilograms[0].ticket
            self.move_to(thawed[:taken_kg], child.pk, owners, former)

    # --- freeze and loss ------------------------------------------------------------------------
    @rule(pick=picks, quantity_kg=quantities)
    def freezes(self, pick: int, quantity_kg: int) -> None:
        ticket = self.ticket(pick)
        live = self.model.on(ticket.pk, lambda kg: kg.live)
        with self.expected(*self.enough(live, quantity_kg), *self.gone(ticket)):
            document = paper("人民法院")
            self.bureau.approve(
                prepare_freeze(
                    kind=FreezeOrder.Kind.COURT, ticket=ticket, document=document, reason="",
                    quantity_kg=quantity_kg, actor=self.bureau.clerk,
                )
            )  # fmt: skip
            order = FreezeOrder.objects.get(document_number=document.number)
            for kg in sorted(live, key=burden)[:quantity_kg]:
                kg.freezes = (*kg.freezes, order.key)

    @precondition(lambda self: self.orders())
    @rule(pick=picks)
    def lifts(self, pick: int) -> None:
        keys = self.orders()
        order = FreezeOrder.objects.get(pk=keys[pick % len(keys)])
        self.bureau.approve(
            prepare_lift(
                order=order, reason="", document=paper("人民法院"), actor=self.bureau.clerk
            )
        )
        self.take_off(order)

    def take_off(self, order: FreezeOrder) -> None:
        for kg in self.model.kilograms:
            kg.freezes = tuple(key for key in kg.freezes if key != order.key)

    @rule(pick=picks)
    def loses_and_reissues(self, pick: int) -> None:
        """A month later, unless another order lies on it or a listing of it is open; then the loss is
        taken back."""
        ticket = self.ticket(pick)
        live = self.model.on(ticket.pk, lambda kg: kg.live)
        frozen = any(kg.freezes for kg in live)
        kept = [errors.BlockNotFree] if frozen else self.listed(live)
        refusals = self.gone(ticket) or ([] if live else [errors.BlockNotFree])
        user = self.acting(ticket)
        with self.expected(*refusals):
            self.bureau.approve(
                prepare_loss(
                    ticket=ticket, reason=LossNotice.Reason.LOST, asked_by=user,
                    actor=self.bureau.clerk,
                )
            )  # fmt: skip
            notice = ticket.loss_notices.latest("pk")
            with self.expected(errors.NoticeRunning):
                prepare_reissue(notice=notice, asked_by=user, actor=self.bureau.clerk)
            advance_clock(timedelta(days=31))
            wanted = prepare_reissue(notice=notice, asked_by=user, actor=self.bureau.clerk)
            if kept:
                with self.expected(*kept):
                    self.bureau.approve(wanted)
                self.bureau.approve(
                    prepare_lift(order=notice.order, reason="", actor=self.bureau.clerk)
                )
                return
            [child] = self.opened_by(wanted)
            self.pass_on(ticket.pk, child.pk, self.model.owners[ticket.pk])

    # --- correction, change and the end ---------------------------------------------------------
    @rule(pick=picks)
    def corrects(self, pick: int) -> None:
        ticket = self.ticket(pick)
        live = self.model.on(ticket.pk, lambda kg: kg.live)
        refusals: list[type[Exception]] = [] if live else [errors.NothingToCorrect]
        if any(kg.freezes for kg in live):
            refusals.append(errors.TicketFrozen)
        with self.expected(*refusals, *self.listed(live)):
            wanted = prepare_correction(
                ticket=ticket, reason="", document=paper(), actor=self.bureau.clerk
            )
            [child] = self.opened_by(wanted)
            self.pass_on(ticket.pk, child.pk, self.model.owners[ticket.pk])

    @precondition(lambda self: any(len(one.shares) > 1 for one in self.model.owners.values()))
    @rule(pick=picks)
    def changes_shares(self, pick: int) -> None:
        """Co-owners agree on other shares over the same denominator, and the banks with them."""
        shared = [key for key, owners in self.model.owners.items() if len(owners.shares) > 1]
        ticket = CarbonTicket.objects.get(pk=shared[pick % len(shared)])
        owners = self.model.owners[ticket.pk]
        (first, one), (second, other) = owners.shares
        to = Owners(((first, other), (second, one)), owners.denominator)
        kilograms = self.model.on(ticket.pk, lambda kg: True)
        refusals = self.gone(ticket) + self.ceased(to)
        if any(kg.freezes for kg in kilograms):
            refusals.append(errors.TicketFrozen)
        with self.expected(*refusals):
            registration = prepare_change(
                ticket=ticket, to=to, document=paper(), reason="", actor=self.bureau.clerk,
                consents=[*self.consents(ticket.pk), *self.banks_asked(kilograms)],
            )  # fmt: skip
            self.bureau.approve(registration)
            self.model.owners[ticket.pk] = to

    def banks_asked(self, kilograms: list[Kilogram]) -> list[PaperConsent]:
        """Those of every rank that holds or waits."""
        causes = {kg.because for kg in kilograms if kg.state == "pledged"}
        keys = [
            rank.pledge
            for row in self.model.rows
            if causes & {rank.pledge for rank in row}
            for rank in row
            if not self.model.has_ended(rank)
        ]
        banks = {pledge.pledgee for pledge in Pledge.objects.filter(pk__in=keys)}
        return [PaperConsent(bank, digest("同意")) for bank in banks]

    @rule(pick=picks)
    def closes(self, pick: int) -> None:
        ticket = self.ticket(pick)
        live = self.model.on(ticket.pk, lambda kg: kg.live)
        refusals = [errors.NotUsedUp] if live else self.gone(ticket)
        with self.expected(*refusals):
            self.bureau.approve(prepare_close(ticket=ticket, actor=self.bureau.clerk))
            self.model.closed.add(ticket.pk)

    # --- cancellation by order ------------------------------------------------------------------
    @rule(which=st.integers(min_value=0, max_value=1), quantity_kg=quantities, whole=st.booleans())
    def cancels(self, which: int, quantity_kg: int, whole: bool) -> None:
        """The project's owner gives what nobody bought, and owes the rest."""
        issuance, applicant = self.issuances[which], self.applicants[which]
        ordered = Cancellation.objects.filter(issuance=issuance).values_list(
            "ordered_kg", flat=True
        )
        left_kg = TOTALS_KG[which] - sum(ordered)
        wanted_kg = left_kg if whole else quantity_kg
        refusals: list[type[Exception]] = []
        if not whole and quantity_kg <= 0:
            refusals.append(errors.InvalidQuantity)
        elif whole and not left_kg:
            refusals.append(errors.NothingToCancel)
        elif wanted_kg > left_kg:
            refusals.append(errors.OrderedTooMuch)
        reach = [kg for kg in self.of_issuance(which) if self.answers(kg, applicant.pk)]
        with self.expected(*refusals):
            document = paper("林草局")
            self.bureau.approve(
                prepare_cancellation(
                    issuance=issuance, reason=Cancellation.Reason.FIRE, document=document, text="",
                    quantity_kg=None if whole else quantity_kg, actor=self.bureau.clerk,
                )
            )  # fmt: skip
            done = Cancellation.objects.get(document_number=document.number)
            self.take_out(done, which, reach)
            debts = list(done.debts.all())
            assert done.cancelled_kg + sum(debt.quantity_kg for debt in debts) == wanted_kg
            assert {debt.party for debt in debts} <= {applicant, *self.heirs}

    def answers(self, kilogram: Kilogram, applicant: int) -> bool:
        """Held on a ticket that nobody bought, or that the applicant or who came into his place bought
        back."""
        line = {applicant, *(heir.pk for heir in self.heirs)}
        owned = self.model.owners[kilogram.ticket].ids <= line
        return kilogram.state == "held" and (owned or kilogram.ticket not in self.model.bought)

    def of_issuance(self, which: int) -> list[Kilogram]:
        first = sum(TOTALS_KG[:which])
        return self.model.kilograms[first : first + TOTALS_KG[which]]

    def take_out(self, done: Cancellation, which: int, reach: list[Kilogram]) -> None:
        """Which of what answers was taken says the register: the parts of a division bear it each."""
        kilograms = self.of_issuance(which)
        taken = [
            kg
            for piece in standing_pieces(because=done.pk)
            for kg in kilograms[piece.low : piece.high]
        ]
        within = {id(kg) for kg in reach}
        assert all(id(kg) in within for kg in taken)
        for kg in taken:
            kg.state, kg.because, kg.freezes = "cancelled", done.pk, ()
        for ticket in {kg.ticket for kg in taken}:
            if not self.model.on(ticket, lambda kg: kg.live):
                self.model.closed.add(ticket)

    # --- what nobody may ------------------------------------------------------------------------
    @rule(pick=picks)
    def acts_without_office_or_consent(self, pick: int) -> None:
        """Neither owner nor clerk decides, and no co-owner disposes alone."""
        ticket = self.ticket(pick)
        if not self.model.on(ticket.pk, lambda kg: kg.free):
            return
        to, consents = Owners.sole(self.bureau.bank2), self.consents(ticket.pk)
        registration = self.bureau.request_transfer(
            ticket, 1, to=to, kind=Kind.GIFT, consents=consents[:1]
        )
        for user in (self.bureau.clerk, self.bureau.owner_user, self.bureau.finance_approver):
            with self.expected(OfficeMissing):
                transfer(registration=registration, actor=user)
        if len(consents) > 1:
            with self.expected(errors.ConsentMissing):
                transfer(registration=registration, actor=self.bureau.approver)

    # --- after each step ------------------------------------------------------------------------
    @invariant()
    def agrees_kilogram_by_kilogram(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        found: list[tuple[Any, ...]] = []
        for issuance in self.issuances:
            for piece in standing_pieces(issuance_id=issuance.pk):
                one = (piece.ticket, piece.state.value, piece.because, piece.freezes)
                found.extend([one] * piece.quantity_kg)
        assert found == [
            (kg.ticket, kg.state, kg.because, kg.freezes) for kg in self.model.kilograms
        ]
        totals = {row.key: row.total_kg for row in state_table()}
        assert totals == {
            ticket: len(self.model.on(ticket, lambda kg: True))
            for ticket in self.model.owners
            if self.model.on(ticket, lambda kg: True)
        }

    @invariant()
    def tickets_are_open_as_the_model_says(self) -> None:
        found = CarbonTicket.objects.filter(issuance__in=self.issuances, closed_by__isnull=False)
        assert set(found.values_list("pk", flat=True)) == self.model.closed
