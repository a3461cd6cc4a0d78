"""Guarantees 4 to 7: raw SQL as the application's role, and what binds the owner too."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from portal.journal.models import Event
from portal.journal.operations import record_event
from tests.base.sessions import as_owner, constraint_of, refused_by
from tests.conftest import own_database
from tests.tickets.registry.raw import asked, content, given, insert
from tests.tickets.registry.register import (
    Bureau,
    certificate,
    covered,
    digest,
    paper,
    states,
    unissued,
)
from tests.tickets.registry.test_acts import frozen, pledged
from tickets.registry.models import CarbonTicket, Cause, Issuance, LedgerEntry, Pledge
from tickets.registry.moves import MOVES, OPENING_TICKETS
from tickets.registry.operations import (
    Kind,
    Owners,
    PaperConsent,
    open_cause,
    prepare_pledge,
    reject_registration,
)
from tickets.registry.operations.registrations import end_decision

PROJECTIONS = (
    "registry_block", "registry_carbonticket", "registry_ticketshare", "registry_ledgerhead",
    "registry_ticketcounter",
)  # fmt: skip
GROUNDS = (
    "registry_ledgerentry", "registry_issuance", "registry_cause", "registry_pledge",
    "registry_freezeorder", "registry_lossnotice", "registry_cancellation", "registry_debt",
    "registry_partysuccession", "registry_ticketprint", "registry_pledgereminder",
    "registry_pledgewaiver", "registry_printedface", "registry_formername", "registry_printmark",
)  # fmt: skip
ATTACKS = [
    *(f"DELETE FROM {table}" for table in (*PROJECTIONS, *GROUNDS)),
    *(f"TRUNCATE {table} CASCADE" for table in (*PROJECTIONS, *GROUNDS)),
    *(f"INSERT INTO {table} SELECT * FROM {table}" for table in PROJECTIONS[1:]),
    "INSERT INTO registry_block (issuance_id, kg, ticket_id, state, freezes, opened_by_id, opened_at)"
    " SELECT issuance_id, kg, ticket_id, state, freezes, opened_by_id, opened_at FROM registry_block",
    "UPDATE registry_block SET kg = int8range(0, 1)",
    "UPDATE registry_block SET closed_by_id = NULL, closed_at = NULL",
    "UPDATE registry_block SET closed_by_id = opened_by_id + 1, closed_at = now()",
    "UPDATE registry_block SET state = 'held'",
    "UPDATE registry_carbonticket SET closed_by_id = NULL, closed_because = ''",
    "UPDATE registry_carbonticket SET number = 'YN-2026-0000001-X'",
    "UPDATE registry_carbonticket SET area_version_id = area_version_id + 1",
    "UPDATE registry_ticketshare SET numerator = numerator + 1",
    "UPDATE registry_ticketcounter SET last = 0",
    "UPDATE registry_ledgerhead SET hash = ''",
    "UPDATE registry_ledgerentry SET content = '{}'",
    "UPDATE registry_issuance SET quantity_kg = quantity_kg + 1",
    "UPDATE registry_pledge SET quantity_kg = 1",
    "UPDATE registry_registration SET quantity_kg = 1",
    "UPDATE registry_registration SET prepared_by_id = prepared_by_id + 1",
    "ALTER TABLE registry_block DISABLE TRIGGER ALL",
    "DROP TRIGGER registry_entry_takes_effect ON registry_ledgerentry",
    "SET session_replication_role = replica",
    "SELECT setval('registry_ledgerentry_id_seq', 1)",
    "CREATE OR REPLACE FUNCTION registry_moves() RETURNS int LANGUAGE sql AS 'SELECT 1'",
]  # fmt: skip


@pytest.fixture(scope="module")
def attacked(filed_template: str, filed_db: str, django_db_blocker: Any) -> Iterator[CarbonTicket]:
    """One committed register for all attacks: what is refused changes nothing."""
    with django_db_blocker.unblock(), own_database(filed_template):
        bureau = Bureau()
        ticket = bureau.issue(1000)
        bureau.transfer(ticket, 300)
        bureau.offset(ticket, 100)
        yield ticket


@pytest.mark.parametrize("statement", ATTACKS)
def test_the_application_never_rewrites_the_register(
    attacked: CarbonTicket, statement: str
) -> None:
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege) or (
        constraint_of(refused.value) == "nothing_is_rewritten"
    )
    assert states(attacked) == {"held": 600, "offset": 100}


OWNER_ATTACKS = {
    "UPDATE registry_block SET kg = int8range(0, 1) WHERE closed_by_id IS NULL":
        "nothing_is_rewritten",
    "UPDATE registry_block SET closed_by_id = NULL, closed_at = NULL WHERE closed_by_id IS NOT NULL":
        "nothing_is_rewritten",
    "UPDATE registry_block SET closed_by_id = opened_by_id + 1, closed_at = opened_at + interval '1 s'"
    " WHERE closed_by_id IS NULL": None,
    "INSERT INTO registry_block (issuance_id, kg, ticket_id, state, because_id, freezes, opened_by_id,"
    " opened_at) SELECT issuance_id, kg, ticket_id, state, because_id, freezes, opened_by_id,"
    " opened_at FROM registry_block WHERE closed_by_id IS NULL": "one_home_for_every_kilogram",
    "INSERT INTO registry_block (issuance_id, kg, ticket_id, state, freezes, opened_by_id, opened_at)"
    " SELECT issuance_id, int8range(5000, 6000), ticket_id, 'held', '{}', opened_by_id, opened_at"
    " FROM registry_block WHERE closed_by_id IS NULL LIMIT 1": "nothing_lost_nothing_made",
    "DELETE FROM registry_block": "nothing_is_rewritten",
    "TRUNCATE registry_block": "nothing_is_rewritten",
    "DELETE FROM registry_ledgerentry": "nothing_is_rewritten",
    "UPDATE registry_ledgerentry SET kind = 'offset'": "nothing_is_rewritten",
    "UPDATE registry_carbonticket SET number = 'X'": "nothing_is_rewritten",
    "UPDATE registry_ticketshare SET numerator = 7": "nothing_is_rewritten",
}  # fmt: skip


@pytest.mark.parametrize(("statement", "rule"), OWNER_ATTACKS.items())
def test_the_owner_is_bound_by_the_same_constraints(
    attacked: CarbonTicket, statement: str, rule: str | None
) -> None:
    with as_owner() as owner, pytest.raises(psycopg.Error) as refused:
        owner.execute(statement)
    if rule is not None:
        assert constraint_of(refused.value) == rule
    assert covered(attacked.issuance)


# --- entries as an attacker with the application's role would write them --------------------------
@pytest.mark.django_db
def test_an_entry_by_plain_sql_is_numbered_timed_and_chained_by_the_database(
    bureau: Bureau,
) -> None:
    ticket = bureau.issue(1000)
    said = content(ticket, ticket={"number": "YN-1999-0000001-0"})
    wanted = asked(bureau, ticket, "inheritance", said)
    insert(ticket.issuance, "transfer", said, wanted=wanted, granted_by=bureau.approver)
    first, second = LedgerEntry.objects.filter(issuance=ticket.issuance).order_by("seq")
    assert (second.seq, bytes(second.previous_hash)) == (2, bytes(first.hash))
    assert second.recorded_at > first.recorded_at
    child = ticket.children.get()
    assert child.serial == ticket.serial + 1
    assert covered(ticket.issuance)


@pytest.mark.django_db
def test_an_entry_that_gives_way_to_another_takes_no_place_and_no_number(bureau: Bureau) -> None:
    """ON CONFLICT DO NOTHING runs the triggers before the row, and writes no row."""
    ticket, decided = bureau.issue(1000), bureau.issue(1000)
    listed = bureau.list(ticket, 400)
    bureau.transfer(decided, 100, kind=Kind.COURT, document=paper("人民法院"))
    court = LedgerEntry.objects.get(kind="court")
    said = content(decided, closes=[[100, 1000]], open={"kg": [100, 1000]})
    attacks: tuple[tuple[CarbonTicket, str, dict[str, Any], dict[str, Any]], ...] = (
        (ticket, "list", {}, {"cause": listed.cause}),
        (decided, "court", said, {"registration": court.registration, "document": b"x" * 32}),
    )
    for of, kind, forged, columns in attacks:
        with refused_by("heads_are_the_last_entries"):
            insert(of.issuance, kind, forged, unless_there=True, **columns)
    child = bureau.transfer(ticket, 600)  # Another entry after it, and its numbers without a gap.
    assert child.serial == 1 + max(
        CarbonTicket.objects.exclude(pk=child.pk).values_list("serial", flat=True)
    )
    assert covered(ticket.issuance)


FORGED: dict[str, tuple[str, dict[str, Any]]] = {
    "one more kilogram": ("nothing_lost_nothing_made", {"open": {"kg": [0, 1001]}}),
    "one kilogram less": ("nothing_lost_nothing_made", {"open": {"kg": [0, 999]}}),
    "a kilogram twice": (
        "one_home_for_every_kilogram",
        {"opens": [
            {"kg": [0, 600], "ticket": "*", "state": "held"},
            {"kg": [599, 1000], "ticket": "*", "state": "held"},
        ]},
    ),
    "an empty range": ("block_has_kilograms", {"open": {"kg": [0, 0]}}),
    "a block that is not there": ("closed_block_was_standing", {"closes": [[0, 999]]}),
    "a part of a block": ("closed_block_was_standing", {"closes": [[0, 500], [500, 1000]]}),
    "another state": (
        "block_stands_for_what_put_it_there", {"open": {"state": "offset"}},
    ),
    "a state out of thin air": ("block_stands_for_what_put_it_there", {"open": {"state": "gone"}}),
    "shares beyond the whole": (
        "ticket_shares_sum_to_the_whole", {"ticket": {"denominator": 2}},
    ),
    "a ticket without a parent": (
        "ticket_has_a_parent_or_is_issued", {"ticket": {"parent": None}},
    ),
    "a ticket left open with nothing moved": ("closed_ticket_holds_nothing_live", {
        "closes": None, "opens": None, "tickets": None,
    }),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_entry_is_refused(bureau: Bureau, forged: str) -> None:
    rule, changes = FORGED[forged]
    ticket = bureau.issue(1000)
    said = content(ticket, **json.loads(json.dumps(changes)))
    for block in said.get("opens", []):
        block["ticket"] = said["tickets"][0]["key"] if block["ticket"] == "*" else block["ticket"]
    wanted = asked(bureau, ticket, "court", said)
    with refused_by(rule):
        insert(ticket.issuance, "court", said, wanted=wanted, granted_by=bureau.approver)
    assert states(ticket) == {"held": 1000}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind", ["divide", "court", "list", "unlist", "trade", "pledge", "release", "enforce",
             "freeze", "lift", "offset", "cancel", "reissue", "change", "close"],
)  # fmt: skip
def test_offset_kilograms_never_move_by_any_act(bureau: Bureau, kind: str) -> None:
    ticket = bureau.issue(1000)
    bureau.offset(ticket, 1000)
    said = content(ticket)
    if kind not in OPENING_TICKETS:
        said = content(ticket, tickets=None, closed=None, open={"ticket": str(ticket.pk)})
    with pytest.raises(IntegrityError) as refused:
        insert(ticket.issuance, kind, said, document=b"x" * 32)
    assert constraint_of(refused.value) == "blocks_move_by_the_table"
    assert states(ticket) == {"offset": 1000}


@pytest.mark.django_db
def test_an_act_says_only_what_it_may(bureau: Bureau) -> None:
    """Tickets, shares, and the document of a decision, whoever writes the entry."""
    ticket = bureau.issue(1000)
    order = frozen(bureau, ticket, 1)
    everything = content(ticket)
    nothing = {"closes": None, "opens": None, "closed": None}
    shares = [{"ticket": str(ticket.pk), "shares": [[str(bureau.buyer.key), 1]]}]
    for kind, said, rule in (
        ("lift", content(ticket, **nothing), "tickets_open_by_their_acts"),
        ("lift", {"shares": shares}, "shares_change_by_a_change"),
        ("unlist", {"closed": []}, "tickets_end_by_their_acts"),
        ("lift", {"closed": everything["closed"]}, "tickets_end_by_their_acts"),
        ("change", {"shares": shares}, "shares_change_on_unfrozen_tickets"),
        ("transfer", {"closes": [[0, 999]]}, "what_closes_opens_again"),
        ("court", everything, "decision_has_its_document"),
        ("enforce", everything, "decision_has_its_document"),
        ("lift", {}, "court_order_has_its_document"),
    ):
        with pytest.raises(IntegrityError) as refused:
            insert(ticket.issuance, kind, said, freeze=order.pk)
        assert constraint_of(refused.value) == rule
    # Article 10: the data behind a name are noted promptly, the shares being what they were.
    shares[0]["shares"] = [[str(one.party.key), one.numerator] for one in ticket.shares.all()]
    said = {"shares": shares}
    wanted = asked(bureau, ticket, "change", said)
    insert(ticket.issuance, "change", said, wanted=wanted, granted_by=bureau.approver)


@pytest.mark.django_db
def test_a_division_opens_tickets_of_the_owners_alone(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    said = content(ticket, ticket={"shares": [[str(bureau.buyer.key), 1]]})
    with pytest.raises(IntegrityError) as refused:
        insert(ticket.issuance, "divide", said)
    assert constraint_of(refused.value) == "division_stays_among_the_owners"
    said = content(ticket)
    wanted = asked(bureau, ticket, "divide", said)
    insert(ticket.issuance, "divide", said, wanted=wanted, granted_by=bureau.approver)


@pytest.mark.django_db
def test_released_kilograms_enter_the_next_rank_and_no_other(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    first, stranger = pledged(bureau, ticket, 600), pledged(bureau, ticket, 100)
    second = pledged(bureau, ticket, 50, behind=first)

    def release_to(pledge: Pledge) -> None:
        opens = [{"kg": [0, 600], "ticket": str(ticket.pk), "state": "pledged",
                  "because": str(pledge.pk)}]  # fmt: skip
        insert(ticket.issuance, "release", {"closes": [[0, 600]], "opens": opens}, cause=first.pk)

    for pledge in (stranger, second):  # Not behind it; behind it, for fewer kilograms.
        with pytest.raises(IntegrityError) as refused:
            release_to(pledge)
        assert constraint_of(refused.value) == "later_rank_enters_in_its_turn"


@pytest.mark.django_db
def test_a_cause_is_what_was_registered_and_once(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 100)
    offset = bureau.offset(ticket, 100)
    lot = bureau.list(ticket, 100)
    unknown = {
        kind.value: open_cause(kind).pk
        for kind in (Cause.Kind.PLEDGED, Cause.Kind.CANCELLED, Cause.Kind.OFFSET)
    }
    for kind, state, kg, cause, because, rule in (
        ("pledge", "pledged", [300, 1000], pledge.pk, pledge.pk, "a_cause_is_made_once"),
        ("offset", "offset", [300, 1000], offset.cause, offset.cause, "a_cause_is_made_once"),
        ("trade", "offset", [200, 300], lot.cause, offset.cause, "cause_is_what_was_registered"),
        *(
            (kind, state, [300, 1000], unknown[state], unknown[state],
             "cause_is_what_was_registered")
            for kind, state in (("pledge", "pledged"), ("cancel", "cancelled"))
        ),
        ("offset", "offset", [300, 1000], unknown["offset"], unknown["offset"],
         "nothing_is_retired_without_a_certificate"),
        ("trade", "offset", [200, 300], lot.cause, unknown["offset"],
         "nothing_is_retired_without_a_certificate"),
    ):  # fmt: skip
        opens = [{"kg": kg, "ticket": str(ticket.pk), "state": state, "because": str(because)}]
        with pytest.raises(IntegrityError) as refused:
            insert(ticket.issuance, kind, {"closes": [kg], "opens": opens}, cause=cause)
        assert constraint_of(refused.value) == rule


@pytest.mark.django_db
def test_the_journals_chain_of_an_issuance_is_its_entries_alone(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    with refused_by("events_of_issuances_are_entries"):
        record_event(
            subject_kind="issuance", subject_key=ticket.issuance.key, verb="x", actor_key=None
        )


@pytest.mark.django_db
def test_only_a_row_itself_is_bound_in_the_journal(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    pledge = pledged(bureau, ticket, 100)
    bound = Event.objects.filter(subject_kind="pledge", subject_key=str(pledge.pk), verb="bound")
    assert len(bound.get().facts["sha256"]) == 64
    with refused_by("grounds_bind_themselves"):
        record_event(subject_kind="pledge", subject_key=pledge.pk, verb="bound", actor_key=None)


@pytest.mark.django_db
def test_nothing_is_registered_for_co_owners_who_did_not_agree(bureau: Bureau) -> None:
    ticket = bureau.issue(1000, owners=Owners(((bureau.other, 1), (bureau.bank, 1)), 2))
    agreed = [PaperConsent(bureau.other, digest("同意"))]
    wanted = bureau.request_transfer(ticket, 10, consents=agreed)
    with refused_by("every_owner_agreed"):
        insert(ticket.issuance, "transfer", content(ticket), registration=wanted.key)
    same: dict[str, Any] = {
        "closes": [[0, 1000]],
        "opens": [{"kg": [0, 1000], "ticket": str(ticket.pk), "state": "held"}],
    }
    shares = [{"ticket": str(ticket.pk), "shares": [[str(bureau.other.key), 2]]}]
    for kind, said in (
        ("transfer", content(ticket)), ("divide", content(ticket)), ("correct", content(ticket)),
        ("pledge", same), ("change", {"shares": shares}),
    ):  # fmt: skip
        with refused_by("every_owner_agreed"):  # Nobody was asked.
            insert(ticket.issuance, kind, said)
    for kind, state in (("offset", "offset"), ("list", "listed")):
        with refused_by("every_owner_agreed"):
            cause = open_cause(Cause.Kind(state))
            if kind == "offset":
                certificate(ticket, 1000, cause, bureau.signer)
            same["opens"][0] |= {"state": state, "because": str(cause.pk)}
            insert(ticket.issuance, kind, same, cause=cause.pk)
    court = bureau.request_transfer(ticket, 10, kind=Kind.COURT, consents=())
    bureau.approve(court)  # Its decision stands instead of consent.


@pytest.mark.django_db
def test_an_act_is_the_one_that_was_asked_for_and_once(bureau: Bureau) -> None:
    ticket, other = bureau.issue(1000), bureau.issue(1000)
    waiting = bureau.request_transfer(ticket, 1000)
    done = bureau.request_transfer(ticket, 10)
    for kind, of, key in (
        ("divide", ticket, waiting.key), ("transfer", other, waiting.key),
        ("transfer", ticket, uuid.uuid4()),
    ):  # fmt: skip
        with refused_by("act_is_what_was_asked"):
            insert(of.issuance, kind, content(of), registration=key)
    reject_registration(registration=done, reason="撤回", actor=bureau.approver)
    with refused_by("act_is_what_was_asked"):
        insert(ticket.issuance, "transfer", content(ticket), registration=done.key)
    said = given(ticket, (10, {bureau.buyer: 1}))
    granted: dict[str, Any] = {
        "wanted": asked(bureau, ticket, "gift", said),
        "granted_by": bureau.approver,
    }
    insert(ticket.issuance, "transfer", said, **granted)
    with refused_by("act_is_what_was_asked"):
        insert(ticket.issuance, "transfer", content(ticket), **granted)


@pytest.mark.django_db
def test_a_later_rank_stands_on_a_request_of_its_own_that_every_owner_agreed_to(
    bureau: Bureau,
) -> None:
    ticket = bureau.issue(1000, owners=Owners(((bureau.other, 1), (bureau.buyer, 1)), 2))
    agreed = [PaperConsent(party, digest("同意")) for party in (bureau.other, bureau.buyer)]
    first = pledged(bureau, ticket, 600, consents=agreed)
    second = pledged(bureau, ticket, 50, behind=first, consents=agreed)
    with refused_by("act_is_what_was_asked"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO registry_pledge (cause_id, ticket_id, pledgee_id, rank, behind_id, "
            "quantity_kg, amount_fen, begins_on, ends_on, external_number) "
            "SELECT %s, ticket_id, pledgee_id, rank + 1, cause_id, quantity_kg, amount_fen, begins_on, "
            "ends_on, 'R-0' FROM registry_pledge WHERE cause_id = %s",
            [open_cause(Cause.Kind.PLEDGED).pk, second.pk],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    wanted = prepare_pledge(
        ticket=ticket, quantity_kg=20, pledgee=bureau.bank, amount_fen=1, behind=second,
        begins_on=second.begins_on, ends_on=second.ends_on, external_number="R-1",
        asked_by=bureau.owner_user, actor=bureau.finance,
        consents=agreed[:1],
    )  # fmt: skip
    with refused_by("every_owner_agreed"), connection.cursor() as cursor:
        Pledge.objects.create(
            cause=open_cause(Cause.Kind.PLEDGED), ticket=ticket, pledgee=bureau.bank, rank=3,
            behind=second, quantity_kg=20, amount_fen=1, begins_on=second.begins_on,
            ends_on=second.ends_on, external_number="R-1",
        )  # fmt: skip
        end_decision(wanted, bureau.finance_approver)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db
def test_an_issuance_begins_once(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    with pytest.raises(IntegrityError) as refused:
        insert(ticket.issuance, "issue", content(ticket, ticket={"parent": None}, closed=None))
    assert constraint_of(refused.value) == "issuance_begins_once"


@pytest.mark.django_db
def test_tickets_are_issued_on_the_land_and_report_of_their_filing_to_who_applied(
    bureau: Bureau,
) -> None:
    other = bureau.issue(1000)
    filing = unissued()
    said = content(other, closes=[])
    said.pop("closed")
    said["tickets"][0].pop("parent")
    said |= {"filing": str(filing.key), "kg": 1000}
    for area, report in (
        (other.area_version, filing.uniqueness_report), (filing.area_version, other.uniqueness_report),
    ):  # fmt: skip
        said["tickets"][0] |= {"area": str(area.key), "report": str(report.key)}
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            insert(Issuance.objects.create(filing=filing, quantity_kg=1000), "issue", said)
        assert constraint_of(refused.value) == "issued_as_filed"
    said["tickets"][0] |= {
        "area": str(filing.area_version.key), "report": str(filing.uniqueness_report.key),
        "shares": [[str(bureau.buyer.key), 1]],
    }  # fmt: skip
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        insert(Issuance.objects.create(filing=filing, quantity_kg=1000), "issue", said)
    assert constraint_of(refused.value) == "issued_to_the_applicants"


@pytest.mark.django_db
def test_the_databases_table_of_moves_is_the_codes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM registry_moves()")
        assert cursor.fetchall() == [tuple(value.value for value in move) for move in MOVES]
