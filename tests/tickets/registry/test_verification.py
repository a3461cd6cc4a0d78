"""``verify_register``: a whole register is found whole, and a change by hand is named."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from portal.journal.operations import seal_day
from tests.base.sessions import as_owner, refused_by
from tests.databases import own_database
from tests.tickets.registry.register import Bureau, cause_of, paper
from tests.tickets.registry.test_acts import frozen, pledged
from tests.tickets.registry.test_successions import succeeded
from tickets.registry.face.signature import signature_of
from tickets.registry.models import Cancellation, Registration
from tickets.registry.operations import Kind, Owners, prepare_cancellation
from tickets.registry.verification.checks import CHECKS, GROUNDS, TICKETS, all_checks
from tickets.registry.verification.replay import COMPARE


def verdict(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit status and report of the command."""
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_register", *words, stdout=out, stderr=io.StringIO())
    return int(ended.value.code or 0), json.loads(out.getvalue())


def told(bureau: Bureau) -> None:
    """A register in which something of everything has happened."""
    ticket = bureau.issue(10_000)
    child = bureau.transfer(ticket, 4000)
    bureau.offset(child, 1000)
    listed = cause_of(bureau.list(ticket, 3000))
    bureau.trade(listed, 500, to=bureau.other)
    bureau.transfer(bureau.transfer(child, to=Owners.sole(bureau.other)))
    pledged(bureau, ticket, 200)
    frozen(bureau, ticket, 100, "inspection")
    signature_of(ticket)
    order = prepare_cancellation(
        issuance=ticket.issuance, reason=Cancellation.Reason.FIRE, document=paper("林草局"), text="",
        quantity_kg=6000, actor=bureau.clerk,
    )  # fmt: skip
    bureau.approve(order)
    assert Cancellation.objects.get().debts.count() == 1
    succeeded(bureau, bureau.bank2, bureau.bank)
    seal_day()


@pytest.fixture(scope="module")
def whole(filed_template: str, filed_db: str, django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), own_database(filed_template) as name:
        told(Bureau())
        yield name


def test_a_register_that_the_operations_wrote_is_whole(whole: str) -> None:
    status, report = verdict("--replay")
    assert report["faults"] == []
    assert status == 0
    assert report["counts"]["entries"] == 10
    assert report["checks"] == len(all_checks()) + 2 + len(COMPARE) > len(CHECKS)


# What a hand at the owner's console does → the checks that must name it.
HANDS = {
    "UPDATE registry_block SET kg = int8range(lower(kg), upper(kg) + 1) WHERE id = 1":
        {"nothing_lost_nothing_made", "replayed_blocks_are_the_blocks"},
    "UPDATE registry_block SET ticket_id = (SELECT min(key::text)::uuid FROM registry_carbonticket)":
        {"replayed_blocks_are_the_blocks"},
    "UPDATE registry_block SET state = 'held', because_id = NULL WHERE state = 'offset'":
        {"replayed_blocks_are_the_blocks", "replayed_sums_are_the_sums"},
    "DELETE FROM registry_block WHERE id = (SELECT max(id) FROM registry_block)":
        {"nothing_lost_nothing_made", "replayed_blocks_are_the_blocks"},
    "UPDATE registry_block SET closed_by_id = NULL, closed_at = NULL WHERE id = 1":
        {"one_home_for_every_kilogram", "nothing_lost_nothing_made"},
    "UPDATE registry_ledgerentry SET content = jsonb_set(content, '{opens,0,state}', '\"pledged\"')"
    " WHERE seq = 2": {"entries_are_chained", "replayed_blocks_are_the_blocks"},
    "UPDATE registry_ledgerentry SET actor_key = gen_random_uuid() WHERE seq = 3":
        {"entries_are_chained"},
    "UPDATE registry_ledgerentry SET recorded_at = recorded_at - interval '1 day' WHERE seq = 3":
        {"entries_are_chained"},
    "UPDATE registry_ledgerhead SET seq = 1": {"heads_are_the_last_entries"},
    "UPDATE registry_carbonticket SET number = 'YN-2026-0000009-A', serial = 9 WHERE serial = 2":
        {"ticket_numbers_have_no_gap", "replayed_tickets_are_the_tickets"},
    "UPDATE registry_carbonticket SET closed_by_id = NULL, closed_at = NULL, closed_because = ''":
        {"replayed_tickets_are_the_tickets"},
    "UPDATE registry_carbonticket SET opened_at = opened_at - interval '1 day' WHERE serial = 2":
        {"replayed_tickets_are_the_tickets"},
    "UPDATE registry_ticketshare SET opened_at = opened_at - interval '1 day' WHERE id = 1":
        {"replayed_shares_are_the_shares"},
    "UPDATE registry_ticketcounter SET last = last + 1": {"ticket_counter_is_the_last_number"},
    "UPDATE registry_ticketshare SET numerator = 2 WHERE id = 1":
        {"ticket_shares_sum_to_the_whole", "replayed_shares_are_the_shares", "issued_to_the_applicants"},
    "UPDATE registry_issuance SET quantity_kg = 10001":
        {"nothing_lost_nothing_made", "one_home_for_every_kilogram", "replayed_claims_are_the_claims"},
    "UPDATE projects_filing SET quantity_kg = 1000": {"issued_at_most_what_was_signed"},
    "DELETE FROM journal_event WHERE subject_kind = 'issuance' AND seq = 2":
        {"every_entry_is_in_the_journal", "journal_is_whole"},
    "UPDATE parcels_claim SET state = 'ended', ended_because = 'withdrawn', ended_at = now()"
    " WHERE id = 1": {"filed_claim_ends_by_decision_only"},
    "UPDATE registry_carbonticket SET code = reverse(code) WHERE serial = 2":
        {"ticket_codes_are_as_journalled"},
    "UPDATE registry_freezeorder SET kind = 'court', authority = 'x', document_number = 'y'":
        {"grounds_are_as_journalled"},
    "UPDATE registry_pledge SET pledgee_id = (SELECT max(id) FROM accounts_party)":
        {"grounds_are_as_journalled"},
    "DELETE FROM registry_debt": {"grounds_are_as_journalled", "ordered_is_cancelled_or_owed"},
    "UPDATE registry_facesignature SET signature = sha256(signature)":
        {"grounds_are_as_journalled"},
    "UPDATE registry_partysuccession SET effective_on = effective_on - 1":
        {"grounds_are_as_journalled", "succession_is_registered"},
    "INSERT INTO registry_partysuccession (former_id, successor_id, effective_on, document_number)"
    " SELECT successor_id, former_id, effective_on, document_number FROM registry_partysuccession":
        {"nobody_succeeds_in_a_circle", "succession_is_registered"},
    "DELETE FROM registry_consent WHERE id = 1": {"every_owner_agreed"},
    "UPDATE registry_allotmentshare SET party_id = (SELECT max(id) FROM accounts_party)":
        {"acts_are_what_was_asked"},
    "DELETE FROM offsets_offset": {"nothing_is_retired_without_a_certificate"},
    "UPDATE offsets_offset SET headcount = 7": {"certificates_are_as_signed"},
    "UPDATE offsets_offset SET content_sha256 = repeat('0', 64)": {"certificates_are_as_signed"},
    "DROP TRIGGER offset_is_no_own_matter ON offsets_offsetrequest": {"guards_are_at_work"},
    "DROP INDEX one_standing_share_per_owner": {"guards_are_at_work"},
    "ALTER TABLE registry_block DROP CONSTRAINT one_home_for_every_kilogram":
        {"guards_are_at_work"},
    "ALTER TABLE registry_ledgerentry DISABLE TRIGGER registry_entry_takes_effect":
        {"guards_are_at_work"},
}  # fmt: skip
GUARDED = (
    "registry_block", "registry_ledgerentry", "registry_carbonticket", "registry_ticketshare",
    "registry_issuance", "registry_ledgerhead", "registry_ticketcounter", "projects_filing",
    "journal_event", "parcels_claim", "registry_freezeorder", "registry_pledge", "registry_debt",
    "registry_facesignature", "registry_consent", "registry_partysuccession", "offsets_offset", "registry_allotmentshare",
)  # fmt: skip


