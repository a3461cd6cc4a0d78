"""Holder and bank are told before a pledge's term ends (article 18)."""

from __future__ import annotations

from datetime import date, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts.queries import people_acting_for
from portal.base.clock import today
from portal.base.policy import policy_number
from portal.base.transactions import each_apart, write_transaction
from portal.casework.notices import tell
from portal.journal.operations import record_event
from tickets.registry.access import owners_of
from tickets.registry.models import Pledge, PledgeReminder
from tickets.registry.quantities import tonnes
from tickets.registry.queries import (
    days_left,
    pledged_kg,
    pledges_to_remind,
    succeeding,
    tickets_securing,
)


def remind_of_ending_pledges() -> int:
    """Once for each pledge and term, ``registry.pledge_reminder_days`` before its last day.

    The number of pledges that were told of now. Each is a transaction of its own: what one of them
    fails at keeps no other bank waiting.
    """
    day = today()
    until = day + timedelta(days=int(policy_number("registry.pledge_reminder_days")))
    return each_apart(pledges_to_remind(until), lambda pledge: _remind(pledge=pledge, day=day))


@write_transaction
def _remind(*, pledge: Pledge, day: date) -> bool:
    """False when another worker has been before: the constraint lets one row in."""
    _reminder, made = PledgeReminder.objects.get_or_create(pledge=pledge, ends_on=pledge.ends_on)
    if not made:
        return False
    ticket = tickets_securing([pledge])[pledge.pk]
    days = days_left(pledge.ends_on, day)
    if days:
        subject = _("碳票 {number} 的质押将于 {ends_on} 到期")
        body = _(
            "质权人 {pledgee}，中登网登记编号 {external}，质押 {tonnes} 吨，还有 {days} 天到期。"
            "到期后质押不会自动解除：贷款还清的，请质权人申请解押；展期的，请双方另行登记。"
        )
    else:  # The job did not run in time.
        subject = _("碳票 {number} 的质押已于 {ends_on} 到期")
        body = _(
            "质权人 {pledgee}，中登网登记编号 {external}，质押 {tonnes} 吨，已经到期。"
            "到期后质押不会自动解除：贷款还清的，请质权人申请解押；展期的，请双方另行登记。"
        )
    tell(
        users=people_acting_for([*owners_of(ticket), succeeding(pledge.pledgee)]),
        subject=subject.format(number=ticket.number, ends_on=pledge.ends_on.isoformat()),
        body=body.format(
            pledgee=pledge.pledgee.name,
            external=pledge.external_number,
            tonnes=tonnes(pledged_kg([pledge])[pledge.pk]),
            days=days,
        ),
        link=reverse("registry:ticket", args=[ticket.number]),
    )
    record_event(
        subject_kind="pledge",
        subject_key=pledge.pk,
        verb="reminded",
        actor_key=None,
        facts={"ends_on": pledge.ends_on.isoformat()},
    )
    return True
