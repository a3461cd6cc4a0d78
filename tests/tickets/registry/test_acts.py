"""What each registered act does to the kilograms, and what it refuses."""

from __future__ import annotations

import json
import uuid
from contextlib import nullcontext
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from portal.accounts.errors import MandateMissing, OfficeMissing, ReasonMissing
from portal.accounts.models import Mandate, Party, RoleGrant, User
from portal.base.clock import PortalNow, advance_clock, now, today
from portal.base.numbers import is_number, parse_code
from portal.casework.errors import OwnMatter, RegulationNotInForce
from portal.casework.models import Message, Regulation
from portal.journal.models import Event
from tests.base.sessions import refused_by
from tests.tickets.registry.register import (
    Bureau,
    cause_of,
    certificate,
    covered,
    digest,
    holder,
    paper,
    states,
    unissued,
)
from tickets.registry import errors
from tickets.registry.acts import last_pledge
from tickets.registry.forms import LINES_LIMIT, PartiesField, owners_from
from tickets.registry.ledger import opened_tickets, quantity_of, standing_pieces
from tickets.registry.models import (
    Allotment,
    AllotmentShare,
    Cancellation,
    CarbonTicket,
    Cause,
    Debt,
    FreezeOrder,
    Issuance,
    LedgerEntry,
    LossNotice,
    LossObjection,
    Pledge,
    PrintMark,
    PrintReturn,
    Registration,
    TicketPrint,
)
from tickets.registry.operations import (
    NO_PAPER,
    Kind,
    Owners,
    Paper,
    PaperConsent,
    Part,
    approve_registration,
    divide_ticket,
    give_consent,
    issue_tickets,
    offset_blocks,
    open_cause,
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
    prepare_settlement,
    prepare_transfer,
    raise_objection,
    reject_registration,
    trade_listed,
    trade_to_offset,
    transfer,
    unlist_blocks,
)
from tickets.registry.operations.asking import mark_paper, print_ticket, take_in_paper
from tickets.registry.queries import (
    collateral_reached,
    losses_to_lift,
    marks_due,
    outstanding_prints,
    pledgees_touched,
    pledges_on,
)
from tickets.registry.ranks import rank_of
from tickets.registry.showing import holders, order_line

pytestmark = pytest.mark.django_db


# --- issue --------------------------------------------------------------------------------------
def test_a_ticket_has_number_code_land_report_and_owner(bureau: Bureau) -> None:
    ticket = bureau.issue(12_345)
    assert is_number(ticket.number)
    assert ticket.number.startswith(f"YN-{today().year}-")
    assert parse_code(ticket.code) == ticket.code
    assert ticket.area_version == ticket.issuance.filing.area_version
    assert ticket.uniqueness_report == ticket.issuance.filing.uniqueness_report
    assert states(ticket) == {"held": 12_345}
    assert [share.party for share in ticket.shares.all()] == [bureau.owner]
    [event] = Event.objects.filter(subject_kind="issuance", subject_key=str(ticket.issuance.key))
    entry = LedgerEntry.objects.get(issuance=ticket.issuance)
    assert event.verb == "issue"
    assert event.facts["hash"] == bytes(entry.hash).hex()


def test_ticket_numbers_have_no_gap_within_a_year(bureau: Bureau) -> None:
    numbers = [bureau.issue().serial for _ in range(3)]
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_a_filing_is_issued_once_and_at_most_as_signed(bureau: Bureau) -> None:
    filing = unissued()
    user = User.objects.get(mandates__party=filing.application.project.applicant)
    wanted: dict[str, Any] = {"filing": filing, "actor": bureau.clerk, "asked_by": user}
    with pytest.raises(errors.IssuedTooMuch):
        prepare_issue(**wanted, quantity_kg=filing.quantity_kg + 1)
    with pytest.raises(MandateMissing):
        prepare_issue(**{**wanted, "asked_by": bureau.buyer_user})
    again = prepare_issue(**wanted)
    [ticket] = opened_tickets(
        issue_tickets(registration=prepare_issue(**wanted), actor=bureau.approver)
    )
    assert states(ticket) == {"held": filing.quantity_kg}
    assert covered(ticket.issuance)
    with pytest.raises(errors.AlreadyIssued):
        issue_tickets(registration=again, actor=bureau.approver)
    with pytest.raises(errors.AlreadyIssued):
        prepare_issue(**wanted)


def test_after_the_regulations_end_nothing_is_issued_and_the_rest_goes_on(bureau: Bureau) -> None:
    """Article 25; each decision stores the version that ruled it."""
    ticket = bureau.issue()
    filing = unissued()
    user = User.objects.get(mandates__party=filing.application.project.applicant)
    wanted: dict[str, Any] = {"filing": filing, "actor": bureau.clerk, "asked_by": user}
    prepared = prepare_issue(**wanted)
    last = Regulation.objects.order_by("-valid_to").first()
    assert last is not None
    assert Registration.objects.get(kind="issue", state="approved").regulation is not None
    advance_clock(timedelta(days=(last.valid_to - today()).days + 1))
    with pytest.raises(RegulationNotInForce):
        prepare_issue(**wanted)
    with pytest.raises(RegulationNotInForce):
        issue_tickets(registration=prepared, actor=bureau.approver)
    with refused_by("issued_under_a_regulation_in_force"):
        Issuance.objects.create(filing=filing, quantity_kg=1)
    registration = bureau.request_transfer(ticket, 1)
    transfer(registration=registration, actor=bureau.approver)
    registration.refresh_from_db()
    assert registration.regulation == last


def test_the_database_refuses_more_than_was_signed(bureau: Bureau) -> None:
    filing = unissued()
    with refused_by("issued_at_most_what_was_signed"):
        Issuance.objects.create(filing=filing, quantity_kg=filing.quantity_kg + 1)


# --- transfer and division ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked_kg", "refusal"),
    [
        (1, None), (1000, None), (None, None), (1001, errors.BlockNotFree),
        (0, errors.InvalidQuantity), (-1, errors.InvalidQuantity),
        (0.0001, errors.InvalidQuantity), (1e308, errors.InvalidQuantity),
        (True, errors.InvalidQuantity), ("1,000", errors.InvalidQuantity),
    ],
)  # fmt: skip
def test_an_owner_moves_at_most_the_free_kilograms(
    bureau: Bureau, asked_kg: Any, refusal: type[Exception] | None
) -> None:
    ticket = bureau.issue(1000)
    with pytest.raises(refusal) if refusal else nullcontext():
        child = bureau.transfer(ticket, asked_kg)
        assert states(child) == {"held": asked_kg or 1000}
        assert child.parent == ticket
    ticket.refresh_from_db()
    assert ticket.is_open == (asked_kg not in (1000, None))
    assert covered(ticket.issuance)


def test_a_transfer_stands_on_its_document(bureau: Bureau) -> None:
    ticket = bureau.issue()
    for kind in (Kind.SALE, Kind.GIFT, Kind.INHERITANCE, Kind.MERGER, Kind.COURT):
        with pytest.raises(errors.DocumentMissing):
            bureau.request_transfer(ticket, kind=kind, document=NO_PAPER)
    with pytest.raises(errors.DocumentMissing):
        bureau.request_transfer(ticket, kind=Kind.COURT, document=paper(authority=""))


def test_a_confirmation_of_the_centre_stands_for_one_sale_of_each_ticket(bureau: Bureau) -> None:
    """However its number is written; a deal may be about several tickets of the seller."""
    ticket = bureau.issue(1000)
    other = bureau.issue(1000, Owners.sole(bureau.owner))
    confirmation = Paper(number="YGZ〔2026〕 a-1 号", sha256=digest("成交"))
    again = Paper(number="ygz[2026]Ａ－１号", sha256=digest("成交"))
    first = bureau.request_transfer(ticket, 5, document=confirmation)
    with pytest.raises(errors.ConfirmationUsed):
        bureau.request_transfer(ticket, 5, document=again)
    with refused_by("one_sale_per_confirmation"):
        Registration.objects.create(
            kind=Kind.SALE, department="forestry", ticket=ticket, prepared_by=bureau.clerk,
            document_number=again.number,
        )  # fmt: skip
    bureau.approve(bureau.request_transfer(other, 5, document=confirmation))
    reject_registration(registration=first, reason="另行申请", actor=bureau.approver)
    bureau.request_transfer(ticket, 5, document=again)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "another", "same"),
    [
        ("YGZ〔2026〕 a-1 号", "ygz[2026]Ａ－１", True), ("交 2026-1-12", "交2026 1/12号", True),
        ("交 2026-1-12", "交 2026-11-2", False), ("№А-1", "№Б-1", False), ("ئا-1", "ئە-1", False),
        ("2026号-1", "2026-1", False),
    ],
)  # fmt: skip
def test_a_number_is_told_apart_by_its_letters_and_groups(
    number: str, another: str, same: bool
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT registry_number_key(%s) = registry_number_key(%s)", [number, another]
        )
        assert cursor.fetchone() == (same,)


