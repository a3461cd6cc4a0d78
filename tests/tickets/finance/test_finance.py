"""Articles 18 and 19: the office's register, the bank's view, insurance; no formula in a file."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from portal.accounts.errors import OfficeMissing
from portal.accounts.models import Role
from portal.base.clock import advance_clock, today
from portal.base.errors import InvalidInput, NotFound
from portal.base.tables import csv_of, xlsx_of
from portal.casework.errors import OwnMatter
from portal.casework.models import Message
from tests.base.sessions import refused_by
from tests.tickets.market.floor import Floor
from tests.tickets.registry.register import Bureau, mandate_of, paper
from tickets.finance.errors import (
    ClaimedLater,
    FinanceIncomplete,
    MoreThanInsured,
    NumberTwice,
    OutsideTheTerm,
    OwnFinanceRow,
    PolicyEnded,
    RowStruck,
    TicketCancelled,
)
from tickets.finance.models import FinanceRow, InsuranceClaim, InsurancePolicy
from tickets.finance.operations import (
    claim,
    confirm_row,
    decide_claim,
    end_policy,
    end_row,
    insure,
    record_row,
    strike_row,
    tell_banks,
)
from tickets.finance.queries import (
    Quarter,
    own_pledges,
    pledges_in_force,
    register_lines,
    valuation_price_fen,
    watched,
)
from tickets.registry.models import Cancellation, CarbonTicket, FreezeOrder, Pledge
from tickets.registry.operations import (
    Owners,
    prepare_cancellation,
    prepare_freeze,
    prepare_lift,
    prepare_pledge,
    prepare_release,
)
from tickets.registry.operations.asking import tell_decision

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
    [line] = register_lines(bureau.bank)
    assert (line.amount_fen, line.stands) == (500_000_000, True)
    assert register_lines(bureau.bank2) == []
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
    refused = client.post(page, {"ended_on": "31.12."})
    assert refused.status_code == 422
    assert 'value="31.12."' in refused.content.decode()
    tomorrow = (today() + timedelta(days=1)).isoformat()
    assert "不能晚于今天" in client.post(page, {"ended_on": tomorrow}).content.decode()
    assert client.post(page, {"ended_on": today().isoformat()}).status_code == 302
    assert not register_lines()[0].stands


def test_a_wrong_row_is_struck_and_recorded_anew_under_its_number(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    wrong = row(bureau, ticket, amount_fen=500_000_000_00)
    with pytest.raises(OfficeMissing):
        strike_row(row=wrong, reason="金额有误", actor=bureau.finance)
    with pytest.raises(InvalidInput):
        strike_row(row=wrong, reason=" ", actor=bureau.finance_approver)
    client.force_login(bureau.finance_approver)
    sent = client.post(f"/finance/rows/{wrong.key}/strike/", {"reason": "金额多写两位"})
    assert sent.status_code == 302
    assert "金额多写两位" in client.get("/finance/register/").content.decode()
    assert Message.objects.filter(user=bureau.finance, subject__contains="撤销").count() == 1
    with pytest.raises(RowStruck):
        confirm_row(row=wrong, actor=bureau.finance_approver)
    with pytest.raises(RowStruck):
        strike_row(row=wrong, reason="再次", actor=bureau.finance_approver)
    with refused_by("struck_finance_row_stands"):
        FinanceRow.objects.filter(pk=wrong.pk).update(confirmed_by=bureau.finance_approver)
    right = row(bureau, ticket)
    confirm_row(row=right, actor=bureau.finance_approver)
    assert [line.amount_fen for line in register_lines()] == [5_000_000_00]
    # A confirmed one, too: two people may have read the same wrong figure.
    with refused_by("who_records_a_finance_row_does_not_strike_it"):
        FinanceRow.objects.filter(pk=right.pk).update(struck_by=bureau.finance, struck_because="x")
    strike_row(row=right, reason="银行更正", actor=bureau.finance_approver)
    assert register_lines() == []
    with refused_by("finance_row_is_ended_by_somebody"):
        FinanceRow.objects.filter(pk=row(bureau, ticket).pk).update(ended_on=today())


def test_nobody_of_the_office_keeps_the_rows_of_whom_he_acts_for(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    made = row(bureau, ticket)
    for user, party, giver in (
        (bureau.finance, bureau.bank, bureau.bank_user),
        (bureau.finance_approver, bureau.owner, bureau.owner_user),
    ):
        mandate_of(user, party, giver)
    with pytest.raises(OwnMatter):
        row(bureau, ticket, number="2")
    with pytest.raises(OwnMatter):
        confirm_row(row=made, actor=bureau.finance_approver)
    with pytest.raises(OwnMatter):
        strike_row(row=made, reason="有误", actor=bureau.finance_approver)
    with pytest.raises(OwnMatter):
        end_row(row=made, ended_on=today(), actor=bureau.finance)
    changes: list[dict[str, Any]] = [
        {"confirmed_by": bureau.finance_approver},
        {"struck_by": bureau.finance_approver, "struck_because": "x"},
    ]
    for change in changes:
        with refused_by("nobody_decides_an_own_matter"):
            FinanceRow.objects.filter(pk=made.pk).update(**change)
    policy = insurance(bureau, ticket)
    claimed = claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
                    actor=bureau.other_user)  # fmt: skip
    mandate_of(bureau.other_user, bureau.owner, bureau.owner_user)
    with pytest.raises(OwnMatter):
        decide_claim(claim=claimed, paid_fen=1, actor=bureau.other_user)
    with refused_by("nobody_decides_an_own_matter"):
        InsuranceClaim.objects.filter(pk=claimed.pk).update(
            state="paid", paid_fen=1, decided_by=bureau.other_user
        )


def pledged(bureau: Bureau, ticket: CarbonTicket, **other: Any) -> Pledge:
    given: dict[str, Any] = {
        "ticket": ticket, "quantity_kg": 40_000, "pledgee": bureau.bank, "amount_fen": 1_000_00,
        "begins_on": today(), "ends_on": today() + timedelta(days=90), "external_number": "Z1",
        "asked_by": bureau.owner_user, "document": paper(), "actor": bureau.finance,
    }  # fmt: skip
    bureau.approve(prepare_pledge(**{**given, **other}))
    return Pledge.objects.latest("made_at")


def test_a_later_rank_waits_and_a_report_tells_how_things_stood_at_the_quarters_end(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    first = pledged(bureau, ticket)
    pledged(bureau, ticket, pledgee=bureau.bank2, external_number="Z2", behind=first)
    policy = insurance(bureau, ticket)
    made = row(bureau, ticket, begins_on=today())
    confirm_row(row=made, actor=bureau.finance_approver)
    begun = Quarter(today().year, (today().month + 2) // 3)

    def said(quarter: Quarter | None = None) -> dict[str, str]:
        return {line.number: line.standing.value for line in register_lines(quarter=quarter)}

    standing = {"Z1": "standing", "Z2": "waiting", "林险1": "standing", "授信2026-1": "standing"}
    assert said() == said(begun) == standing
    client.force_login(bureau.finance)
    page = client.get("/finance/register/").content.decode()
    # Each pledge leads to its bank's request.
    assert len(re.findall(r'href="/registrations/[0-9a-f-]{36}/">Z', page)) == 2
    client.force_login(bureau.bank2_user)
    bureau.bank2_user.role_grants.create(role=Role.BANK)
    assert "候补" in client.get("/finance/bank/").content.decode()
    while today() <= begun.last:
        advance_clock(timedelta(days=40))
    following = Quarter(begun.year + begun.number // 4, begun.number % 4 + 1)
    bureau.approve(prepare_release(pledge=first, asked_by=bureau.bank_user, actor=bureau.finance))
    end_row(row=made, ended_on=today(), actor=bureau.finance)
    end_policy(policy=policy, ended_on=today(), reason="退保", actor=bureau.other_user)
    assert said(begun) == standing  # What came later changes no report of what was.
    over = {"Z1": "ended", "Z2": "standing", "林险1": "ended", "授信2026-1": "ended"}
    assert said() == {**over, "林险1": "standing"}  # Insured to the end of this day.
    client.force_login(bureau.finance)
    text = client.get(f"/finance/register.csv?quarter={following}").content.decode("utf-8-sig")
    assert "季末状态" in text
    assert [line.split(",")[2] for line in text.splitlines()[1:]]
    text = client.get(f"/finance/register.csv?quarter={begun}").content.decode("utf-8-sig")
    [waiting] = [line for line in text.splitlines() if ",Z2," in line]
    assert ",40000,0," in waiting
    assert waiting.endswith("候补")
    insurance(bureau, ticket)  # Under the same number: the former one has ended.
    while today() <= following.last:
        advance_clock(timedelta(days=40))
    third = Quarter(following.year + following.number // 4, following.number % 4 + 1)
    assert [line.stands for line in register_lines(quarter=third) if line.insurance] == [True]


def test_a_later_rank_that_gave_back_what_had_entered_waits_for_the_rest(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    first = pledged(bureau, ticket)
    second = pledged(bureau, ticket, pledgee=bureau.bank2, external_number="Z2", behind=first)

    def release(pledge: Pledge, quantity_kg: int) -> None:
        by = bureau.bank_user if pledge == first else bureau.bank2_user
        bureau.approve(
            prepare_release(
                pledge=pledge, quantity_kg=quantity_kg, asked_by=by, actor=bureau.finance
            )
        )

    def said() -> dict[str, str]:
        return {line.number: line.standing.value for line in register_lines()}

    release(first, 10_000)
    assert said() == {"Z1": "standing", "Z2": "standing"}
    release(second, 10_000)
    assert said() == {"Z1": "standing", "Z2": "waiting"}
    with CaptureQueriesContext(connection) as few:
        register_lines()
    last = second
    for number in ("Z3", "Z4"):
        last = pledged(
            bureau, ticket, pledgee=bureau.bank2, quantity_kg=10_000, external_number=number,
            behind=last,
        )  # fmt: skip
    with CaptureQueriesContext(connection) as more:
        register_lines()
    assert len(more) == len(few)  # However many wait.
    release(first, 30_000)
    assert said()["Z2"] == "standing"


def test_a_bank_sees_its_own_pledges_and_what_threatens_them(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    def reversed_kg(quantity_kg: int) -> None:
        bureau.approve(prepare_cancellation(
            issuance=ticket.issuance, reason=Cancellation.Reason.FIRE, document=paper(), text="过火",
            quantity_kg=quantity_kg, actor=bureau.clerk,
        ))  # fmt: skip

    reversed_kg(1_000)  # Before the pledge: the bank took the ticket as it was.
    pledged(bureau, ticket, ends_on=today() + timedelta(days=20))
    sold = bureau.transfer(ticket, 20_000)
    pledged(bureau, sold, quantity_kg=10_000, pledgee=bureau.bank2, external_number="Z9",
            asked_by=bureau.buyer_user)  # fmt: skip
    bureau.approve(prepare_freeze(
        kind=FreezeOrder.Kind.INSPECTION, ticket=ticket, document=paper(), reason="检查",
        actor=bureau.clerk,
    ))  # fmt: skip
    parties = type(bureau.bank).objects
    [own] = own_pledges(parties.filter(pk=bureau.bank.pk))
    assert own.held_kg == 40_000
    assert set(own.labels) == {"质押的减排量被冻结", "质押 30 天内到期"}
    reversed_kg(1_000)
    [own] = own_pledges(parties.filter(pk=bureau.bank.pk))
    assert "该批减排量发生过核减" in own.labels
    # Taken from the project's owner alone: what secures the other bank is as it was.
    [other] = own_pledges(parties.filter(pk=bureau.bank2.pk))
    assert other.labels == []


def test_collateral_is_valued_at_the_mean_of_public_trades(floor: Floor) -> None:
    ticket = floor.issue(100_000)
    pledged(floor, ticket, amount_fen=1_000_00)
    floor.settle(floor.agreement(ticket, 1_000, 100_00))  # Between friends.
    assert [one.value_fen for one in watched(pledges_in_force())] == [0]
    listing = floor.offer(ticket, 30_000, 2_000)
    floor.settle(floor.buy(listing, 10_000))
    floor.settle(floor.buy(floor.offer(ticket, 10_000, 5_000), 5_000))
    # (10 t at 20 yuan + 5 t at 50 yuan) / 15 t = 30 yuan; 40 t secure 1,000 yuan.
    assert valuation_price_fen() == 3_000
    [own] = watched(pledges_in_force())
    assert (own.value_fen, own.labels) == (120_000, [])
    for _n in range(10):  # Policy finance.valuation_trades.
        floor.settle(floor.buy(listing, 100))
    [own] = watched(pledges_in_force())
    assert (own.value_fen, own.labels) == (80_000, ["按市价已低于担保金额"])


def test_a_bank_is_told_once_of_what_threatens_its_pledge(
    bureau: Bureau, ticket: CarbonTicket
) -> None:
    pledged(bureau, ticket)
    told = Message.objects.filter(user=bureau.bank_user, subject__contains=ticket.number)

    def freeze() -> FreezeOrder:
        registered = bureau.approve(prepare_freeze(
            kind=FreezeOrder.Kind.INSPECTION, ticket=ticket, document=paper(), reason="检查",
            actor=bureau.clerk,
        ))  # fmt: skip
        tell_decision(registered, f"冻结已登记：{ticket.number}", "/")
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


def test_a_number_told_twice_is_a_conflict_and_its_form_stays(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    bureau.bank_user.role_grants.create(role=Role.BANK)
    row(bureau, ticket)
    client.force_login(bureau.finance)
    refused = client.post("/finance/register/", {
        "kind": "credit_line", "ticket": ticket.number, "institution": bureau.bank.pk,
        "number": "授信2026-1", "amount_fen": "100", "begins_on": "2026-07-01",
        "ends_on": "2026-12-31",
    })  # fmt: skip
    assert refused.status_code == 409
    assert 'value="授信2026-1"' in refused.content.decode()


def test_a_claim_stays_within_sum_and_term(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
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
    client.force_login(bureau.other_user)
    for typed, status, code in (
        ("四万", 422, InvalidInput.code), ("40000.01", 409, MoreThanInsured.code),
    ):  # fmt: skip
        refused = client.post(f"/finance/claims/{second.key}/", {"paid_fen": typed})
        page = refused.content.decode()
        assert (refused.status_code, f'value="{typed}"' in page) == (status, True)
        assert f'data-code="{code}"' in page
    decide_claim(claim=second, paid_fen=40_000_00, actor=bureau.other_user)


def test_an_insurance_ends_before_its_term_and_is_recorded_anew(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    policy = insurance(bureau, ticket, sum_fen=1_00)
    given: dict[str, Any] = {"policy": policy, "reason": "保额有误", "actor": bureau.other_user}
    with pytest.raises(NumberTwice):
        insurance(bureau, ticket)
    with pytest.raises(NotFound):
        end_policy(**{**given, "actor": bureau.bank_user}, ended_on=today())
    with pytest.raises(FinanceIncomplete):
        end_policy(**given, ended_on=policy.begins_on - timedelta(days=1))
    for wrong in ({"ended_on": today() + timedelta(days=1)}, {"ended_on": today(), "reason": " "}):
        with pytest.raises(InvalidInput):
            end_policy(**{**given, **wrong})
    made = claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
                 actor=bureau.other_user)  # fmt: skip
    yesterday = today() - timedelta(days=1)
    with pytest.raises(ClaimedLater):
        end_policy(**given, ended_on=yesterday)
    decide_claim(claim=made, paid_fen=0, actor=bureau.other_user)
    client.force_login(bureau.other_user)
    address = f"/finance/insurance/{policy.key}/end/"
    refused = client.post(address, {"ended_on": "31.12.", "reason": "保额有误"})
    assert refused.status_code == 422
    assert 'value="保额有误"' in refused.content.decode()
    told = {
        "act": "claim", "claim-policy": policy.key, "claim-event": "雪灾", "claim-claimed_fen": "1",
        "claim-happened_on": policy.begins_on, "request_key": "k1",
    }  # fmt: skip
    for _click in range(2):
        assert client.post("/finance/insurance/", told).status_code == 302
    assert policy.claims.filter(event="雪灾").count() == 1
    sent = client.post(address, {"ended_on": yesterday.isoformat(), "reason": "保额有误"})
    assert sent.status_code == 302
    with pytest.raises(PolicyEnded):
        end_policy(**given, ended_on=yesterday)
    with pytest.raises(OutsideTheTerm):
        claim(policy=policy, event="火灾", happened_on=today(), claimed_fen=1,
              actor=bureau.other_user)  # fmt: skip
    insurance(bureau, ticket)
    for page in ("/finance/insurance/", f"/tickets/{ticket.number}/"):
        shown = client.get(page).content.decode()
        assert "已提前终止" in shown
        assert "保额有误" in shown
    # What has not begun was never in force, from the day on which that is written down.
    future = insurance(bureau, ticket, number="林险2", begins_on=today() + timedelta(days=30))
    end_policy(**{**given, "policy": future}, ended_on=today())
    [line] = [line for line in register_lines() if line.key == future.key]
    assert (line.standing.value, line.begins_on, line.ends_on) == (
        "never", future.begins_on, future.ends_on,
    )  # fmt: skip
    assert "未生效即终止" in client.get("/finance/insurance/").content.decode()
    advance_clock(timedelta(days=31))
    with pytest.raises(OutsideTheTerm):
        claim(policy=future, event="火灾", happened_on=today(), claimed_fen=1,
              actor=bureau.other_user)  # fmt: skip
    insurance(bureau, ticket, number="林险2")


def test_insurance_and_claims_are_shown_on_whatever_came_of_the_ticket(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    policy = insurance(bureau, ticket)
    sold = bureau.transfer(bureau.transfer(ticket), 40_000, to=Owners.sole(bureau.other))
    # What was sold on whole is not a cancelled ticket: the claim is admitted.
    made = claim(policy=policy, event="东坡过火", happened_on=today(), claimed_fen=5_000_00,
                 actor=bureau.other_user)  # fmt: skip
    page = client.get(f"/tickets/{sold.number}/").content.decode()
    assert f"/tickets/{ticket.number}/" in page
    assert "东坡过火" in page
    assert "理赔中" in page
    decide_claim(claim=made, paid_fen=4_321_00, actor=bureau.other_user)
    assert "4,321.00" in client.get(f"/tickets/{sold.number}/").content.decode()
    other = bureau.issue(1_000)
    assert "东坡过火" not in client.get(f"/tickets/{other.number}/").content.decode()


def test_a_claim_on_a_cancelled_ticket_is_refused(
    bureau: Bureau, ticket: CarbonTicket, client: Client
) -> None:
    policy = insurance(bureau, ticket)
    page = client.get(f"/tickets/{ticket.number}/").content.decode()
    assert "火灾、雪灾" in page
    assert "100,000.00" in page
    bureau.approve(prepare_cancellation(
        issuance=ticket.issuance, reason=Cancellation.Reason.FIRE, document=paper(), text="过火", actor=bureau.clerk,
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
    "UPDATE finance_insurancepolicy SET ended_on = begins_on",
    "DELETE FROM finance_insurancepolicy",
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


def sheet_of(content: bytes) -> Worksheet:
    """The one of a written workbook."""
    sheet = load_workbook(io.BytesIO(content)).active
    assert isinstance(sheet, Worksheet)
    return sheet


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
    sheet = sheet_of(client.get("/finance/register.xlsx").content)
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert [cell.value for cell in cells if str(cell.value).startswith("=")] == [made.number]
    assert all(cell.data_type != "f" for cell in cells)
    assert client.get("/finance/register/").status_code == 200


@pytest.mark.parametrize("text", NASTY)
def test_no_text_becomes_a_formula(text: str) -> None:
    written = csv_of(["名称"], [[text]]).decode("utf-8-sig").split("\r\n", 1)[1]
    assert written.lstrip('"').startswith("'")
    sheet = sheet_of(xlsx_of(["名称"], [[text.strip()]]))
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].quotePrefix
