"""Overdue complaints, visits and measures are told to the approvers. A machine never decides (domain.md)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.models import Department, Role, User
from portal.accounts.queries import officers
from portal.base.transactions import each_apart, write_transaction
from portal.casework.notices import tell
from tickets.registry.access import acts_for_an_owner
from tickets.supervision.access import may_handle
from tickets.supervision.models import Complaint, Inspection, OverdueTold

Matter = OverdueTold.Matter


@dataclass(frozen=True, slots=True)
class Overdue:
    """A term that has passed, who answers for it, and where it is dealt with."""

    matter: OverdueTold.Matter
    key: uuid.UUID
    due_on: date
    name: str
    users: list[User]
    page: str


def tell_of_overdue_supervision() -> int:
    """Tell once of each term that has passed; of how many. What an earlier day missed is told with it."""
    told = set(OverdueTold.objects.values_list("matter", "subject_key", "due_on"))
    untold = [one for one in _overdue() if (one.matter, one.key, one.due_on) not in told]
    return each_apart(untold, _tell)


@write_transaction
def _tell(one: Overdue) -> bool:
    """False when another worker has been before: the constraint lets one row in."""
    _row, made = OverdueTold.objects.get_or_create(
        matter=one.matter, subject_key=one.key, due_on=one.due_on
    )
    if not made:
        return False
    with override("zh-hans"):
        tell(
            users=one.users,
            subject=_("逾期：{matter} {name}").format(matter=one.matter.label, name=one.name),
            body=_("期限为 {due}，尚未办结。").format(due=one.due_on.isoformat()),
            link=one.page,
        )
    return True


def _overdue() -> Iterator[Overdue]:
    for complaint in Complaint.objects.overdue().select_related("ticket", "accepted_by"):
        yield Overdue(
            Matter.COMPLAINT, complaint.key, complaint.due_on,
            complaint.get_topic_display(), _answering_for(complaint),
            reverse("supervision:complaint-case", args=[complaint.key]),
        )  # fmt: skip
    for visit in Inspection.objects.overdue().select_related("ticket", "inspector"):
        assert visit.due_on is not None  # Of what is ordered.
        yield _of_forestry(Matter.VISIT, visit, visit.due_on)
    for measures in Inspection.objects.measures_overdue().select_related("ticket", "inspector"):
        assert measures.measures_due_on is not None  # Where measures are demanded.
        yield _of_forestry(Matter.MEASURES, measures, measures.measures_due_on)


def _answering_for(complaint: Complaint) -> list[User]:
    """The department's approvers who may handle it, and the clerk who took it in hand."""
    approvers = officers(Role.APPROVER, Department(complaint.department))
    people = [*approvers, *([complaint.accepted_by] if complaint.accepted_by else [])]
    return [user for user in people if may_handle(user, complaint)]


def _of_forestry(matter: OverdueTold.Matter, found: Inspection, due_on: date) -> Overdue:
    """For forestry's approvers and the inspector, but who acts for an owner."""
    approvers = officers(Role.APPROVER, Department.FORESTRY)
    people = [*approvers, *([found.inspector] if found.inspector else [])]
    return Overdue(
        matter, found.key, due_on, found.ticket.number,
        [user for user in people if not acts_for_an_owner(user, found.ticket)],
        reverse("supervision:inspection", args=[found.key]),
    )  # fmt: skip
