"""Random acts of random people against a model in memory: one row for each single kilogram."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Party
from tests.tickets.registry.register import Bureau, digest, paper
from tickets.registry import errors
from tickets.registry.ledger import opened_tickets, standing_pieces
from tickets.registry.models import CarbonTicket, Cause, FreezeOrder, LedgerEntry, Pledge
from tickets.registry.operations import (
    Kind,
    Owners,
    PaperConsent,
    Part,
    prepare_division,
    prepare_freeze,
    prepare_lift,
    prepare_pledge,
    prepare_release,
    trade_listed,
    transfer,
    unlist_blocks,
)
from tickets.registry.queries import state_table
from tickets.registry.verification.checks import find_faults
from tickets.registry.verification.replay import find_differences

TOTAL_KG = 60
LIVE = ("held", "listed", "pledged")
quantities = st.integers(min_value=-1, max_value=TOTAL_KG + 1)
picks = st.integers(min_value=0, max_value=1000)


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


@dataclass
class Model:
    """The register as somebody would keep it on squared paper."""

    kilograms: list[Kilogram]
    owner: dict[uuid.UUID, Party]
    closed: set[uuid.UUID] = field(default_factory=set)

    def on(self, ticket: uuid.UUID, fits: Callable[[Kilogram], bool]) -> list[Kilogram]:
        return [kg for kg in self.kilograms if kg.ticket == ticket and fits(kg)]


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
        ticket = self.bureau.issue(TOTAL_KG)
        self.issuance_id = ticket.issuance_id
        self.model = Model(
            [Kilogram(ticket.pk) for _ in range(TOTAL_KG)], {ticket.pk: self.bureau.owner}
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
        keys = list(self.model.owner)
        return CarbonTicket.objects.get(pk=keys[pick % len(keys)])

    def causes(self, state: str) -> list[uuid.UUID]:
        found = (kg.because for kg in self.model.kilograms if kg.state == state)
        return list(dict.fromkeys(because for because in found if because))

    def orders(self) -> list[uuid.UUID]:
        return list(dict.fromkeys(key for kg in self.model.kilograms for key in kg.freezes))

    def party(self, pick: int) -> Party:
        return (self.bureau.buyer, self.bureau.other, self.bureau.owner)[pick % 3]

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

    def move_to(
        self, kilograms: list[Kilogram], child: uuid.UUID, owner: Party, former: uuid.UUID
    ) -> None:
        for kg in kilograms:
            kg.ticket, kg.state, kg.because = child, "held", None
        self.model.owner[child] = owner
        if not self.model.on(former, lambda kg: True):
            self.model.closed.add(former)

    # --- acts -----------------------------------------------------------------------------------
    @rule(pick=picks, to=picks, quantity_kg=quantities)
    def transfers(self, pick: int, to: int, quantity_kg: int) -> None:
        ticket, party = self.ticket(pick), self.party(to)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        refusals = self.enough(free, quantity_kg) + self.gone(ticket)
        if party == self.model.owner[ticket.pk]:
            refusals.append(errors.TransferToSelf)
        with self.expected(*refusals):
            child = self.bureau.transfer(ticket, quantity_kg, to=Owners.sole(party))
            self.move_to(free[:quantity_kg], child.pk, party, ticket.pk)

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
    @rule(pick=picks, to=picks, quantity_kg=quantities, trade=st.booleans())
    def trades_or_withdraws(self, pick: int, to: int, quantity_kg: int, trade: bool) -> None:
        listings = self.causes("listed")
        cause = Cause.objects.get(pk=listings[pick % len(listings)])
        kilograms = [kg for kg in self.model.kilograms if kg.because == cause.pk]
        ticket, party = kilograms[0].ticket, self.party(to)
        thawed = [kg for kg in kilograms if not kg.freezes]
        refusals = self.enough(thawed, quantity_kg)
        if trade and party == self.model.owner[ticket]:
            refusals.append(errors.TransferToSelf)
        with self.expected(*refusals):
            if not trade:
                unlist_blocks(cause=cause, quantity_kg=quantity_kg, actor=self.bureau.trading)
                for kg in thawed[:quantity_kg]:
                    kg.state, kg.because = "held", None
                return
            entry = trade_listed(
                cause=cause,
                to=Owners.sole(party),
                quantity_kg=quantity_kg,
                actor=self.bureau.trading,
            )
            self.move_to(thawed[:quantity_kg], opened_tickets(entry)[0].pk, party, ticket)

    @rule(pick=picks, quantity_kg=quantities)
    def pledges(self, pick: int, quantity_kg: int) -> None:
        ticket = self.ticket(pick)
        free = self.model.on(ticket.pk, lambda kg: kg.free)
        number = uuid.uuid4().hex
        with self.expected(*self.enough(free, quantity_kg), *self.gone(ticket)):
            registration = prepare_pledge(
                ticket=ticket, quantity_kg=quantity_kg, pledgee=self.bureau.bank, amount_fen=1,
                begins_on=date(2026, 1, 1), ends_on=date(2030, 1, 1), external_number=number,
                asked_by=self.bureau.owner_user, actor=self.bureau.finance,
                consents=[PaperConsent(self.model.owner[ticket.pk], digest("x"))],
            )  # fmt: skip
            self.bureau.approve(registration)
            pledge = Pledge.objects.get(external_number=number)
            for kg in free[:quantity_kg]:
                kg.state, kg.because = "pledged", pledge.pk

    @precondition(lambda self: self.causes("pledged"))
    @rule(pick=picks, quantity_kg=quantities, right=st.booleans())
    def releases(self, pick: int, quantity_kg: int, right: bool) -> None:
        pledges = self.causes("pledged")
        pledge = Pledge.objects.get(pk=pledges[pick % len(pledges)])
        kilograms = [kg for kg in self.model.kilograms if kg.because == pledge.pk]
        thawed = [kg for kg in kilograms if not kg.freezes]
        refusals = self.enough(thawed, quantity_kg)
        if not right:
            refusals.append(errors.NotThePledgee)
        user = self.bureau.bank_user if right else self.bureau.bank2_user
        with self.expected(*refusals):
            self.bureau.approve(
                prepare_release(
                    pledge=pledge, quantity_kg=quantity_kg, asked_by=user, actor=self.bureau.finance
                )
            )
            for kg in thawed[:quantity_kg]:
                kg.state, kg.because = "held", None

    @rule(pick=picks, quantity_kg=quantities)
    def freezes(self, pick: int, quantity_kg: int) -> None:
        ticket = self.ticket(pick)
        live = self.model.on(ticket.pk, lambda kg: kg.state in LIVE)
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
        for kg in self.model.kilograms:
            kg.freezes = tuple(key for key in kg.freezes if key != order.key)

    @rule(pick=picks, cut=quantities)
    def divides(self, pick: int, cut: int) -> None:
        ticket = self.ticket(pick)
        everything = self.model.on(ticket.pk, lambda kg: True)
        owner = self.model.owner[ticket.pk]
        parts = [
            Part(Owners.sole(owner), cut),
            Part(Owners.sole(owner), len(everything) - cut),
        ]
        refusals: list[type[Exception]] = []
        if not 0 < cut < len(everything):
            refusals.append(errors.InvalidQuantity)
        if not everything or not all(kg.free for kg in everything):
            refusals.append(errors.TicketNotWhole)
        with self.expected(*refusals):
            registration = prepare_division(
                ticket=ticket, parts=parts, actor=self.bureau.clerk,
                consents=[PaperConsent(owner, digest("x"))],
            )  # fmt: skip
            self.bureau.approve(registration)
            entry = LedgerEntry.objects.get(registration=registration.key)
            first, second = opened_tickets(entry)
            self.move_to(everything[:cut], first.pk, owner, ticket.pk)
            self.move_to(everything[cut:], second.pk, owner, ticket.pk)

    @rule(pick=picks)
    def acts_without_office(self, pick: int) -> None:
        """Neither owner nor clerk decides, whatever was prepared."""
        ticket = self.ticket(pick)
        if not self.model.on(ticket.pk, lambda kg: kg.free):
            return
        to = Owners.sole(self.bureau.bank2)
        registration = self.bureau.request_transfer(ticket, 1, to=to, kind=Kind.GIFT)
        for user in (self.bureau.clerk, self.bureau.owner_user, self.bureau.finance_approver):
            with self.expected(OfficeMissing):
                transfer(registration=registration, actor=user)

    # --- after each step ------------------------------------------------------------------------
    @invariant()
    def agrees_kilogram_by_kilogram(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        found: list[tuple[Any, ...]] = []
        for piece in standing_pieces(issuance_id=self.issuance_id):
            one = (piece.ticket, piece.state.value, piece.because, piece.freezes)
            found.extend([one] * piece.quantity_kg)
        assert found == [
            (kg.ticket, kg.state, kg.because, kg.freezes) for kg in self.model.kilograms
        ]
        totals = {row.key: row.total_kg for row in state_table()}
        assert totals == {
            ticket: len(self.model.on(ticket, lambda kg: True))
            for ticket in self.model.owner
            if self.model.on(ticket, lambda kg: True)
        }
