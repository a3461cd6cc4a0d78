"""Who ceases without a ticket is registered with its successor, and what was its goes on with that one."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection

from portal.accounts.models import Mandate, Party
from portal.accounts.queries import acts_for
from portal.base.clock import today
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.base.sessions import at_once, constraint_of, refused_by
from tests.tickets.registry.raw import given, insert
from tests.tickets.registry.register import Bureau, holder, mandate_of, paper, states
from tests.tickets.registry.several import joint_filing
from tests.tickets.registry.test_acts import pledged
from tickets.registry import errors
from tickets.registry.access import owners_of, pledgees_of
from tickets.registry.ledger import Draft, opened_tickets, standing_pieces, write_entry
from tickets.registry.models import Cancellation, CarbonTicket, PartySuccession, Registration
from tickets.registry.moves import EntryKind
from tickets.registry.operations import (
    NO_PAPER,
    Kind,
    Owners,
    issue_tickets,
    prepare_cancellation,
    prepare_issue,
    prepare_release,
    prepare_succession,
    register_succession,
)
from tickets.registry.queries import bodies_acted_for, succeeding

SINCE = date(2026, 1, 5)


def asked(bureau: Bureau, former: Party, successor: Party, **more: Any) -> Registration:
    more = {"effective_on": SINCE, "document": paper(), "actor": bureau.clerk, **more}
    return prepare_succession(former=former, successor=successor, **more)


def succeeded(bureau: Bureau, former: Party, successor: Party) -> PartySuccession:
    return register_succession(registration=asked(bureau, former, successor), actor=bureau.approver)


def judged() -> None:
    """What the end of a transaction judges."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.django_db
def test_nothing_is_registered_to_who_ceased_and_its_own_people_act_no_more(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    gone, gone_user = holder("并入公司")
    found = succeeded(bureau, gone, bureau.other)
    judged()
    assert (found.successor, found.effective_on) == (bureau.other, SINCE)
    with pytest.raises(errors.PartyMerged):
        bureau.request_transfer(ticket, to=Owners.sole(gone))
    assert not acts_for(gone_user, gone, Mandate.Scope.VIEW)
    assert Message.objects.filter(user=gone_user, subject__contains=bureau.other.name).exists()
    with pytest.raises(errors.PartyMerged):
        asked(bureau, gone, bureau.bank)  # One successor alone.
    kept = bureau.transfer(ticket, 100)
    succeeded(bureau, bureau.buyer, bureau.bank2)
    for kind in (Kind.MERGER, Kind.INHERITANCE):
        with pytest.raises(errors.PartyMerged):
            bureau.request_transfer(kept, to=Owners.sole(bureau.other), kind=kind)
    bureau.transfer(kept, to=Owners.sole(bureau.bank2), kind=Kind.MERGER)
    succeeded(bureau, bureau.other, bureau.bank)
    judged()
    assert succeeding(gone) == bureau.bank
    with pytest.raises(errors.PartyMerged):
        asked(bureau, bureau.bank, gone)  # No circle.


@pytest.mark.django_db
def test_a_ticket_whose_owners_all_ceased_passes_to_who_took_their_places(bureau: Bureau) -> None:
    shares = ((bureau.buyer, 1), (bureau.other, 2))
    apart, together = (bureau.issue(1000, Owners(shares, 3)) for _ticket in range(2))
    succeeded(bureau, bureau.buyer, bureau.bank)
    with pytest.raises(errors.CoOwnerLosesShare):  # One of them stands yet.
        bureau.request_transfer(apart, to=Owners.sole(bureau.bank), kind=Kind.MERGER)
    successor, _user = holder("新设公司")
    succeeded(bureau, bureau.other, successor)
    for wrong in (((bureau.bank, 2), (successor, 1)), ((bureau.bank, 1), (bureau.bank2, 2))):
        with pytest.raises(errors.CoOwnerLosesShare):
            bureau.request_transfer(apart, to=Owners(wrong, 3), kind=Kind.INHERITANCE)
    due = Owners(((bureau.bank, 1), (successor, 2)), 3)
    passed = bureau.transfer(apart, to=due, kind=Kind.MERGER)
    assert owners_of(passed) == [bureau.bank, successor]
    succeeded(bureau, successor, bureau.bank)
    passed = bureau.transfer(together, to=Owners.sole(bureau.bank), kind=Kind.INHERITANCE)
    judged()
    assert owners_of(passed) == [bureau.bank]
    assert states(apart) == states(together) == {}


@pytest.mark.django_db
def test_who_took_the_place_is_issued_what_was_filed_and_releases_what_was_pledged(
    bureau: Bureau,
) -> None:
    filing = joint_filing(
        [(bureau.other, bureau.other_user, 2), (bureau.buyer, bureau.buyer_user, 1)], tonnes=90
    )
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 300)
    succeeded(bureau, bureau.buyer, bureau.bank2)
    succeeded(bureau, bureau.bank, bureau.bank2)
    judged()
    registration = prepare_issue(filing=filing, asked_by=bureau.bank2_user, actor=bureau.clerk)
    [issued] = opened_tickets(issue_tickets(registration=registration, actor=bureau.approver))
    assert owners_of(issued) == [bureau.other, bureau.bank2]
    assert pledgees_of(ticket) == [bureau.bank2]
    release = partial(prepare_release, pledge=pledge, actor=bureau.finance)
    with pytest.raises(errors.NotThePledgee):
        release(asked_by=bureau.bank_user)
    bureau.approve(release(asked_by=bureau.bank2_user))
    assert states(ticket) == {"held": 1000}


