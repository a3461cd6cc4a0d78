"""A client under load: acts through the operations until it is killed, telling each that is done.

``python -m tests.tickets.registry.load SEED``; one line for each act after its commit: the kind and
the key by which it is found again.
"""

from __future__ import annotations

import random
import sys
import time
import uuid
from functools import partial

import django

django.setup()

from django.db import DatabaseError, connections  # noqa: E402

from portal.accounts.models import Department, Party, Role, User  # noqa: E402
from portal.accounts.queries import has_role  # noqa: E402
from portal.base.errors import PortalError  # noqa: E402
from portal.base.idempotency import act_once  # noqa: E402
from tests.tickets.registry.register import offset_with_certificate  # noqa: E402
from tickets.registry.models import CarbonTicket  # noqa: E402
from tickets.registry.operations import (  # noqa: E402
    Kind,
    Owners,
    Paper,
    PaperConsent,
    prepare_transfer,
    transfer,
)


def holder_of(role: Role, department: Department) -> User:
    return next(user for user in User.objects.all() if has_role(user, role, department))


def main(seed: int) -> None:
    dice = random.Random(seed)
    clerk = holder_of(Role.CLERK, Department.FORESTRY)
    approver = holder_of(Role.APPROVER, Department.FORESTRY)
    signer = holder_of(Role.APPROVER, Department.ECOLOGY)
    buyers = list(Party.objects.filter(checked_at__isnull=False))

    def offset(key: str) -> str:
        ticket = dice.choice(tickets)
        offset_with_certificate(ticket, 1, signer)
        return key

    def sell(key: str) -> str:
        ticket = dice.choice(tickets)
        registration = prepare_transfer(
            kind=Kind.SALE, ticket=ticket, to=Owners.sole(dice.choice(buyers)), quantity_kg=3,
            document=Paper(number=key, sha256=bytes(32), authority="交易中心"), actor=clerk,
            consents=[
                PaperConsent(share.party, bytes(32))
                for share in ticket.shares.select_related("party")
            ],
        )  # fmt: skip
        transfer(registration=registration, actor=approver)
        return key

    while True:
        kind, act = dice.choice([("offset", offset), ("sell", sell)])
        key = uuid.uuid4().hex
        try:
            tickets = list(CarbonTicket.objects.standing().order_by("?")[:5])
            act_once(
                actor_key=signer.key, operation=kind, key=key, content={}, act=partial(act, key)
            )
        except PortalError:
            continue
        except DatabaseError:
            connections.close_all()
            time.sleep(0.05)
            continue
        sys.stdout.write(f"{kind} {key}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