@pytest.mark.parametrize("statement", HANDS)
def test_a_change_by_hand_is_found_and_named(whole: str, statement: str) -> None:
    """The owner takes the guards off, writes, and puts them back on."""
    connections.close_all()
    with own_database(whole), as_owner() as owner:
        for table in GUARDED:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        if "UPDATE parcels_claim" in statement:
            owner.execute(
                "ALTER TABLE parcels_claim DROP CONSTRAINT filed_claim_ends_by_decision_only"
            )
        if "UPDATE registry_block" in statement:
            owner.execute("ALTER TABLE registry_block DROP CONSTRAINT one_home_for_every_kilogram")
        if not statement.startswith("ALTER"):
            owner.execute(statement)
        for table in GUARDED:
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        if statement.startswith("ALTER"):
            owner.execute(statement)
        status, report = verdict("--replay")
    assert status == 1
    assert {fault["code"] for fault in report["faults"]} >= HANDS[statement]
    assert all(fault["row"] for fault in report["faults"])


def test_codes_of_before_are_bound_by_the_upgrade(whole: str) -> None:
    upgrade = import_module("tickets.registry.migrations.0038_codes_of_before_are_bound")
    [codes] = [check for check in TICKETS if check.code == "ticket_codes_are_as_journalled"]
    [bound] = [check for check in GROUNDS if check.code == "grounds_are_as_journalled"]
    connections.close_all()
    with own_database(whole), as_owner() as owner:
        owner.execute("ALTER TABLE journal_event DISABLE TRIGGER USER")
        owner.execute("UPDATE journal_event SET facts = facts - 'codes'")  # As it was then.
        owner.execute("ALTER TABLE journal_event ENABLE TRIGGER USER")
        assert owner.execute(codes.statement).fetchone() is not None
        for statement in (upgrade.TRIGGER_OFF, upgrade.CODES, upgrade.TRIGGER_ON):
            owner.execute(statement)
        for check in (codes, bound):
            assert owner.execute(check.statement).fetchone() is None
        owner.execute("ALTER TABLE registry_carbonticket DISABLE TRIGGER USER")
        owner.execute("UPDATE registry_carbonticket SET code = reverse(code) WHERE serial = 2")
        assert owner.execute(codes.statement).fetchone() is not None


def test_sales_are_registered_after_a_return_to_one_sale_per_confirmation(whole: str) -> None:
    """The trigger of before asks no function that the way back drops."""
    upgrade = import_module(
        "tickets.registry.migrations.0037_one_sale_of_a_ticket_per_confirmation"
    )
    key_of_numbers, *_index, trigger = upgrade.Migration.operations
    connections.close_all()
    with own_database(whole):
        with as_owner() as owner:
            owner.execute(trigger.reverse_sql)
            owner.execute("DROP INDEX registration_by_confirmation")
            owner.execute(key_of_numbers.reverse_sql)
        former = Registration.objects.filter(kind=Kind.SALE).earliest("pk")
        again = partial(
            Registration.objects.create, kind=Kind.SALE, department="forestry",
            ticket=former.ticket, prepared_by=former.prepared_by,
        )  # fmt: skip
        again(document_number="昨日之后")
        with refused_by("one_sale_per_confirmation"):
            again(document_number="昨日之后")