def test_a_confirmation_of_the_centre_is_of_one_deal(bureau: Bureau) -> None:
    """Between the same; what it sold is sold by it once, whatever the ticket became."""
    ticket = bureau.issue(1000)
    other = bureau.issue(1000, Owners.sole(bureau.owner))
    confirmation = Paper(number="交 2026-1-12", sha256=digest("成交"))
    sold = bureau.transfer(ticket, 400, document=confirmation)
    bureau.approve(
        prepare_correction(ticket=ticket, reason="地名", document=paper(), actor=bureau.clerk)
    )
    corrected = ticket.children.get(opened_by__kind="correct")
    for again in (corrected, sold):
        with refused_by("one_sale_per_confirmation"):
            Registration.objects.create(
                kind=Kind.SALE, department="forestry", ticket=again, prepared_by=bureau.clerk,
                document_number=confirmation.number,
            )  # fmt: skip
    with pytest.raises(errors.ConfirmationUsed):
        bureau.request_transfer(corrected, 5, document=confirmation)
    with pytest.raises(errors.ConfirmationUsed):
        bureau.request_transfer(
            other, 5, to=Owners.sole(bureau.other), document=confirmation
        )  # To another.
    with pytest.raises(errors.ConfirmationUsed):
        bureau.request_transfer(bureau.issue(1000), 5, document=confirmation)  # Of another.
    bureau.request_transfer(other, 5, document=confirmation)
    unlike = Paper(number="交 2026-11-2", sha256=digest("成交"))
    bureau.request_transfer(corrected, 5, document=unlike)


def test_a_deal_is_of_its_owners_then_and_of_whoever_came_in_their_place_by_law(
    bureau: Bureau,
) -> None:
    both = Owners(((bureau.other, 1), (bureau.bank2, 1)), 2)
    first, second = bureau.issue(1000, both), bureau.issue(1000, both)
    given = bureau.issue(1000, Owners.sole(bureau.bank))
    confirmation = paper()
    bureau.transfer(first, 400, document=confirmation)
    heir, _user = holder("继承人")
    inherited = bureau.transfer(
        second, kind=Kind.INHERITANCE, to=Owners(((heir, 1), (bureau.bank2, 1)), 2)
    )
    given = bureau.transfer(given, kind=Kind.GIFT, to=both)  # Theirs since the deal.
    with refused_by("one_sale_per_confirmation"):
        sale_by_hand(bureau, given, confirmation, bureau.buyer)
    with pytest.raises(errors.ConfirmationUsed):
        bureau.request_transfer(given, 5, document=confirmation)
    bureau.transfer(inherited, 5, document=confirmation)


def sale_by_hand(bureau: Bureau, ticket: CarbonTicket, document: Paper, *takers: Party) -> None:
    """As the application's role may write it, its takers one by one."""
    sale = Registration.objects.create(
        kind=Kind.SALE, department="forestry", ticket=ticket, prepared_by=bureau.clerk,
        document_number=document.number,
    )  # fmt: skip
    allotted = Allotment.objects.create(registration=sale, place=0, denominator=len(takers))
    for place, party in enumerate(takers):
        AllotmentShare.objects.create(allotment=allotted, place=place, party=party, numerator=1)


def test_a_deal_is_of_its_takers_whoever_writes(bureau: Bureau) -> None:
    first, second = bureau.issue(1000), bureau.issue(1000, Owners.sole(bureau.owner))
    confirmation = paper()
    bureau.request_transfer(first, 5, document=confirmation)
    for takers in ((bureau.other,), (bureau.buyer, bureau.other)):
        with refused_by("one_sale_per_confirmation"):
            sale_by_hand(bureau, second, confirmation, *takers)
    sale_by_hand(bureau, second, confirmation, bureau.buyer)


def test_nobody_transfers_to_oneself_to_an_unknown_or_to_a_merged_party(bureau: Bureau) -> None:
    ticket = bureau.issue()
    unknown = Party.objects.create(kind=Party.Kind.NAME_ONLY, name="无名")
    with pytest.raises(errors.TransferToSelf):
        bureau.request_transfer(ticket, to=Owners.sole(bureau.owner))
    with pytest.raises(errors.PartyUnknown):
        bureau.request_transfer(ticket, to=Owners.sole(unknown))
    # It has ceased, though what it had offset stays on its ticket.
    gone, _user = holder("被合并公司")
    theirs = bureau.transfer(ticket, 500, to=Owners.sole(gone))
    bureau.offset(theirs, 100)
    bureau.transfer(theirs, 10, kind=Kind.MERGER, to=Owners.sole(bureau.other))
    with pytest.raises(errors.PartyMerged):
        bureau.request_transfer(ticket, to=Owners.sole(gone))


@pytest.mark.parametrize(
    ("shares", "denominator"),
    [
        ((1, 1), 3),
        ((2, 2), 3),
        ((0, 3), 3),
        ((-1, 4), 3),
        ((), 1),
        ((1,), 0),
        ((2**31 - 1, 1), 2**31),
    ],
)
def test_shares_that_do_not_add_up_are_refused(
    bureau: Bureau, shares: tuple[int, ...], denominator: int
) -> None:
    ticket = bureau.issue()
    parties = (bureau.buyer, bureau.other)
    to = Owners(tuple(zip(parties, shares, strict=False)), denominator)
    with pytest.raises(errors.InvalidShares):
        bureau.request_transfer(ticket, to=to)


def test_no_line_of_a_list_of_owners_is_dropped() -> None:
    """The shares of what was read would add up without those that were not."""
    lines = "\n".join(f"农户{nth},1234,1" for nth in range(LINES_LIMIT + 1))
    with pytest.raises(ValidationError) as refused:
        PartiesField().clean(lines)
    assert refused.value.code == "too_many_lines"


