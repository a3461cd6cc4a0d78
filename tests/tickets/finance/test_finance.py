"""Articles 18 and 19: the office's register, the bank's view, insurance; no formula in a file."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from openpyxl import load_workbook

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Role
from portal.base.clock import advance_clock, today
from portal.base.errors import InvalidInput, NotFound
from portal.base.tables import csv_of, xlsx_of
from portal.casework.models import Message
from tests.tickets.registry.register import Bureau, paper
from tickets.finance.errors import (
    FinanceIncomplete,
    MoreThanInsured,
    NumberTwice,
    OutsideTheTerm,
    OwnFinanceRow,
    TicketCancelled,
)
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.finance.operations import (
    claim,
    confirm_row,
    decide_claim,
    end_row,
    insure,
    record_row,
    tell_banks,
)
from tickets.finance.queries import own_pledges, quarter_days, register_lines
from tickets.registry.models import CarbonTicket, FreezeOrder, Pledge
from tickets.registry.operations import (
    prepare_cancellation,
    prepare_freeze,
    prepare_lift,
    prepare_pledge,
)

pytestmark = pytest.mark.django_db
NASTY = ["=HYPERLINK(\"http://x\")", "+1+1", "-2", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"]  # fmt: skip


@pytest.fixture
def ticket(bureau: Bureau) -> CarbonTicket:
    return bureau.issue(100_000)


def row(bureau: Bureau, ticket: CarbonTicket, **other: Any) -> FinanceRow:
    given: dict[str, Any] = {
        "kind": FinanceRow.Kind.CREDIT_LINE, "ticket": ticket, "institution": bureau.bank,
        "number": "授信2026-1", "amount_fen": 5_000_000_00, "begins_on": date(2026, 7, 1),
        "ends_on": date(2029, 6, 30), "actor": bureau.finance,
    }  # fmt: skip
    return record_row(**{**given, **other})


def insurance(bureau: Bureau, ticket: CarbonTicket, **other: Any) -> InsurancePolicy:
    if not bureau.other_user.role_grants.exists():
        bureau.other_user.role_grants.create(role=Role.INSURER)
    given: dict[str, Any] = {
        "subject": InsurancePolicy.Subject.FOREST, "ticket": ticket, "insurer": bureau.other,
        "number": "林险1", "sum_fen": 100_000_00, "begins_on": today() - timedelta(days=30),
        "ends_on": today() + timedelta(days=300), "events": "火灾、雪灾", "actor": bureau.other_user,
    }  # fmt: skip
    return insure(**{**given, **other})


def test_a_row_counts_once_another_has_confirmed_it(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    made = row(bureau, ticket)
    assert register_lines() == []
    bureau.finance.role_grants.create(role=Role.APPROVER, department="finance")
    with pytest.raises(OwnFinanceRow):
        confirm_row(row=made, actor=bureau.finance)
    confirm_row(row=made, actor=bureau.finance_approver)
    [line] = register_lines(bureau.bank, quarter_days(2026, 3))
    assert (line.amount_fen, line.standing) == (500_000_000, True)
    assert register_lines(bureau.bank2) == []
    assert register_lines(bureau.bank, quarter_days(2026, 4)) == []
    with pytest.raises(NumberTwice):
        row(bureau, ticket)
    with pytest.raises(FinanceIncomplete):
        row(bureau, ticket, number="2", ends_on=date(2026, 1, 1))
    with pytest.raises(OfficeMissing):
        row(bureau, ticket, number="3", actor=bureau.clerk)
    with pytest.raises(InvalidInput):
        end_row(row=made, ended_on=today() + timedelta(days=1), actor=bureau.finance)
    with pytest.raises(FinanceIncomplete):
        end_row(row=row(bureau, ticket, number="4"), ended_on=today(), actor=bureau.finance)
    client.force_login(bureau.finance)
    page = f"/finance/rows/{made.key}/end/"
    assert page in client.get("/finance/register/").content.decode()
    assert client.post(page, {"ended_on": "31.12."}).status_code == 422
    assert client.post(page, {"ended_on": today().isoformat()}).status_code == 302
    assert not register_lines()[0].standing


def test_a_bank_sees_its_own_pledges_and_what_threatens_them(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    bureau.approve(prepare_pledge(
        ticket=ticket, quantity_kg=40_000, pledgee=bureau.bank, amount_fen=1_000_00,
        begins_on=today(), ends_on=today() + timedelta(days=20), external_number="Z1",
        asked_by=bureau.owner_user, document=paper(), actor=bureau.finance,
    ))  # fmt: skip
    bureau.approve(prepare_freeze(
        kind=FreezeOrder.Kind.INSPECTION, ticket=ticket, document=paper(), reason="检查",
        actor=bureau.clerk,
    ))  # fmt: skip
    parties = type(bureau.bank).objects
    [own] = own_pledges(parties.filter(pk=bureau.bank.pk))
    assert own.held_kg == 40_000
    assert set(own.labels) == {"质押的减排量被冻结", "质押 30 天内到期"}
    assert own_pledges(parties.filter(pk=bureau.bank2.pk)) == []
    [line] = register_lines(bureau.bank)
    assert (line.number, line.standing) == ("Z1", True)
    assert Pledge.objects.count() == 1


def test_a_bank_is_told_once_of_what_threatens_its_pledge(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    bureau.approve(prepare_pledge(
        ticket=ticket, quantity_kg=40_000, pledgee=bureau.bank, amount_fen=1_000_00,
        begins_on=today(), ends_on=today() + timedelta(days=90), external_number="Z1",
        asked_by=bureau.owner_user, document=paper(), actor=bureau.finance,
    ))  # fmt: skip
    told = Message.objects.filter(user=bureau.bank_user, subject__contains=ticket.number)

    def freeze() -> FreezeOrder:
        bureau.approve(prepare_freeze(
            kind=FreezeOrder.Kind.INSPECTION, ticket=ticket, document=paper(), reason="检查",
            actor=bureau.clerk,
        ))  # fmt: skip
        return FreezeOrder.objects.latest("made_at")

    assert tell_banks() == 0
    order = freeze()
    assert [tell_banks(), tell_banks()] == [1, 0]
    assert "质押的减排量被冻结。现质押 40 吨" in told.get().body
    bureau.approve(prepare_lift(order=order, reason="查清", actor=bureau.clerk, document=paper()))
    assert tell_banks() == 0
    freeze()  # Another order is something new.
    assert tell_banks() == 1
    advance_clock(timedelta(days=91))
    assert tell_banks() == 1
    assert [one.body.split("。")[0] for one in told.order_by("-pk")][0] == "质押期限已过"
    assert not Message.objects.filter(user=bureau.bank2_user).exists()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE finance_pledgealert SET ended_at = NULL, source = '', kind = 'below'"
        )


def test_a_claim_stays_within_sum_and_term(bureau: Bureau, ticket: CarbonTicket) -> None:
    policy = insurance(bureau, ticket)
    with pytest.raises(OutsideTheTerm):
        claim(policy=policy, event="火灾", happened_on=today() - timedelta(days=31),
              claimed_fen=1, actor=bureau.other_user)  # fmt: skip
    with pytest.raises(OutsideTheTerm):
        claim(policy=policy, event="火灾", happened_on=today() + timedelta(days=1),
              claimed_fen=1, actor=bureau.other_user)  # fmt: skip
    with pytest.raises(NotFound):
        claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
              actor=bureau.buyer_user)  # fmt: skip
    first = claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=80_000_00,
                  actor=bureau.other_user)  # fmt: skip
    second = claim(policy=policy, event="雪灾", happened_on=today(), claimed_fen=80_000_00,
                   actor=bureau.other_user)  # fmt: skip
    with pytest.raises(FinanceIncomplete):
        decide_claim(claim=first, paid_fen=80_000_01, actor=bureau.other_user)
    decide_claim(claim=first, paid_fen=60_000_00, actor=bureau.other_user)
    with pytest.raises(MoreThanInsured):
        decide_claim(claim=second, paid_fen=40_000_01, actor=bureau.other_user)
    decide_claim(claim=second, paid_fen=40_000_00, actor=bureau.other_user)


def test_a_claim_on_a_ticket_that_was_sold_whole_is_admitted(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    policy = insurance(bureau, ticket)
    bureau.transfer(ticket)
    made = claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
                 actor=bureau.other_user)  # fmt: skip
    assert made.state == "made"


def test_a_claim_on_a_cancelled_ticket_is_refused(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    policy = insurance(bureau, ticket)
    page = client.get(f"/tickets/{ticket.number}/").content.decode()
    assert "火灾、雪灾" in page
    assert "100,000.00" in page
    bureau.approve(prepare_cancellation(
        issuance=ticket.issuance, reason="fire", document=paper(), text="过火", actor=bureau.clerk,
    ))  # fmt: skip
    with pytest.raises(TicketCancelled):
        claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
              actor=bureau.other_user)  # fmt: skip
    attack = (
        "INSERT INTO finance_insuranceclaim (key, policy_id, event, happened_on, claimed_fen, "
        "state, paid_fen, made_by_id) SELECT gen_random_uuid(), id, 'x', begins_on, 1, 'made', 0, "
        "recorded_by_id FROM finance_insurancepolicy"
    )
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


@pytest.mark.parametrize("attack", [
    "UPDATE finance_insurancepolicy SET sum_fen = 1",
    "UPDATE finance_financerow SET amount_fen = 1",
    "UPDATE finance_financerow SET confirmed_by_id = recorded_by_id",
    "DELETE FROM finance_financerow",
])  # fmt: skip
def test_the_database_keeps_what_was_written(
    bureau: Bureau, ticket: CarbonTicket, attack: str
) -> None:
    row(bureau, ticket)
    insurance(bureau, ticket)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(attack)


def test_reports_are_files_without_formulas(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    made = row(bureau, ticket, number="=cmd|' /C calc'!A0")
    confirm_row(row=made, actor=bureau.finance_approver)
    client.force_login(bureau.clerk)
    assert client.get("/finance/register.csv").status_code == 404
    client.force_login(bureau.finance)
    text = client.get(f"/finance/register.csv?bank={bureau.bank.key}&quarter=2026Q3")
    assert "'=cmd" in text.content.decode("utf-8-sig")
    assert client.get("/finance/register.csv?quarter=2026Q5").status_code == 422
    sheet = load_workbook(io.BytesIO(client.get("/finance/register.xlsx").content)).active
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert [cell.value for cell in cells if str(cell.value).startswith("=")] == [made.number]
    assert all(cell.data_type != "f" for cell in cells)
    assert client.get("/finance/register/").status_code == 200


@pytest.mark.parametrize("text", NASTY)
def test_no_text_becomes_a_formula(text: str) -> None:
    written = csv_of(["名称"], [[text]]).decode("utf-8-sig").split("\r\n", 1)[1]
    assert written.lstrip('"').startswith("'")
    sheet = load_workbook(io.BytesIO(xlsx_of(["名称"], [[text.strip()]]))).active
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].quotePrefix
