"""The demonstration's green finance: products of banks and funds, insurances and their claims."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import override

from portal.accounts.models import User
from portal.base.clock import advance_clock, today
from portal.base.story import Chapter
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.finance.operations import (
    claim,
    confirm_row,
    decide_claim,
    end_policy,
    end_row,
    insure,
    record_row,
    strike_row,
)
from tickets.registry.demo import Office, Tell
from tickets.registry.models import CarbonTicket

YUAN = 100


def record(
    users: dict[str, User], kind: FinanceRow.Kind, ticket: CarbonTicket, bank: str, number: str,
    yuan: int, years: int,
) -> FinanceRow:  # fmt: skip
    """By the finance office's clerk."""
    return record_row(
        kind=kind,
        ticket=ticket,
        institution=Office(users).party(bank),
        number=f"{number}（演示）",
        amount_fen=yuan * YUAN,
        begins_on=today(),
        ends_on=today() + timedelta(days=365 * years),
        actor=users["finance"],
    )


def cover(
    users: dict[str, User], subject: InsurancePolicy.Subject, ticket: CarbonTicket, number: str,
    yuan: int, events: str,
) -> InsurancePolicy:  # fmt: skip
    """By the insurer, for a year."""
    return insure(
        subject=subject,
        ticket=ticket,
        insurer=Office(users).party("insurer"),
        number=f"{number}（演示）",
        sum_fen=yuan * YUAN,
        begins_on=today(),
        ends_on=today() + timedelta(days=365),
        events=events,
        actor=users["insurer"],
    )


# --- chapters -----------------------------------------------------------------------------------
def first_products(users: dict[str, User], tell: Tell) -> None:
    """A mortgage on the forest and a credit line on its tonnes."""
    office = Office(users)
    with override("zh-hans"):
        poplars = office.ticket("北山坡杨树造林项目", "owner1")
        banks = ((FinanceRow.Kind.MORTGAGE, "bank1", "抵字018", 300_000, 1),
                 (FinanceRow.Kind.CREDIT_LINE, "bank2", "授信027", 500_000, 3))  # fmt: skip
        for kind, bank, number, yuan, years in banks:
            row = record(users, kind, poplars, bank, number, yuan, years)
            confirm_row(row=row, actor=users["finance_approver"])


def mortgage_paid_back(users: dict[str, User], tell: Tell) -> None:
    with override("zh-hans"):
        mortgage = FinanceRow.objects.get(kind=FinanceRow.Kind.MORTGAGE)
        end_row(row=mortgage, ended_on=today(), actor=users["finance"])


def forests_insured(users: dict[str, User], tell: Tell) -> None:
    """The belt against fire, the spruces' tonnes against snow — with a wrong sum at first."""
    office = Office(users)
    with override("zh-hans"):
        cover(
            users, InsurancePolicy.Subject.FOREST,
            office.ticket("潘津林带修复项目", "collective"), "林险0007", 300_000, "火灾、病虫害",
        )  # fmt: skip
        wrong, right = (12_000, 120_000)
        for yuan in (wrong, right):
            policy = cover(
                users, InsurancePolicy.Subject.TICKET,
                office.ticket("克伯克于孜云杉抚育项目", "owner1"), "碳险0003", yuan,
                "火灾、暴雪造成的减排量核减",
            )  # fmt: skip
            if yuan == wrong:
                end_policy(
                    policy=policy, ended_on=today(), reason="保险金额登记有误，重新登记。",
                    actor=users["insurer"],
                )  # fmt: skip


def bond_and_fund(users: dict[str, User], tell: Tell) -> None:
    """A carbon bond and a fund refer to the spruces' tonnes; the bond's amount was misread once."""
    with override("zh-hans"):
        ticket = Office(users).ticket("克伯克于孜云杉抚育项目", "owner1")
        misread = record(users, FinanceRow.Kind.BOND, ticket, "bank1", "碳债2", 200_000, 3)
        strike_row(row=misread, reason="金额应为 200 万元。", actor=users["finance_approver"])
        for kind, bank, number, yuan in (
            (FinanceRow.Kind.BOND, "bank1", "碳债2", 2_000_000),
            (FinanceRow.Kind.FUND, "bank2", "碳基金1", 800_000),
        ):
            row = record(users, kind, ticket, bank, number, yuan, 3)
            confirm_row(row=row, actor=users["finance_approver"])


def fire_claimed(users: dict[str, User], tell: Tell) -> None:
    """The belt burnt: claimed, looked at, paid in part."""
    with override("zh-hans"):
        policy = InsurancePolicy.objects.get(subject=InsurancePolicy.Subject.FOREST)
        made = claim(
            policy=policy, event="林带东段过火", happened_on=today() - timedelta(days=9),
            claimed_fen=48_000 * YUAN, actor=users["insurer"],
        )  # fmt: skip
        advance_clock(timedelta(days=4))
        decide_claim(claim=made, paid_fen=36_500 * YUAN, actor=users["insurer"])


def hail_refused(users: dict[str, User], tell: Tell) -> None:
    """Hail is none of the insured events."""
    with override("zh-hans"):
        policy = InsurancePolicy.objects.get(subject=InsurancePolicy.Subject.TICKET, ended_on=None)
        made = claim(
            policy=policy, event="冰雹损伤枝叶", happened_on=today() - timedelta(days=3),
            claimed_fen=6_000 * YUAN, actor=users["insurer"],
        )  # fmt: skip
        decide_claim(claim=made, paid_fen=0, actor=users["insurer"])


def finance_of_today(users: dict[str, User], tell: Tell) -> None:
    """A snow claim is being looked at; a new credit line waits for the approver."""
    with override("zh-hans"):
        policy = InsurancePolicy.objects.get(subject=InsurancePolicy.Subject.TICKET, ended_on=None)
        claim(
            policy=policy, event="暴雪压折幼树", happened_on=today() - timedelta(days=6),
            claimed_fen=15_000 * YUAN, actor=users["insurer"],
        )  # fmt: skip
        ticket = Office(users).ticket("英也尔农田防护林项目", "owner1")
        record(users, FinanceRow.Kind.CREDIT_LINE, ticket, "bank1", "授信061", 200_000, 2)


CHAPTERS = (
    Chapter(500, first_products),
    Chapter(280, forests_insured),
    Chapter(235, bond_and_fund),
    Chapter(148, fire_claimed),
    Chapter(135, mortgage_paid_back),
    Chapter(40, hail_refused),
    Chapter(2, finance_of_today),
)