def test_a_village_of_owners_is_found_at_once(
    bureau: Bureau, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    Party.objects.bulk_create(
        Party(
            kind=Party.Kind.PERSON, name=f"农户{nth}", identity_key_id="k1", identity_sealed=b"s",
            identity_digest=digest(f"农户{nth}"), identity_prefix="654002", identity_last4="123X",
            checked_at=PortalNow(),
        )
        for nth in range(200)
    )  # fmt: skip
    ticket = bureau.issue(1000)
    with django_assert_num_queries(1):
        village = PartiesField().clean("\n".join(f"农户{nth},123x,5" for nth in range(200)))
    with django_assert_max_num_queries(40):
        bureau.request_transfer(ticket, to=owners_from(village), kind=Kind.GIFT)
    with pytest.raises(ValidationError, match="农户200"):
        PartiesField().clean("农户1,123X,1\n农户200,123X,1")


def test_co_owners_dispose_together_or_by_a_mandate_within_its_limit(bureau: Bureau) -> None:
    ticket = bureau.issue(owners=Owners(((bureau.owner, 1), (bureau.other, 2)), 3))
    alone = bureau.request_transfer(ticket, 10, consents=(), asked_by=bureau.owner_user)
    with pytest.raises(errors.ConsentMissing):
        transfer(registration=alone, actor=bureau.approver)
    give_consent(registration=alone, party=bureau.other, actor=bureau.other_user)
    transfer(registration=alone, actor=bureau.approver)
    Mandate.objects.create(
        user=bureau.owner_user, party=bureau.other, scope=Mandate.Scope.DISPOSE, given_by=bureau.clerk,
        valid_from=date(2020, 1, 1), quantity_kg_max=100,
    )  # fmt: skip
    by_mandate = bureau.request_transfer(ticket, 100, consents=(), asked_by=bureau.owner_user)
    transfer(registration=by_mandate, actor=bureau.approver)
    with pytest.raises(errors.MandateTooSmall):
        bureau.request_transfer(ticket, 101, consents=(), asked_by=bureau.owner_user)


def test_heirs_and_successor_bodies_come_into_one_owners_place(bureau: Bureau) -> None:
    """Article 10 and domain.md, "Shares": who is not asked keeps what is his."""
    a, b, heir = bureau.owner, bureau.other, bureau.buyer
    ticket = bureau.issue(1000, owners=Owners(((a, 1), (b, 1)), 2))
    for kind in (Kind.INHERITANCE, Kind.MERGER):
        for to in (Owners.sole(heir), Owners(((heir, 3), (b, 1)), 4)):
            with pytest.raises(errors.CoOwnerLosesShare):
                bureau.request_transfer(ticket, kind=kind, to=to, consents=())
    waiting = bureau.request_transfer(
        ticket, kind=Kind.INHERITANCE, to=Owners(((heir, 2), (b, 2)), 4), consents=()
    )
    [child] = opened_tickets(transfer(registration=waiting, actor=bureau.approver))
    assert [(share.party, share.numerator) for share in child.shares.all()] == [(heir, 2), (b, 2)]
    # An heir who is a co-owner already gains; nobody loses but the one who died.
    last = bureau.transfer(child, kind=Kind.INHERITANCE, to=Owners.sole(b), consents=())
    assert states(last) == {"held": 1000}


def test_a_division_gives_each_owner_whole_kilograms_and_closes_the_ticket(bureau: Bureau) -> None:
    ticket = bureau.issue(
        2_242_000, owners=Owners(((bureau.owner, 5000), (bureau.buyer, 3333), (bureau.other, 1667)))
    )
    registration = prepare_division(
        ticket=ticket,
        actor=bureau.clerk,
        consents=[
            PaperConsent(party, digest("x")) for party in (bureau.owner, bureau.buyer, bureau.other)
        ],
    )
    children = opened_tickets(divide_ticket(registration=registration, actor=bureau.approver))
    assert [states(child)["held"] for child in children] == [1_121_000, 747_259, 373_741]
    assert [child.shares.get().party for child in children] == [
        bureau.owner, bureau.buyer, bureau.other,
    ]  # fmt: skip
    ticket.refresh_from_db()
    assert ticket.closed_because == CarbonTicket.ClosedBecause.DIVIDED
    assert covered(ticket.issuance)


def printed(ticket: CarbonTicket, user: User) -> TicketPrint:
    return print_ticket(
        ticket=ticket, as_of=ticket.opened_by, address="http://localhost/v/", actor=user
    )


def refuses_to_print(
    ticket: CarbonTicket,
    user: User,
    error: type[errors.RegistryError] = errors.NotPrinted,
    rule: str = "prints_are_of_standing_tickets",
) -> None:
    """By the operation and by plain SQL; of itself a paper of a ticket that does not stand."""
    with pytest.raises(error):
        printed(ticket, user)
    with refused_by(rule):
        TicketPrint.objects.create(ticket=ticket, number=99, as_of=ticket.opened_by, made_by=user)


def test_a_printed_ticket_is_closed_with_its_paper(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    printed(ticket, bureau.owner_user)
    for outstanding in (Registration.Paper.ELECTRONIC, Registration.Paper.LOST):
        with pytest.raises(errors.PaperOutstanding):
            bureau.request_transfer(ticket, paper=outstanding)
        with pytest.raises(errors.PaperOutstanding):
            prepare_division(ticket=ticket, actor=bureau.clerk, paper=outstanding)
        with pytest.raises(errors.PaperOutstanding):
            prepare_correction(
                ticket=ticket, reason="地名", document=paper(), actor=bureau.clerk,
                paper=outstanding,
            )  # fmt: skip
    bureau.transfer(ticket, 300)  # The ticket stands; the next printing shows the mark.
    with pytest.raises(errors.PaperOutstanding):
        bureau.list(ticket, 700)
    bureau.transfer(ticket, 100, paper=Registration.Paper.MARKED)
    [marked] = PrintReturn.objects.all()  # Of part of it: what the clerk had in hand may be listed.
    assert (marked.state, marked.taken_by) == ("marked", bureau.clerk)
    unlist_blocks(cause=cause_of(bureau.list(ticket, 600)), actor=bureau.trading)
    waiting = bureau.request_transfer(ticket, 100, paper=Registration.Paper.MARKED)
    printed(ticket, bureau.owner_user)  # Nobody has seen this one.
    bureau.approve(waiting)
    assert PrintReturn.objects.get() == marked
    child = bureau.transfer(ticket, paper=Registration.Paper.SURRENDERED)
    assert states(child) == {"held": 500}
    assert [one.state for one in PrintReturn.objects.order_by("printing")] == [
        "marked", "surrendered",
    ]  # fmt: skip
    refuses_to_print(ticket, bureau.owner_user)
    assert ticket.registrations.latest("pk").paper == "surrendered"
    again = printed(child, bureau.buyer_user)
    with refused_by("papers_come_back_by_now"):  # Marks would be hidden until then.
        PrintReturn.objects.create(
            printing=again, state="marked", taken_by=bureau.clerk,
            taken_at=now() + timedelta(seconds=1),
        )  # fmt: skip


def test_the_database_closes_no_printed_ticket_without_its_paper(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    waiting = bureau.request_transfer(ticket)
    printed(ticket, bureau.owner_user)  # Since then.
    with pytest.raises(errors.PaperOutstanding):
        bureau.approve(waiting)
    bureau.offset(ticket, 1000)
    with pytest.raises(errors.PaperOutstanding):
        prepare_close(ticket=ticket, actor=bureau.clerk)
    closing = {"closed": [{"ticket": str(ticket.pk), "because": "used_up"}]}
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as raw:
        raw.execute(
            "INSERT INTO registry_ledgerentry (issuance_id, kind, article, content, seq, "
            "recorded_at, previous_hash, hash) VALUES (%s, 'close', '', %s, 0, now(), '', '')",
            [ticket.issuance_id, json.dumps(closing)],
        )
    rule = caught.value.__cause__.diag.constraint_name  # type: ignore[union-attr]
    assert rule == "paper_comes_back_before_its_ticket_closes"
    bureau.approve(
        prepare_close(ticket=ticket, actor=bureau.clerk, paper=Registration.Paper.MARKED)
    )
    ticket.refresh_from_db()
    assert ticket.closed_because == "used_up"


def shown(ticket: CarbonTicket) -> list[tuple[int, int]]:
    """What the clerk's page lists as due on its papers."""
    return [(printing.number, entry.pk) for printing, entry in marks_due(ticket)]


def test_pledges_and_offsets_are_marked_on_the_paper_which_stays_out(bureau: Bureau) -> None:
    """Articles 15 to 17: what the clerk saw written on its back, once each; the ticket stands on."""
    ticket = bureau.issue(1000)
    before = bureau.offset(ticket, 10)  # It is in print.
    print_ticket(ticket=ticket, as_of=before, address="http://localhost/", actor=bureau.owner_user)
    with pytest.raises(errors.NothingToMark):
        mark_paper(ticket=ticket, shown=shown(ticket), actor=bureau.clerk)
    pledge = pledged(bureau, ticket, 100)
    offset = bureau.offset(ticket, 20)
    with pytest.raises(OfficeMissing):
        mark_paper(ticket=ticket, shown=shown(ticket), actor=bureau.owner_user)
    marks = mark_paper(ticket=ticket, shown=shown(ticket), actor=bureau.clerk)
    assert [mark.entry.kind for mark in marks] == ["pledge", "offset"]
    assert marks[0].entry.cause == pledge.pk
    with pytest.raises(errors.NothingToMark):
        mark_paper(ticket=ticket, shown=shown(ticket), actor=bureau.clerk)
    assert outstanding_prints(ticket).count() == 1
    stranger = bureau.issue(100)
    printed(stranger, bureau.owner_user)
    for printing, entry in (
        (stranger.prints.get(), offset), (ticket.prints.get(), before),
    ):  # fmt: skip
        with refused_by("marks_are_of_acts_since_the_printing"):
            PrintMark.objects.create(printing=printing, entry=entry, marked_by=bureau.clerk)


def test_what_is_registered_later_is_marked_on_a_paper_that_was_marked_before(
    bureau: Bureau,
) -> None:
    """Its holder has it again; what the clerk had in hand is not due, a paper that was kept never."""
    ticket = bureau.issue(1000)
    printed(ticket, bureau.owner_user)
    bureau.offset(ticket, 10)
    bureau.transfer(ticket, 100, paper=Registration.Paper.MARKED)
    assert marks_due(ticket) == []
    later = bureau.offset(ticket, 20)
    [mark] = mark_paper(ticket=ticket, shown=shown(ticket), actor=bureau.clerk)
    assert mark.entry == later
    other = bureau.issue(1000)
    printed(other, bureau.owner_user)
    take_in_paper(ticket=other, state=PrintReturn.State.SURRENDERED, actor=bureau.clerk)
    offset = bureau.offset(other, 10)
    assert marks_due(other) == []
    with refused_by("marks_are_of_acts_since_the_printing"):
        PrintMark.objects.create(printing=other.prints.get(), entry=offset, marked_by=bureau.clerk)


def test_what_is_registered_after_the_clerk_saw_the_paper_is_due_on_it(bureau: Bureau) -> None:
    """Between preparation and approval: the clerk is told, and marks it like any other act."""
    ticket = bureau.issue(1000)
    printed(ticket, bureau.owner_user)
    bureau.offset(ticket, 10)  # The clerk saw it marked.
    waiting = bureau.request_transfer(ticket, 100, paper=Registration.Paper.MARKED)
    pledge = pledged(bureau, ticket, 200)
    bureau.approve(waiting)
    [(_printing, due)] = marks_due(ticket)
    assert due.cause == pledge.pk
    [told] = Message.objects.filter(user=bureau.clerk)
    assert (ticket.number in told.subject, f"#{due.pk}" in told.body) == (True, True)
    mark_paper(ticket=ticket, shown=shown(ticket), actor=bureau.clerk)
    assert marks_due(ticket) == []


def test_a_press_records_no_mark_that_the_page_did_not_show(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    printed(ticket, bureau.owner_user)
    first = bureau.offset(ticket, 10)
    client = Client()
    client.force_login(bureau.clerk)
    page = reverse("registry:ticket", args=[ticket.number])
    press = reverse("registry:mark-prints", args=[ticket.number])
    assert f'value="1-{first.pk}"' in client.get(page).content.decode()
    second = bureau.offset(ticket, 20)  # Meanwhile.
    refused = client.post(press, {"mark": f"1-{first.pk}"})
    assert refused.status_code == 409  # The page itself, with what is due now.
    for said in (f'data-code="{errors.MarksMovedOn.code}"', f'value="1-{second.pk}"'):
        assert said in refused.content.decode()
    assert client.post(press, {"mark": "1-x"}).status_code == 404
    assert not PrintMark.objects.exists()
    assert f'value="1-{second.pk}"' in client.get(page).content.decode()
    both = {"mark": [f"1-{first.pk}", f"1-{second.pk}"]}
    assert client.post(press, both).status_code == 302
    assert PrintMark.objects.count() == 2
    assert client.post(press, both).status_code == 409


def test_a_printed_ticket_is_sold_on_the_list_when_its_paper_is_taken_in(bureau: Bureau) -> None:
    """Article 16: asked for when it is listed, by the operation alone; a court asks for no paper."""
    ticket = bureau.issue(1000)
    printed(ticket, bureau.owner_user)
    cause = cause_of(bureau.list(ticket, 400))  # The rest keeps it open.
    with pytest.raises(errors.PaperOutstanding):
        bureau.list(ticket, 600)
    surrendered = PrintReturn.State.SURRENDERED
    with pytest.raises(OfficeMissing):
        take_in_paper(ticket=ticket, state=surrendered, actor=bureau.owner_user)
    take_in_paper(ticket=ticket, state=surrendered, actor=bureau.clerk)
    with pytest.raises(errors.PaperTakenIn):
        take_in_paper(ticket=ticket, state=surrendered, actor=bureau.clerk)
    rest = cause_of(bureau.list(ticket, 600))
    bureau.trade(cause)
    bought = bureau.trade(rest)
    ticket.refresh_from_db()
    assert ticket.closed_because == "transferred"
    printed(bought, bureau.buyer_user)
    bureau.transfer(bought, kind=Kind.COURT, to=Owners.sole(bureau.other))
    says_papers_void(bought)


def says_papers_void(ticket: CarbonTicket) -> None:
    """To whoever checks a paper of it."""
    assert "印制的纸质碳票随之作废" in Client().get(f"/v/{ticket.code}/").content.decode()


def test_no_paper_stops_a_trade_that_is_paid(bureau: Bureau) -> None:
    """Printed before or not at all; what the trade closes is void with its papers."""
    ticket = bureau.issue(1000)
    printed(ticket, bureau.owner_user)
    cause = cause_of(bureau.list(ticket, 600))
    bureau.transfer(ticket, 400)  # The ticket stands by what is listed alone.
    refuses_to_print(
        ticket, bureau.owner_user, errors.ListedNotPrinted, "prints_are_of_unlisted_tickets"
    )
    bureau.trade(cause)
    ticket.refresh_from_db()
    assert (ticket.closed_because, PrintReturn.objects.exists()) == ("transferred", False)
    says_papers_void(ticket)


def test_entries_are_numbered_without_a_gap_while_nothing_fails(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    for _n in range(3):
        bureau.offset(ticket, 1)
    numbers = [entry.pk for entry in ticket.issuance.entries.order_by("seq")]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_a_ticket_is_divided_whole_or_not_at_all(bureau: Bureau) -> None:
    ticket = bureau.issue(1000, owners=Owners(((bureau.owner, 1), (bureau.other, 1)), 2))
    consents = [PaperConsent(party, digest("x")) for party in (bureau.owner, bureau.other)]
    registration = prepare_division(ticket=ticket, actor=bureau.clerk, consents=consents)
    bureau.offset(ticket, 1)
    with pytest.raises(errors.TicketNotWhole):
        divide_ticket(registration=registration, actor=bureau.approver)
    with pytest.raises(errors.TicketNotWhole):
        prepare_division(ticket=ticket, actor=bureau.clerk, consents=consents)
    whole = bureau.issue(1000)
    with pytest.raises(errors.InvalidSplit):
        prepare_division(
            ticket=whole, actor=bureau.clerk, parts=[Part(Owners.sole(bureau.owner), 999)]
        )
    # To others it is a transfer, by the trading centre's confirmation.
    parts = [Part(Owners.sole(bureau.owner), 1), Part(Owners.sole(bureau.buyer), 999)]
    with pytest.raises(errors.DivisionToOthers):
        prepare_division(ticket=whole, actor=bureau.clerk, parts=parts)


def test_a_court_moves_what_is_pledged_and_frozen_and_the_freeze_stays(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledged(bureau, ticket, 400)
    order = frozen(bureau, ticket)
    child = bureau.transfer(ticket, kind=Kind.COURT, effective_on=date(2026, 1, 5))
    assert states(child) == {"held": 1000}
    assert all(piece.freezes == (order.key,) for piece in standing_pieces(ticket=child.pk))
    entry = LedgerEntry.objects.get(pk=child.opened_by_id)
    assert entry.effective_on == date(2026, 1, 5)
    assert entry.kind == "court"


def test_an_order_over_a_part_reaches_collateral_last(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 400)
    bureau.list(ticket, 100)
    frozen(bureau, ticket, 300)
    assert {piece.state for piece in standing_pieces(ticket=ticket.pk) if piece.freezes} == {"held"}
    with pytest.raises(errors.BlockNotFree):
        bureau.request_transfer(ticket, 201)  # Of the free ones it secures 300.
    reach = bureau.request_transfer(ticket, 550, kind=Kind.COURT)
    assert collateral_reached(reach) == 0
    [child] = opened_tickets(transfer(registration=reach, actor=bureau.approver))
    assert states(ticket) == {"listed": 50, "pledged": 400}
    assert quantity_of(p for p in standing_pieces(ticket=child.pk) if p.freezes) == 300
    wider = bureau.request_transfer(ticket, 150, kind=Kind.COURT)
    assert collateral_reached(wider) == 100
    transfer(registration=wider, actor=bureau.approver)
    assert states(ticket) == {"pledged": 300}
    assert list(pledgees_touched(wider)) == [bureau.bank]
    assert list(pledgees_touched(reach)) == []
    assert rank_of(pledge).standing_kg == 300


def test_a_court_takes_first_what_it_froze_itself(bureau: Bureau) -> None:
    """Else the owner would lose his free kilograms and keep the frozen ones."""
    ticket = bureau.issue(1000)
    frozen(bureau, ticket, 300)
    elsewhere = bureau.transfer(ticket, 100, kind=Kind.COURT, document=paper("霍城县人民法院"))
    assert not any(piece.freezes for piece in standing_pieces(ticket=elsewhere.pk))
    child = bureau.transfer(ticket, 250, kind=Kind.COURT, document=paper("伊宁市人民法院"))
    assert all(piece.freezes for piece in standing_pieces(ticket=child.pk))
    assert quantity_of(p for p in standing_pieces(ticket=ticket.pk) if p.freezes) == 50


# --- two persons --------------------------------------------------------------------------------
def test_who_prepared_does_not_decide_and_nobody_decides_twice(bureau: Bureau) -> None:
    ticket = bureau.issue()
    registration = bureau.request_transfer(ticket, 5)
    with pytest.raises(OfficeMissing):
        transfer(registration=registration, actor=bureau.clerk)
    RoleGrant.objects.create(user=bureau.clerk, role="approver", department="forestry")
    with pytest.raises(errors.SamePerson):
        transfer(registration=registration, actor=bureau.clerk)
    with pytest.raises(OfficeMissing):
        transfer(registration=registration, actor=bureau.finance_approver)
    transfer(registration=registration, actor=bureau.approver)
    with pytest.raises(errors.RegistrationDecided):
        transfer(registration=registration, actor=bureau.approver)
    with pytest.raises(errors.RegistrationDecided):
        reject_registration(registration=registration, reason="x", actor=bureau.approver)


def test_nobody_handles_an_own_matter(bureau: Bureau) -> None:
    """domain.md: who acts for owner, transferee or bank neither prepares nor decides."""
    ticket = bureau.issue()
    waiting = bureau.request_transfer(ticket, 5)
    for officer, party in (
        (bureau.approver, bureau.buyer), (bureau.clerk, bureau.owner),
        (bureau.finance_approver, bureau.bank),
    ):  # fmt: skip
        Mandate.objects.create(
            user=officer, party=party, scope=Mandate.Scope.VIEW, given_by=bureau.owner_user,
            valid_from=date(2020, 1, 1),
        )  # fmt: skip
    for decide in (transfer, partial(reject_registration, reason="x")):
        with pytest.raises(OwnMatter):
            decide(registration=waiting, actor=bureau.approver)
    with refused_by("nobody_decides_an_own_matter"):
        Registration.objects.filter(pk=waiting.pk).update(
            state="approved", decided_by=bureau.approver, decided_at=PortalNow()
        )
    with pytest.raises(OwnMatter):
        bureau.request_transfer(ticket, 5)
    with pytest.raises(OwnMatter):
        pledged(bureau, ticket, 5)
    assert states(ticket) == {"held": 100_000}


def test_no_request_begins_as_a_decided_one(bureau: Bureau) -> None:
    """Of which nobody would have asked whether its officers may decide it."""
    ticket = bureau.issue()
    for state in ("approved", "rejected"):
        with refused_by("request_is_not_born_decided"):
            Registration.objects.create(
                kind=Kind.GIFT, department="forestry", ticket=ticket, prepared_by=bureau.clerk,
                state=state, decided_by=bureau.approver, decided_at=PortalNow(),
            )  # fmt: skip


def test_an_own_matter_is_judged_at_the_time_of_the_act(bureau: Bureau) -> None:
    """Nothing is stuck because who prepared came to act for a party afterwards."""
    ticket = bureau.issue()
    first, second = (bureau.request_transfer(ticket, 5) for _ in range(2))
    facts: dict[str, Any] = {
        "user": bureau.clerk, "party": bureau.owner, "scope": Mandate.Scope.VIEW,
        "given_by": bureau.owner_user, "valid_from": date(2020, 1, 1),
    }  # fmt: skip
    Mandate.objects.create(**facts)
    transfer(registration=first, actor=bureau.approver)
    # Had he acted then, it could be rejected alone, and the approver is not called a party.
    Mandate.objects.create(**facts, given_at=second.prepared_at - timedelta(days=1))
    with refused_by("registration_is_prepared_by_no_party"):
        Registration.objects.filter(pk=second.pk).update(
            state="approved", decided_by=bureau.approver, decided_at=PortalNow()
        )
    with pytest.raises(errors.PreparerActed):
        transfer(registration=second, actor=bureau.approver)
    reject_registration(registration=second, reason="重新申请", actor=bureau.approver)
    assert states(ticket) == {"held": 99_995}


def test_an_office_taken_away_a_moment_ago_decides_nothing(bureau: Bureau) -> None:
    ticket = bureau.issue()
    registration = bureau.request_transfer(ticket, 5)
    RoleGrant.objects.filter(user=bureau.approver).update(valid_to=PortalNow())
    with pytest.raises(OfficeMissing):
        transfer(registration=registration, actor=bureau.approver)
    RoleGrant.objects.filter(user=bureau.signer).update(valid_to=PortalNow())
    with pytest.raises(OfficeMissing):
        bureau.offset(ticket, 1)
    RoleGrant.objects.filter(user=bureau.clerk).update(valid_to=PortalNow())
    with pytest.raises(OfficeMissing):
        bureau.request_transfer(ticket, 5)
    assert states(ticket) == {"held": 100_000}


def test_a_rejection_moves_nothing_and_says_why(bureau: Bureau) -> None:
    ticket = bureau.issue()
    registration = bureau.request_transfer(ticket, 5)
    reject_registration(registration=registration, reason="材料不齐", actor=bureau.approver)
    assert registration.ticket_id == ticket.pk
    assert states(ticket) == {"held": 100_000}
    with pytest.raises(errors.WrongRegistration):
        divide_ticket(registration=bureau.request_transfer(ticket, 5), actor=bureau.approver)


# --- pledge -------------------------------------------------------------------------------------
def pledged(bureau: Bureau, ticket: CarbonTicket, quantity_kg: int, **more: Any) -> Pledge:
    wanted: dict[str, Any] = {
        "ticket": ticket, "quantity_kg": quantity_kg, "pledgee": bureau.bank,
        "amount_fen": 500_000_00, "begins_on": date(2026, 1, 1), "ends_on": date(2030, 1, 1),
        "external_number": uuid.uuid4().hex, "asked_by": bureau.owner_user,
        "actor": bureau.finance, **more,
    }  # fmt: skip
    registration = bureau.approve(prepare_pledge(**wanted))
    return Pledge.objects.get(external_number=registration.external_number)


def test_pledged_kilograms_are_not_sold_and_only_their_bank_releases_them(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 600)
    assert states(ticket) == {"held": 400, "pledged": 600}
    with pytest.raises(errors.BlockNotFree):
        bureau.request_transfer(ticket, 401)
    with pytest.raises(errors.NotThePledgee):
        prepare_release(pledge=pledge, asked_by=bureau.bank2_user, actor=bureau.finance)
    bureau.approve(
        prepare_release(
            pledge=pledge, quantity_kg=200, asked_by=bureau.bank_user, actor=bureau.finance
        )
    )
    assert states(ticket) == {"held": 600, "pledged": 400}
    bureau.approve(prepare_release(pledge=pledge, asked_by=bureau.bank_user, actor=bureau.finance))
    assert states(ticket) == {"held": 1000}
    with pytest.raises(errors.PledgeEnded):
        prepare_release(pledge=pledge, asked_by=bureau.bank_user, actor=bureau.finance)


def released(bureau: Bureau, pledge: Pledge, quantity_kg: int | None = None) -> None:
    asked_by = {bureau.bank.pk: bureau.bank_user, bureau.bank2.pk: bureau.bank2_user}
    bureau.approve(
        prepare_release(
            pledge=pledge, quantity_kg=quantity_kg, asked_by=asked_by[pledge.pledgee_id],
            actor=bureau.finance,
        )
    )  # fmt: skip


def secured(*pledges: Pledge) -> list[tuple[int, int]]:
    """What each pledge holds and waits for."""
    return [(rank_of(one).standing_kg, rank_of(one).waiting_kg) for one in pledges]


def test_later_ranks_wait_and_enter_in_the_entry_that_releases_the_one_before(
    bureau: Bureau,
) -> None:
    ticket = bureau.issue(1000)
    first = pledged(bureau, ticket, 600)
    second = pledged(bureau, ticket, 500, pledgee=bureau.bank2, behind=first)
    third = pledged(bureau, ticket, 400, behind=second)
    assert (third.rank, states(ticket)) == (3, {"held": 400, "pledged": 600})
    assert Event.objects.filter(subject_key=str(second.pk), verb="waits").count() == 1
    with pytest.raises(errors.BlockNotFree):
        pledged(bureau, ticket, 401, pledgee=bureau.bank2, behind=third)
    released(bureau, first, 200)
    assert secured(first, second, third) == [(400, 0), (200, 300), (0, 400)]
    released(bureau, second, 100)  # What it gave back it waits for no more.
    assert secured(first, second, third) == [(400, 0), (100, 300), (100, 300)]
    released(bureau, first)
    assert secured(first, second, third) == [(0, 0), (400, 0), (100, 300)]
    released(bureau, second)
    assert secured(first, second, third) == [(0, 0), (0, 0), (400, 0)]
    released(bureau, third)
    assert states(ticket) == {"held": 1000}
    assert last_pledge(ticket) is None


def test_a_rank_that_waits_is_given_up_and_none_waits_for_what_is_gone(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    first = pledged(bureau, ticket, 600)
    second = pledged(bureau, ticket, 500, pledgee=bureau.bank2, behind=first)
    released(bureau, second)
    assert secured(second) == [(0, 0)]
    with pytest.raises(errors.PledgeEnded):
        released(bureau, second)
    assert last_pledge(ticket) == second  # The row goes on behind it, whether it has ended or not.
    third = pledged(bureau, ticket, 500, pledgee=bureau.bank2, behind=second)
    fourth = pledged(bureau, ticket, 500, behind=third)
    released(bureau, first, 100)
    assert secured(third, fourth) == [(100, 400), (0, 500)]


def enforced(bureau: Bureau, pledge: Pledge, quantity_kg: int | None = None) -> None:
    bureau.approve(
        prepare_enforcement(
            pledge=pledge, to=Owners.sole(bureau.bank), asked_by=bureau.bank_user,
            actor=bureau.finance, document=paper("伊宁市人民法院"), quantity_kg=quantity_kg,
        )
    )  # fmt: skip


def test_a_pledge_is_enforced_by_a_decision(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 1000)
    wanted: dict[str, Any] = {
        "pledge": pledge, "to": Owners.sole(bureau.bank), "asked_by": bureau.bank_user,
        "actor": bureau.finance,
    }  # fmt: skip
    with pytest.raises(errors.DocumentMissing):
        prepare_enforcement(**wanted, document=NO_PAPER)
    enforced(bureau, pledge)
    ticket.refresh_from_db()
    assert ticket.closed_because == "transferred"
    assert states(ticket.children.get()) == {"held": 1000}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"amount_fen": 0}, errors.PledgeTermsWrong),
        ({"ends_on": date(2025, 1, 1)}, errors.PledgeTermsWrong),
        ({"ends_on": date(2026, 1, 2)}, errors.PledgeTermsWrong),  # Over when it is registered.
        ({"begins_on": date(2029, 1, 1)}, errors.PledgeTermsWrong),
        ({"external_number": " "}, errors.PledgeTermsWrong),
        ({"pledgee": "owner"}, errors.PledgeToSelf),
        ({"quantity_kg": 0}, errors.InvalidQuantity),
        ({"quantity_kg": 1001}, errors.BlockNotFree),
    ],
)
def test_terms_of_a_pledge_are_asked(
    bureau: Bureau, change: dict[str, Any], refusal: type[Exception]
) -> None:
    ticket = bureau.issue(1000)
    if "pledgee" in change:
        change = {"pledgee": bureau.owner}
    with pytest.raises(refusal):
        pledged(bureau, ticket, **{"quantity_kg": 10, **change})
    assert states(ticket) == {"held": 1000}


# --- freeze -------------------------------------------------------------------------------------
def frozen(
    bureau: Bureau, ticket: CarbonTicket, quantity_kg: int | None = None, kind: str = "court"
) -> FreezeOrder:
    document = paper("伊宁市人民法院")
    bureau.approve(
        prepare_freeze(
            kind=FreezeOrder.Kind(kind), ticket=ticket, document=document, reason="",
            quantity_kg=quantity_kg, actor=bureau.clerk,
        )
    )  # fmt: skip
    return FreezeOrder.objects.get(document_number=document.number)


def test_orders_lie_over_any_live_state_and_nothing_moves_under_them(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 300)
    listing = bureau.list(ticket, 200)
    court, dispute = frozen(bureau, ticket), frozen(bureau, ticket, 100, "dispute")
    assert states(ticket) == {"held": 500, "listed": 200, "pledged": 300}
    with pytest.raises(errors.BlockNotFree):
        bureau.offset(ticket, 1)
    with pytest.raises(errors.BlockNotFree):
        unlist_blocks(cause=cause_of(listing), actor=bureau.trading)
    with pytest.raises(errors.BlockNotFree):
        bureau.approve(
            prepare_release(pledge=pledge, asked_by=bureau.bank_user, actor=bureau.finance)
        )
    for order in (court, dispute):
        bureau.approve(
            prepare_lift(order=order, reason="", actor=bureau.clerk, document=paper("法院"))
        )
    assert states(ticket) == {"held": 500, "listed": 200, "pledged": 300}
    assert not any(piece.freezes for piece in standing_pieces(ticket=ticket.pk))
    bureau.offset(ticket, 1)
    with pytest.raises(errors.FreezeLifted):
        bureau.approve(
            prepare_lift(order=court, reason="", actor=bureau.clerk, document=paper("法院"))
        )


def test_a_courts_freeze_is_laid_and_lifted_by_its_document(bureau: Bureau) -> None:
    ticket = bureau.issue()
    typed = Paper(number="（2026）伊法1号", authority="伊宁市人民法院")
    for document, refusal in ((NO_PAPER, errors.FreezeNotOrdered), (typed, errors.DocumentMissing)):
        with pytest.raises(refusal):
            prepare_freeze(
                kind=FreezeOrder.Kind.COURT, ticket=ticket, document=document, reason="",
                actor=bureau.clerk,
            )  # fmt: skip
    order = frozen(bureau, ticket)
    for document in (NO_PAPER, typed, paper(authority="")):
        with pytest.raises(errors.DocumentMissing):
            prepare_lift(order=order, reason="", actor=bureau.clerk, document=document)


# --- loss ---------------------------------------------------------------------------------------
def lost(bureau: Bureau, ticket: CarbonTicket) -> LossNotice:
    bureau.approve(
        prepare_loss(
            ticket=ticket, reason=LossNotice.Reason.LOST, asked_by=bureau.owner_user,
            actor=bureau.clerk,
        )
    )  # fmt: skip
    return LossNotice.objects.get(ticket=ticket)


def test_a_lost_ticket_is_reissued_after_its_notice_and_the_old_one_is_void(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    bureau.offset(ticket, 100)
    pledge = pledged(bureau, ticket, 300)
    notice = lost(bureau, ticket)
    wanted: dict[str, Any] = {
        "notice": notice,
        "asked_by": bureau.owner_user,
        "actor": bureau.clerk,
    }
    refuses_to_print(ticket, bureau.owner_user)  # The new paper waits for the notice.
    with pytest.raises(errors.LossPublished):
        lost(bureau, ticket)
    with pytest.raises(errors.NoticeRunning):
        prepare_reissue(**wanted)
    advance_clock(timedelta(days=31))
    bureau.approve(prepare_reissue(**wanted))
    ticket.refresh_from_db()
    child = ticket.children.get()
    assert ticket.closed_because == "reissued"
    assert states(ticket) == {"offset": 100}
    assert states(child) == {"held": 600, "pledged": 300}
    assert child.code != ticket.code
    assert [share.party for share in child.shares.all()] == [bureau.owner]
    printed(child, bureau.owner_user)
    with pytest.raises(errors.NoticeEnded):
        prepare_reissue(**wanted)
    # The pledge went along: a later rank joins it, and it is enforced.
    assert last_pledge(child) == pledge
    enforced(bureau, pledge)
    assert states(child) == {"held": 600}
    assert states(child.children.get()) == {"held": 300}


@pytest.mark.parametrize(
    ("outcome", "refusal"),
    [(None, errors.NoticeObjected), ("upheld", errors.NoticeObjected), ("dismissed", None)],
)
def test_no_reissue_while_an_objection_stands(
    bureau: Bureau, outcome: str | None, refusal: type[Exception] | None
) -> None:
    ticket = bureau.issue(1000)
    notice = lost(bureau, ticket)
    objection = raise_objection(
        notice=notice, objector="张三", contact="139", text="票在我处", actor=None
    )
    told = Message.objects.get(user=bureau.clerk, subject__startswith="挂失异议")
    assert str(notice.key) in told.link
    if outcome:
        settlement: dict[str, Any] = {
            "objection": objection, "outcome": LossObjection.Outcome(outcome), "reason": "查清",
            "document": paper("林草局"), "actor": bureau.clerk,
        }  # fmt: skip
        with pytest.raises(ReasonMissing):
            prepare_settlement(**{**settlement, "reason": " "})
        with pytest.raises(errors.DocumentMissing):
            prepare_settlement(**{**settlement, "document": NO_PAPER})
        registration = prepare_settlement(**settlement)
        with refused_by("objection_is_settled_by_two"):
            LossObjection.objects.update(
                outcome=outcome, settled_at=PortalNow(), settled_by=bureau.clerk
            )
        bureau.approve(registration)
        with pytest.raises(errors.RegistrationDecided):
            prepare_settlement(**{**settlement, "objection": LossObjection.objects.get()})
        assert losses_to_lift().exists() is (outcome == "upheld")
    advance_clock(timedelta(days=31))
    with pytest.raises(refusal) if refusal else nullcontext():
        bureau.approve(
            prepare_reissue(notice=notice, asked_by=bureau.owner_user, actor=bureau.clerk)
        )
    with pytest.raises(errors.NoticeEnded):
        raise_objection(notice=notice, objector="李四", contact="139", text="晚了", actor=None)


# --- market and offset --------------------------------------------------------------------------
def test_listed_kilograms_go_to_the_buyer_to_an_offset_or_back(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    cause = cause_of(bureau.list(ticket, 500))
    bought = bureau.trade(cause, 200)
    offset = open_cause(Cause.Kind.OFFSET)
    trade_to_offset(cause=cause, offset=offset, quantity_kg=100, actor=bureau.trading)
    certificate(ticket, 100, offset, bureau.signer)
    unlist_blocks(cause=cause, actor=None, quantity_kg=50)
    assert states(bought) == {"held": 200}
    assert states(ticket) == {"held": 550, "listed": 150, "offset": 100}
    with pytest.raises(errors.TransferToSelf):
        trade_listed(cause=cause, to=Owners.sole(bureau.owner), actor=bureau.trading)
    with pytest.raises(errors.BlockNotFree):
        trade_listed(
            cause=cause, to=Owners.sole(bureau.buyer), quantity_kg=151, actor=bureau.trading
        )
    unlist_blocks(cause=cause, actor=bureau.trading)
    with pytest.raises(errors.BlockNotFree):
        trade_listed(cause=cause, to=Owners.sole(bureau.buyer), actor=bureau.trading)
    with pytest.raises(OfficeMissing):
        offset_blocks(ticket=ticket, quantity_kg=1, cause=offset, actor=bureau.approver)


def test_a_used_up_ticket_is_closed_and_not_before(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    bureau.offset(ticket, 999)
    with pytest.raises(errors.NotUsedUp):
        prepare_close(ticket=ticket, actor=bureau.clerk)
    bureau.offset(ticket, 1)
    bureau.approve(prepare_close(ticket=ticket, actor=bureau.clerk))
    ticket.refresh_from_db()
    assert ticket.closed_because == "used_up"
    assert states(ticket) == {"offset": 1000}
    with pytest.raises(errors.TicketClosed):
        bureau.request_transfer(ticket, 1)


# --- endings ------------------------------------------------------------------------------------
def test_a_reversal_takes_the_owners_free_kilograms_from_above_then_notes_a_debt(
    bureau: Bureau,
) -> None:
    ticket = bureau.issue(1000)
    bought = bureau.transfer(ticket, 300)
    pledged(bureau, ticket, 200)
    issuance = ticket.issuance

    def order(quantity_kg: int | None) -> Cancellation:
        document = paper("伊宁市林业和草原局")
        bureau.approve(
            prepare_cancellation(
                issuance=issuance, reason=Cancellation.Reason.FIRE, document=document,
                text="火灾", quantity_kg=quantity_kg, actor=bureau.clerk,
            )
        )  # fmt: skip
        return Cancellation.objects.get(document_number=document.number)

    first = order(100)
    told = Message.objects.filter(user=bureau.owner_user, subject__contains="核减")
    assert "火灾等灾害损失" in told.get().body
    assert [(p.low, p.high) for p in standing_pieces(because=first.pk)] == [(900, 1000)]
    second = order(600)
    assert second.cancelled_kg == 400
    assert "核减 0.4 吨，不足的 0.2 吨记为欠缴。火灾" in told.latest("pk").body
    assert "应核减 0.6 吨，欠缴 0.2 吨" in order_line(second)
    assert not Message.objects.filter(user=bureau.buyer_user, subject__contains="核减").exists()
    assert [(debt.party, debt.quantity_kg) for debt in second.debts.all()] == [(bureau.owner, 200)]
    assert states(ticket) == {"pledged": 200, "cancelled": 500}
    assert states(bought) == {"held": 300}
    # Who owes reads it, and so does forestry; a buyer in good faith is shown no name.
    pages = {
        "work": reverse("registry:work"), "theirs": reverse("registry:ticket", args=[bought.number])
    }  # fmt: skip
    for user, shown in (
        (bureau.owner_user, {"work", "theirs"}), (bureau.clerk, {"work", "theirs"}),
        (bureau.buyer_user, set()),
    ):  # fmt: skip
        client = Client()
        client.force_login(user)
        texts = {name: client.get(page).content.decode() for name, page in pages.items()}
        assert {name for name, text in texts.items() if "欠缴的减排量" in text} == shown
    assert covered(issuance)
    assert Debt.objects.count() == 1


def test_a_gift_or_a_merger_saves_nothing_from_a_revocation_and_each_owner_owes_his_share(
    bureau: Bureau,
) -> None:
    """Article 7 and domain.md: only a buyer in good faith keeps what he has."""
    ticket = bureau.issue(1000)
    bureau.offset(ticket, 100)
    gift = bureau.transfer(ticket, 400, kind=Kind.GIFT, to=Owners.sole(bureau.other))
    bought = bureau.transfer(gift, 150)
    merged = bureau.transfer(ticket, kind=Kind.MERGER, to=Owners.sole(bureau.bank))
    order = prepare_cancellation(
        issuance=ticket.issuance, reason=Cancellation.Reason.REVOCATION, document=paper("林草局"),
        text="", actor=bureau.clerk,
    )  # fmt: skip
    bureau.approve(order)
    assert [states(one) for one in (gift, bought, merged)] == [
        {"cancelled": 250}, {"held": 150}, {"cancelled": 500},
    ]  # fmt: skip
    done = Cancellation.objects.get(document_number=order.document_number)
    # What is offset or bought is owed, by the body that took the owner over.
    assert [(debt.party, debt.quantity_kg) for debt in done.debts.all()] == [(bureau.bank, 250)]
    assert Event.objects.get(subject_key=str(done.pk), verb="ordered").facts["missing"] == 250
    assert LedgerEntry.objects.get(cause=done.pk).article == "第七条"
    with refused_by("ordered_is_cancelled_or_owed"):
        Debt.objects.create(cancellation=done, party=bureau.other, quantity_kg=1)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_whole_revocation_closes_what_it_empties(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    frozen(bureau, ticket, 400, "inspection")
    bureau.approve(
        prepare_cancellation(
            issuance=ticket.issuance, reason=Cancellation.Reason.REVOCATION,
            document=paper("林草局"), text="", actor=bureau.clerk,
        )
    )  # fmt: skip
    ticket.refresh_from_db()
    assert (ticket.closed_because, states(ticket)) == ("cancelled", {"cancelled": 1000})
    registration = prepare_cancellation(
        issuance=ticket.issuance, reason=Cancellation.Reason.REVOCATION, document=paper("林草局"),
        text="", actor=bureau.clerk,
    )  # fmt: skip
    with pytest.raises(errors.NothingToCancel):
        bureau.approve(registration)


def test_a_cancellation_prepared_for_a_reason_of_earlier_days_is_rejected(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    registration = prepare_cancellation(
        issuance=ticket.issuance, reason="request", document=paper("林草局"), text="",  # type: ignore[arg-type]
        actor=bureau.clerk,
    )  # fmt: skip
    with pytest.raises(errors.CancelReasonGone):
        bureau.approve(registration)
    reject_registration(registration=registration, reason="另行受理", actor=bureau.approver)
    assert states(ticket) == {"held": 1000}


def test_a_change_of_shares_moves_no_kilogram(bureau: Bureau) -> None:
    ticket = bureau.issue(1000, owners=Owners(((bureau.owner, 1), (bureau.other, 2)), 3))
    consents = [PaperConsent(party, digest("x")) for party in (bureau.owner, bureau.other)]
    wanted: dict[str, Any] = {
        "ticket": ticket, "document": paper(), "reason": "", "actor": bureau.clerk,
        "consents": consents,
    }  # fmt: skip
    to = Owners(((bureau.owner, 2), (bureau.other, 1)), 3)
    bureau.approve(prepare_change(to=to, **wanted))
    standing = ticket.shares.filter(closed_by__isnull=True)
    assert [share.numerator for share in standing] == [2, 1]
    with pytest.raises(errors.OwnersDiffer):
        prepare_change(to=Owners.sole(bureau.buyer), **wanted)
    # Over another denominator a new ticket says it; nothing else changes.
    halves = Owners(((bureau.owner, 1), (bureau.other, 1)), 2)
    printed(ticket, bureau.owner_user)
    with pytest.raises(errors.PaperOutstanding):
        prepare_change(to=halves, **wanted)
    back = Registration.Paper.SURRENDERED
    bureau.approve(prepare_change(to=halves, paper=back, **wanted))
    ticket.refresh_from_db()
    child = ticket.children.get()
    assert (ticket.closed_because, states(child)) == ("corrected", {"held": 1000})
    assert [share.numerator for share in child.shares.all()] == [1, 1]
    ticket, to = child, halves
    wanted["ticket"] = ticket
    with pytest.raises(errors.NothingToChange):
        prepare_change(to=halves, **wanted)
    # What secures a loan or is frozen is not emptied by other shares.
    pledged(bureau, ticket, 100, consents=consents)
    to = Owners(((bureau.owner, 2), (bureau.other, 3)), 5)
    with pytest.raises(errors.PledgeeNotAgreed):
        bureau.approve(prepare_change(to=to, **wanted))
    with_bank = [*consents, PaperConsent(bureau.bank, digest("x"))]
    bureau.approve(prepare_change(to=to, **{**wanted, "consents": with_bank}))
    ticket = wanted["ticket"] = ticket.children.get()
    to = Owners(((bureau.owner, 3), (bureau.other, 2)), 5)
    with pytest.raises(errors.ConsentOfAStranger):
        stranger = [PaperConsent(bureau.bank2, digest("x"))]
        prepare_change(to=to, **{**wanted, "consents": stranger})
    waiting = prepare_change(to=to, **{**wanted, "consents": with_bank})
    frozen(bureau, ticket, 1)
    with pytest.raises(errors.TicketFrozen):
        bureau.approve(waiting)
    with pytest.raises(errors.TicketFrozen):
        prepare_change(to=to, **wanted)
    # Article 10: a new name alone is registered promptly, and neither bank nor co-owner is asked.
    name: dict[str, Any] = {"renamed": bureau.owner, "new_name": "伊宁新林业公司"}
    with pytest.raises(errors.ConsentOfAStranger):
        prepare_change(**wanted, **name)
    bureau.approve(prepare_change(**{**wanted, "consents": consents[:1]}, **name))
    assert bureau.owner.former_names.count() == 1


def test_banks_of_every_rank_are_told_and_shown_that_shares_are_to_change(bureau: Bureau) -> None:
    """Article 15: what secures their loans is theirs to guard, first rank or waiting."""
    ticket = bureau.issue(1000, owners=Owners(((bureau.owner, 1), (bureau.other, 2)), 3))
    consents = [PaperConsent(party, digest("x")) for party in (bureau.owner, bureau.other)]
    first = pledged(bureau, ticket, 100, consents=consents)
    pledged(bureau, ticket, 100, consents=consents, pledgee=bureau.bank2, behind=first)
    waiting = prepare_change(
        ticket=ticket, to=Owners(((bureau.owner, 2), (bureau.other, 1)), 3), document=paper(),
        reason="", actor=bureau.clerk, consents=consents,
    )  # fmt: skip
    page = reverse("registry:registration", args=[waiting.key])
    for user in (bureau.bank_user, bureau.bank2_user):
        assert Message.objects.filter(user=user, link=page).exists()
        client = Client()
        client.force_login(user)
        for address in (reverse("registry:work"), reverse("registry:ticket", args=[ticket.number])):
            assert page in client.get(address).content.decode()
        with pytest.raises(errors.PledgeeNotAgreed):
            bureau.approve(waiting)
        party = Party.objects.get(mandates__user=user)
        give_consent(registration=waiting, party=party, actor=user)
    bureau.approve(waiting)
    assert client.get(page).status_code == 200
    assert not Message.objects.filter(user=bureau.owner_user, link=page).exists()


def test_an_owners_new_name_is_registered_and_the_former_one_kept(bureau: Bureau) -> None:
    """Article 10: 权利人的身份信息发生变更."""
    ticket = bureau.issue(1000)
    wanted: dict[str, Any] = {
        "ticket": ticket, "document": paper(), "reason": "", "actor": bureau.clerk,
        "consents": [PaperConsent(bureau.owner, digest("x"))],
    }  # fmt: skip
    for wrong in ({}, {"new_name": "新名"}, {"renamed": bureau.owner}):
        with pytest.raises(errors.NothingToChange):
            prepare_change(**wanted, **wrong)
    with pytest.raises(errors.OwnersDiffer):
        prepare_change(**wanted, renamed=bureau.buyer, new_name="新名")
    former, before = bureau.owner.name, now()
    bureau.approve(prepare_change(**wanted, renamed=bureau.owner, new_name="伊宁新林业公司"))
    for at, called in ((None, "伊宁新林业公司"), (before, former)):
        assert [one.name for one in holders(ticket, at, masked=False)] == [called]
    bureau.owner.refresh_from_db()
    assert bureau.owner.name == "伊宁新林业公司"
    assert [row.name for row in bureau.owner.former_names.all()] == [former]
    event = Event.objects.get(subject_key=str(bureau.owner.key), verb="rename_party")
    assert former not in str(event.facts)
    assert states(ticket) == {"held": 1000}
    assert LedgerEntry.objects.filter(issuance=ticket.issuance).latest("pk").kind == "change"


def test_a_correction_gives_a_new_number_and_keeps_everything_else(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 300)
    bureau.approve(
        prepare_correction(ticket=ticket, reason="地名", document=paper(), actor=bureau.clerk)
    )
    ticket.refresh_from_db()
    child = ticket.children.get()
    assert ticket.closed_because == "corrected"
    assert states(child) == {"held": 700, "pledged": 300}
    released(bureau, pledge, 100)
    enforced(bureau, pledge, 150)
    assert states(child) == {"held": 800, "pledged": 50}
    assert states(child.children.get()) == {"held": 150}
    assert list(pledges_on(child)) == [pledge]
    released(bureau, pledge)
    bureau.offset(child, 849)
    wanted: dict[str, Any] = {"reason": "", "document": paper(), "actor": bureau.clerk}
    frozen(bureau, child, 1)
    with pytest.raises(errors.TicketFrozen):
        prepare_correction(ticket=child, **wanted)
    used_up = child.children.get()
    bureau.offset(used_up, 150)
    with pytest.raises(errors.NothingToCorrect):
        prepare_correction(ticket=used_up, **wanted)


def test_every_kind_of_request_has_one_writer(bureau: Bureau) -> None:
    from tickets.registry.operations import WRITERS

    assert set(WRITERS) == set(Kind)
    ticket = bureau.issue()
    assert approve_registration(
        registration=prepare_transfer(
            kind=Kind.GIFT, ticket=ticket, to=Owners.sole(bureau.buyer), document=paper(),
            actor=bureau.clerk, asked_by=bureau.owner_user,
        ),
        actor=bureau.approver,
    ).decided_by == bureau.approver  # fmt: skip
