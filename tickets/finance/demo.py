"""A credit line and an insurance of the demonstration, through the operations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Party, User
from portal.base.clock import today
from portal.base.story import Chapter
from portal.base.transactions import write_transaction
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.finance.operations import confirm_row, insure, record_row
from tickets.registry.models import CarbonTicket


@write_transaction
def play_finance(users: dict[str, User], tell: Callable[[str], object]) -> None:
    """The first open ticket backs a credit line, and its forest is insured against fire."""
    ticket = CarbonTicket.objects.standing().order_by("year", "serial").first()
    if FinanceRow.objects.exists() or ticket is None:
        return
    day = today()
    with override("zh-hans"):
        row = record_row(
            kind=FinanceRow.Kind.CREDIT_LINE,
            ticket=ticket,
            institution=Party.objects.get(mandates__user=users["bank2"]),
            number="授信2026-018",
            amount_fen=500_000_00,
            begins_on=day,
            ends_on=day + timedelta(days=3 * 365),
            actor=users["finance"],
        )
        confirm_row(row=row, actor=users["finance_approver"])
        insure(
            subject=InsurancePolicy.Subject.FOREST,
            ticket=ticket,
            insurer=Party.objects.get(mandates__user=users["insurer"]),
            number="林险2026-0007",
            sum_fen=300_000_00,
            begins_on=day,
            ends_on=day + timedelta(days=365),
            events="火灾、暴雪、病虫害",
            actor=users["insurer"],
        )
    tell(_("示例金融产品 {count} 项").format(count=FinanceRow.objects.count()))


CHAPTERS = (Chapter(3, play_finance),)