@pytest.mark.django_db
def test_the_successor_owes_what_an_order_does_not_find(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    applicant = bureau.owner
    bureau.transfer(ticket)
    succeeded(bureau, applicant, bureau.bank)
    assert applicant.pk in bodies_acted_for(bureau.bank_user)
    ordered = prepare_cancellation(
        issuance=ticket.issuance, reason=Cancellation.Reason.FIRE, document=paper(), text="",
        quantity_kg=300, actor=bureau.clerk,
    )  # fmt: skip
    bureau.approve(ordered)
    debt = Cancellation.objects.get().debts.get()
    assert (debt.party, debt.quantity_kg) == (bureau.bank, 300)


@pytest.mark.django_db
def test_a_succession_is_nobodys_own_matter_and_stands_on_a_document(bureau: Bureau) -> None:
    gone, _user = holder("并入公司")
    ask = partial(asked, bureau, gone, bureau.other)
    with pytest.raises(errors.DocumentMissing):
        ask(document=NO_PAPER)
    with pytest.raises(errors.SuccessionInFuture):
        ask(effective_on=today() + timedelta(days=1))
    with pytest.raises(errors.SuccessionToSelf):
        asked(bureau, gone, gone)
    unknown = Party.objects.create(kind=Party.Kind.NAME_ONLY, name="无名")
    with pytest.raises(errors.PartyUnknown):
        asked(bureau, gone, unknown)
    waiting = ask()
    with pytest.raises(errors.SamePerson):
        register_succession(registration=ask(asked_by=bureau.approver), actor=bureau.approver)
    for party in (gone, bureau.other):
        mandate = mandate_of(bureau.approver, party, bureau.other_user)
        with pytest.raises(OwnMatter):
            register_succession(registration=waiting, actor=bureau.approver)
        with refused_by("nobody_decides_an_own_matter"):
            Registration.objects.filter(pk=waiting.pk).update(
                state="approved", decided_by=bureau.approver, decided_at=waiting.prepared_at
            )
        Mandate.objects.filter(pk=mandate.pk).update(ended_at=waiting.prepared_at)
    mandate_of(bureau.clerk, bureau.other, bureau.other_user)
    with pytest.raises(OwnMatter):
        ask()


@pytest.mark.django_db
def test_no_row_written_by_hand_puts_one_party_in_anothers_place(bureau: Bureau) -> None:
    gone, _user = holder("并入公司")
    wanted = asked(bureau, gone, bureau.other)
    row: dict[str, Any] = {
        "former": gone, "successor": bureau.other, "effective_on": SINCE,
        "document_number": wanted.document_number, "registration": wanted,
    }  # fmt: skip
    with refused_by("nobody_succeeds_to_themselves"):
        PartySuccession.objects.create(**row | {"successor": gone})
    wrong: tuple[dict[str, Any], ...] = (
        {},  # Nobody approved it yet.
        {"registration": None},
        {"successor": bureau.bank},
        {"effective_on": SINCE - timedelta(days=1)},
        {"document_number": "并2号"},
    )
    for more in wrong:
        if more:
            with refused_by("succession_is_registered"):
                _approve(wanted, bureau)
                PartySuccession.objects.create(**row | more)
                judged()
        else:
            with refused_by("succession_is_registered"):
                PartySuccession.objects.create(**row)
                judged()
    with refused_by("own_people_act_no_more"):
        _approve(wanted, bureau)
        PartySuccession.objects.create(**row)
        judged()
    ticket = bureau.issue(1000)
    passing = bureau.request_transfer(ticket, to=Owners.sole(gone))
    register_succession(registration=wanted, actor=bureau.approver)
    judged()
    with refused_by("successor_stands_itself"):
        PartySuccession.objects.create(**row | {"former": bureau.bank, "successor": gone})
    [piece] = standing_pieces(ticket=ticket.pk)
    with refused_by("nothing_passes_to_who_ceased"):
        draft = Draft()
        child = draft.open_ticket(Owners.sole(gone).keys, denominator=1, parent=ticket.pk)
        draft.move([piece], ticket=child)
        draft.close_ticket(ticket.pk, CarbonTicket.ClosedBecause.TRANSFERRED)
        write_entry(
            draft, kind=EntryKind.TRANSFER, issuance_id=ticket.issuance_id, actor=bureau.approver,
            article="第十条", registration=passing.key,
        )  # fmt: skip
    with refused_by("succession_stands_on_a_document"):
        Registration.objects.create(
            kind=Kind.SUCCESSION, department="forestry", prepared_by=bureau.clerk,
            former=bureau.bank, successor=bureau.other, effective_on=SINCE,
        )  # fmt: skip


@pytest.mark.django_db
def test_a_merger_records_those_alone_between_whom_the_share_passed(bureau: Bureau) -> None:
    ticket = bureau.issue(1000, Owners(((bureau.buyer, 1), (bureau.other, 1)), 2))
    to = Owners(((bureau.bank, 1), (bureau.other, 1)), 2)
    said = given(ticket, (1000, {bureau.bank: 1, bureau.other: 1}))
    for former, successor in ((bureau.other, bureau.bank), (bureau.buyer, bureau.other)):
        with refused_by("succession_is_registered"):
            wanted = bureau.request_transfer(ticket, to=to, kind=Kind.MERGER)
            insert(ticket.issuance, "transfer", said, wanted=wanted, granted_by=bureau.approver)
            PartySuccession.objects.create(
                former=former, successor=successor, effective_on=SINCE, registration=wanted,
                document_number=wanted.document_number,
            )  # fmt: skip
            judged()
    bureau.transfer(ticket, to=to, kind=Kind.MERGER)
    judged()
    assert succeeding(bureau.buyer) == bureau.bank


def _approve(wanted: Registration, bureau: Bureau) -> None:
    Registration.objects.filter(pk=wanted.pk).update(
        state="approved", decided_by=bureau.approver, decided_at=wanted.prepared_at
    )


def test_two_bodies_do_not_take_each_others_place_at_once(committed_register: str) -> None:
    bureau = Bureau()
    crossing = [
        asked(bureau, bureau.other, bureau.bank), asked(bureau, bureau.bank, bureau.other)
    ]  # fmt: skip

    def register(registration: Registration) -> str:
        try:
            register_succession(registration=registration, actor=bureau.approver)
        except errors.RegistryError as refusal:
            return refusal.code
        except IntegrityError as refusal:
            return str(constraint_of(refusal))
        return "registered"

    codes = at_once([partial(register, one) for one in crossing])
    assert sorted(codes) == ["party_merged", "registered"]
    assert PartySuccession.objects.count() == 1
