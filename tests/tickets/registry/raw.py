"""Entries as an attacker with the application's role would write them, and requests for exactly that."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.db import connection, transaction

from portal.accounts.models import Party, User
from portal.base.clock import PortalNow
from tests.tickets.registry.register import Bureau, digest
from tickets.registry.models import (
    Allotment,
    AllotmentShare,
    CarbonTicket,
    Consent,
    Issuance,
    Registration,
)


def insert(
    issuance: Issuance,
    kind: str,
    said: dict[str, Any],
    *,
    wanted: Registration | None = None,
    granted_by: User | None = None,
    unless_there: bool = False,
    **columns: Any,
) -> None:
    """An entry by plain SQL, with numbers and hashes of the attacker's own, or (``unless_there``) none
    where another stands; who grants the request that it names does so in the same transaction. On the
    request's document, if not on another."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO registry_ledgerentry (issuance_id, kind, actor_key, article, cause, "
            "freeze_order, registration, document_sha256, effective_on, content, seq, recorded_at, "
            "previous_hash, hash) "
            "VALUES (%s, %s, %s, '', %s, %s, %s, %s, %s, %s, 77, '1999-01-01', 'x', 'y')"
            + (" ON CONFLICT DO NOTHING" if unless_there else ""),
            [
                issuance.pk, kind, uuid.uuid4(), columns.get("cause"), columns.get("freeze"),
                wanted.key if wanted else columns.get("registration"),
                columns.get("document", wanted and wanted.document_sha256),
                columns.get("effective_on"), json.dumps(said),
            ],
        )  # fmt: skip
        if wanted is not None and granted_by is not None:
            Registration.objects.filter(pk=wanted.pk).update(
                state="approved", decided_by=granted_by, decided_at=PortalNow()
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def content(ticket: CarbonTicket, /, **changes: Any) -> dict[str, Any]:
    """Move all 1000 kg of the ticket to a child, with changes."""
    child, other = str(uuid.uuid4()), str(ticket.shares.earliest("place").party.key)
    said: dict[str, Any] = {
        "tickets": [
            {"key": child, "denominator": 1, "shares": [[other, 1]], "parent": str(ticket.pk)}
        ],
        "closes": [[0, 1000]],
        "opens": [{"kg": [0, 1000], "ticket": child, "state": "held"}],
        "closed": [{"ticket": str(ticket.pk), "because": "transferred"}],
    }
    said["opens"][0].update(changes.pop("open", {}))
    said["tickets"][0].update(changes.pop("ticket", {}))
    said.update(changes)
    return {name: value for name, value in said.items() if value is not None}


def given(
    ticket: CarbonTicket, *parts: tuple[int, dict[Party, int]], of_kg: int = 1000
) -> dict[str, Any]:
    """Of a ticket's one held block so much to each, from the lowest kilogram on."""
    said: dict[str, Any] = {"tickets": [], "closes": [[0, of_kg]], "opens": []}
    low = 0
    for quantity_kg, shares in parts:
        key = str(uuid.uuid4())
        said["tickets"].append(
            {"key": key, "parent": str(ticket.pk), "denominator": sum(shares.values()),
             "shares": [[str(party.key), part] for party, part in shares.items()]}
        )  # fmt: skip
        said["opens"].append({"kg": [low, low + quantity_kg], "ticket": key, "state": "held"})
        low += quantity_kg
    if low < of_kg:
        said["opens"].append({"kg": [low, of_kg], "ticket": str(ticket.pk), "state": "held"})
    else:
        said["closed"] = [{"ticket": str(ticket.pk), "because": "transferred"}]
    return said


def asked(bureau: Bureau, ticket: CarbonTicket, kind: str, said: dict[str, Any]) -> Registration:
    """A request for exactly what an entry says, to which every owner agreed."""
    wanted = Registration.objects.create(
        kind=kind, department="forestry", ticket=ticket, prepared_by=bureau.clerk,
        document_sha256=digest("文书"),
    )  # fmt: skip
    for place, opened in enumerate(said.get("tickets", said.get("shares", ()))):
        part = Allotment.objects.create(
            registration=wanted,
            place=place,
            quantity_kg=sum(
                piece["kg"][1] - piece["kg"][0]
                for piece in said.get("opens", ())
                if piece["ticket"] == opened.get("key")
            )
            or None,
            denominator=opened.get("denominator", ticket.share_denominator),
        )
        for at, (key, numerator) in enumerate(opened["shares"]):
            AllotmentShare.objects.create(
                allotment=part, place=at, party=Party.objects.get(key=key), numerator=numerator
            )
    for share in ticket.shares.filter(closed_by__isnull=True).select_related("party"):
        Consent.objects.create(
            registration=wanted,
            party=share.party,
            given_by=bureau.clerk,
            document_sha256=digest("同意"),
        )
    return wanted
