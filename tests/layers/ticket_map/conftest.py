"""Two areas with tickets: one transferred in part and offset in part, one whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.gis.geos import MultiPolygon

from parcels.models import Parcel, TitleCertificate
from portal.base.clock import CITY_TIME, advance_clock, now
from tests.databases import own_database
from tests.factories.land import parcel_at, square, verify
from tests.tickets.market.floor import Floor
from tests.tickets.projects.story import Town, signed_filing
from tickets.registry.models import CarbonTicket


@dataclass(frozen=True, slots=True)
class Story:
    """Day by day: issued, part transferred, part of that offset, part of the other listed."""

    town: Town
    bureau: Floor
    first: CarbonTicket
    second: CarbonTicket
    child: CarbonTicket
    issued_on: date
    transferred_on: date


def tell_story(east_m: int = 0) -> Story:
    town = Town.staffed()
    for place, township in enumerate(("654002101", "654002100")):
        # What is verified is frozen: township and species are written before.
        with (
            patch("tests.tickets.projects.story.parcel_at", partial(parcel_in, township)),
            patch("tests.tickets.projects.story.verify", verify_with_species),
        ):
            signed_filing(town, square(east_m + 1500 * place, 0))
    bureau = Floor()
    first = bureau.issue(10_000)
    second = bureau.issue(20_003)
    issued_on = today()
    advance_clock(timedelta(days=5))
    child = bureau.transfer(first, 4000)
    transferred_on = today()
    advance_clock(timedelta(days=5))
    bureau.offset(child, 1500)
    bureau.list(second, 3)
    return Story(town, bureau, first, second, child, issued_on, transferred_on)


def parcel_in(township: str, geom: MultiPolygon) -> Parcel:
    parcel = parcel_at(geom)
    Parcel.objects.filter(pk=parcel.pk).update(township_code=township)
    return parcel


def verify_with_species(title: TitleCertificate) -> None:
    title.species = "新疆杨、白榆"
    title.save()
    verify(title)


def today() -> date:
    return now().astimezone(CITY_TIME).date()


@pytest.fixture(scope="module")
def told(
    template_database: str, django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[Story]:
    """The story is told once a module, in a database of its own; each test rolls back."""
    with (
        django_db_blocker.unblock(),
        own_database(template_database),
        pytest.MonkeyPatch().context() as patched,
    ):
        patched.setattr(settings, "SECRETS", tmp_path_factory.mktemp("secrets"))
        patched.setattr(settings, "MEDIA_ROOT", tmp_path_factory.mktemp("files"))
        yield tell_story()


@pytest.fixture
def story(told: Story, db: None) -> Story:
    return told
