"""Owners with verified land, for the drawing's tests. No logic."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.gis.geos import MultiPolygon

from parcels.models import Parcel, Right, RightKind
from portal.accounts.models import Party, User
from tests.accounts.people import accepted, forestry_clerk, person_waiting
from tests.factories.land import parcel_at, title_on, verify

_serial = itertools.count(1)


def owner_named(name: str) -> tuple[User, Party]:
    """A user who acts for the checked party that is this person."""
    clerk = User.objects.filter(username="clerk").first() or forestry_clerk()
    party = accepted(person_waiting(name), clerk)
    return User.objects.get(username=name), party


def land_of(party: Party, *shapes: MultiPolygon) -> list[Parcel]:
    """A verified certificate of tree ownership on one parcel for each shape."""
    parcels = [parcel_at(shape, unit_number=f"宗地{next(_serial):02d}") for shape in shapes]
    title = title_on()
    for parcel in parcels:
        Right.objects.create(
            certificate=title, parcel=parcel, kind=RightKind.TREE_OWNERSHIP, party=party
        )
    verify(title)
    return parcels


def geojson(geom: MultiPolygon) -> dict[str, Any]:
    """As the page sends it."""
    return {"type": "MultiPolygon", "coordinates": geom.coords}
