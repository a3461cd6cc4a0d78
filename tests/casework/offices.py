"""Offices, an applicant and a case of three orders. No logic."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from portal.accounts.models import Department, Party, Role, RoleGrant, User
from portal.casework.models import ReviewCase
from portal.casework.operations import StepPlan, open_case
from tests.accounts.people import accepted, officer, person_waiting

FORESTRY, LAND = Department.FORESTRY, Department.NATURAL_RESOURCES
PLAN = (
    StepPlan(kind="intake", title="齐全性", order=1, department=FORESTRY, pair=False, intake=True),
    StepPlan(kind="title", title="权属", order=2, department=LAND),
    StepPlan(kind="technical", title="技术", order=2, department=FORESTRY),
    StepPlan(kind="decision", title="审定", order=3, department=FORESTRY),
)


@dataclass
class Offices:
    """Who may act, by name."""

    people: dict[str, User]
    party: Party

    @classmethod
    def open(cls) -> Offices:
        people = {
            "clerk": officer("clerk", Role.CLERK, FORESTRY),
            "approver": officer("approver", Role.APPROVER, FORESTRY),
            "land_clerk": officer("land_clerk", Role.CLERK, LAND),
            "land_approver": officer("land_approver", Role.APPROVER, LAND),
            # Holds both offices of forestry: may prepare and may decide, but not both.
            "both": officer("both", Role.CLERK, FORESTRY),
        }
        RoleGrant.objects.create(user=people["both"], role=Role.APPROVER, department=FORESTRY)
        party = accepted(person_waiting("owner"), people["clerk"])
        people["owner"] = User.objects.get(username="owner")
        return cls(people, party)

    def __getitem__(self, name: str) -> User:
        return self.people[name]

    def case(self) -> ReviewCase:
        return open_case(
            kind="test",
            title="一件事",
            subject_kind="test",
            subject_key=uuid.uuid4(),
            steps=PLAN,
            actor=self["owner"],
            applicants=[self.party],
            recused=[self["owner"]],
        )
