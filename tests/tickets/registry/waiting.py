"""Requests that clerks have prepared and that wait for their approver.

``python -m tests.tickets.registry.waiting COUNT``; the approver's name, then a key a line.
"""

from __future__ import annotations

import sys
import uuid

import django

django.setup()

from portal.accounts.models import Department, Party, Role  # noqa: E402
from tests.tickets.registry.load import holder_of  # noqa: E402
from tests.tickets.registry.register import digest  # noqa: E402
from tickets.registry.access import owners_of  # noqa: E402
from tickets.registry.models import CarbonTicket  # noqa: E402
from tickets.registry.operations import (  # noqa: E402
    Kind,
    Owners,
    Paper,
    PaperConsent,
    prepare_transfer,
)


def main(count: int) -> None:
    clerk = holder_of(Role.CLERK, Department.FORESTRY)
    approver = holder_of(Role.APPROVER, Department.FORESTRY)
    tickets = list(CarbonTicket.objects.filter(parent__isnull=True, closed_by__isnull=True))
    buyers = Party.objects.filter(checked_at__isnull=False, kind=Party.Kind.LEGAL_BODY)
    lines = [approver.username]
    for nth in range(count):
        ticket = tickets[nth % len(tickets)]
        registration = prepare_transfer(
            kind=Kind.SALE, ticket=ticket, to=Owners.sole(buyers[nth % 2]), quantity_kg=3,
            document=Paper(number=uuid.uuid4().hex, sha256=bytes(32)), actor=clerk,
            consents=[PaperConsent(owner, digest("同意")) for owner in owners_of(ticket)],
        )  # fmt: skip
        lines.append(str(registration.key))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
