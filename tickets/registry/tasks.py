"""Jobs of the register."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext as _
from procrastinate.contrib.django import app

from portal.accounts.models import Mandate, Party, User
from portal.base.clock import today
from portal.casework.notices import tell
from tickets.registry.access import owners_of
from tickets.registry.addresses import ticket_page
from tickets.registry.models import Pledge
from tickets.registry.queries import pledges_ending

# Days before the end on which bank and holder are told; on the day itself once more.
REMINDED_ON = (30, 7, 0)


@app.periodic(cron="30 0 * * *")  # 08:30 in Asia/Shanghai.
@app.task(name="remind_of_pledges", queue="upkeep", queueing_lock="remind_of_pledges")
def remind_of_pledges_daily(timestamp: int) -> None:
    """Tell of pledges that end soon. Nothing is released by the machine."""
    remind_of_pledges(today())


def remind_of_pledges(day: date) -> list[Pledge]:
    """The pledges whose bank and holder are told on ``day``."""
    ends = {day + timedelta(days=before) for before in REMINDED_ON}
    found = [pledge for pledge in pledges_ending(max(ends)) if pledge.ends_on in ends]
    for pledge in found:
        parties = [pledge.pledgee, *owners_of(pledge.ticket)]
        tell(
            users=_acting_for(parties),
            subject=_("质押 {number} 将于 {day} 到期").format(
                number=pledge.external_number, day=pledge.ends_on
            ),
            body=_("碳票 {number} 的质押到期后由质权人申请解除；到期不会自动解除。").format(
                number=pledge.ticket.number
            ),
            link=ticket_page(pledge.ticket_id),
        )
    return found


def _acting_for(parties: list[Party]) -> list[User]:
    return list(
        User.objects.filter(
            mandates__party__in=parties,
            mandates__ended_at__isnull=True,
            mandates__scope__in=[Mandate.Scope.ALL, Mandate.Scope.APPLY, Mandate.Scope.DISPOSE],
        ).distinct()
    )
