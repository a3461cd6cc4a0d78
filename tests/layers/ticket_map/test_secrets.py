"""Nothing that must stay inside leaves by the map of tickets, its files or its search."""

from __future__ import annotations

from django.test import Client

from layers.registry import LAYERS
from tests.layers.test_leaks import given_away, private_texts, values, vertices
from tests.layers.ticket_map.conftest import Story
from tickets.registry.models import CarbonTicket


def test_no_answer_holds_a_private_text_or_an_exact_vertex(client: Client, story: Story) -> None:
    numbers = set(CarbonTicket.objects.values_list("number", flat=True))
    # A legal body's name, a ticket's number and the species of its land are everyone's.
    shown = numbers | values(LAYERS["tickets"]) | {"新疆杨、白榆", story.bureau.buyer.name}
    # Short codes such as 0000 or 654002 are parts of public numbers too.
    telling = {text for text in private_texts() if len(text) >= 8 or not text.isascii()}
    hidden = telling - shown
    owner = story.second.shares.get(closed_by__isnull=True).party
    assert owner.name in hidden
    paths = ["/api/map/facts/", "/api/map/tickets/", "/statistics/"]
    paths += [f"/map/tickets/download/?format={format}" for format in ("csv", "geojson", "kml")]
    paths += [f"/api/map/search/?q={text}" for text in (*numbers, "YN-", owner.name)]
    for path in paths:
        said = client.get(path).content.decode()
        assert [text for text in hidden if text in said] == [], path
    features = client.get("/map/tickets/download/?format=geojson").json()["features"]
    seen = {at for one in features for at in vertices(one["geometry"]["coordinates"])}
    assert seen
    assert given_away(seen) == []
