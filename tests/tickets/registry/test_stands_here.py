"""这里有什么 names the ticket that stands on the land asked about."""

from __future__ import annotations

import json

from django.test import Client

from tests.tickets.registry.register import Bureau


def test_the_ticket_on_the_land_is_named_and_after_a_transfer_the_buyers(bureau: Bureau) -> None:
    ticket = bureau.issue()
    claim = ticket.issuance.filing.application.claim
    assert claim is not None
    number = claim.number
    middle = claim.geom.centroid
    first = claim.period.lower
    question = json.dumps(
        {"point": {"lon": middle.x, "lat": middle.y}, "period": f"{first}/{first}"}
    )

    def named() -> list[str]:
        answer = Client().post("/api/what-stands-here/", question, "application/json").json()
        [found] = answer["found"]
        assert found["number"] == number
        return [one["number"] for one in found["tickets"]]

    assert named() == [ticket.number]
    child = bureau.transfer(ticket)
    assert named() == [child.number]
