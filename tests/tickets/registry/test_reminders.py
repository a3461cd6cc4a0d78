"""Holder and bank are told once before a pledge's term ends, however often the job runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.base.clock import advance_clock, today
from portal.base.policy import policy_number
from portal.casework.models import Message
from tests.base.sessions import at_once
from tests.tickets.registry.register import Bureau
from tests.tickets.registry.test_acts import pledged
from tickets.registry.models import PledgeReminder
from tickets.registry.operations import prepare_release, remind_of_ending_pledges
from tickets.registry.tasks import remind_of_ending_pledges_daily


def told(bureau: Bureau) -> list[tuple[int, str]]:
    users = (bureau.owner_user, bureau.bank_user, bureau.bank2_user)
    found = Message.objects.filter(user__in=users, subject__contains="到期")
    return sorted(found.values_list("user", "subject"))


@pytest.mark.django_db
def test_holder_and_bank_are_told_once_before_the_term_ends(bureau: Bureau) -> None:
    ticket = bureau.issue(1000)
    before = policy_number("registry.pledge_reminder_days")
    ends_on = today() + timedelta(days=int(before) + 1)
    pledge = pledged(bureau, ticket, 300, begins_on=today(), ends_on=ends_on)
    later = pledged(bureau, ticket, 100, begins_on=today(), ends_on=ends_on + timedelta(days=90))
    gone = pledged(
        bureau, ticket, 200, pledgee=bureau.bank2, begins_on=today(), ends_on=ends_on
    )  # fmt: skip
    bureau.approve(prepare_release(pledge=gone, asked_by=bureau.bank2_user, actor=bureau.finance))
    assert remind_of_ending_pledges() == 0

    advance_clock(timedelta(days=1))
    remind_of_ending_pledges_daily(timestamp=0)
    subject = f"碳票 {ticket.number} 的质押将于 {ends_on.isoformat()} 到期"
    assert told(bureau) == sorted([(bureau.owner_user.pk, subject), (bureau.bank_user.pk, subject)])
    body = bureau.bank_user.inbox_messages.values_list("body", flat=True).get()
    assert "0.3 吨" in body
    assert f"还有 {int(before) + 1} 天" in body
    assert [one.pledge for one in PledgeReminder.objects.all()] == [pledge]

    advance_clock(timedelta(days=20))
    assert remind_of_ending_pledges() == 0
    advance_clock(timedelta(days=75))
    assert remind_of_ending_pledges() == 1
    assert set(PledgeReminder.objects.values_list("pledge", flat=True)) == {pledge.pk, later.pk}

    # The machine was off when it was due: what is over is not said to come.
    missed = pledged(
        bureau, ticket, 100, begins_on=today(), ends_on=today() + timedelta(days=int(before) + 1)
    )
    advance_clock(timedelta(days=int(before) + 2))
    assert remind_of_ending_pledges() == 1
    over = f"碳票 {ticket.number} 的质押已于 {missed.ends_on.isoformat()} 到期"
    message = bureau.bank_user.inbox_messages.get(subject=over)
    assert "吨，已经到期。" in message.body


def test_two_workers_tell_once(committed_register: str) -> None:
    bureau = Bureau()
    ends_on = today() + timedelta(days=3)
    pledged(bureau, bureau.issue(1000), 300, begins_on=today(), ends_on=ends_on)
    assert sorted(at_once([remind_of_ending_pledges] * 3)) == [0, 0, 1]
    assert len(told(bureau)) == 2
