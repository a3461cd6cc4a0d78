"""The one search box: each kind is found as people write it; a visitor finds places only."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from layers.cells import prepare_cells
from layers.models import VillageArea
from layers.search import read_coordinate, search
from parcels.intake.numbers import normalised
from parcels.models import Parcel, ParcelVersion, TitleCertificate
from portal.accounts.models import Department, Party, Role
from portal.base.clock import now
from portal.base.models import Township
from tests.accounts.people import officer
from tests.factories.land import parcel_at, square, title_on

pytestmark = pytest.mark.django_db
UNIT = "654002101001JE00012L00000001"
CERTIFICATE = "新（2026）伊宁市不动产第0001234号"


@pytest.fixture
def parcel() -> Parcel:
    """A parcel in a township that has a name, with a certificate and a holder."""
    township = Township.objects.order_by("code").first()
    assert township is not None
    made = parcel_at(square(0, 0), unit_number=UNIT)
    Parcel.objects.filter(pk=made.pk).update(township_code=township.code, village="团结村")
    title = title_on(made, number=CERTIFICATE)
    TitleCertificate.objects.filter(pk=title.pk).update(number_key=normalised(CERTIFICATE))
    Party.objects.update(name="阿不都拉")
    prepare_cells()
    return made


def township_of(parcel: Parcel) -> str:
    parcel.refresh_from_db()
    return Township.objects.get(code=parcel.township_code).name


@pytest.mark.parametrize(
    ("typed", "kind"),
    [(UNIT, "unit_number"), (UNIT[:14], "unit_number"), (UNIT.lower(), "unit_number"),
     ("0001234", "certificate"), ("新(2026)伊宁市不动产第0001234号", "certificate"),
     ("阿不都拉", "holder"), ("不都", "holder"), ("团结村", "village"), ("团结", "village")],
)  # fmt: skip
def test_an_officer_finds_a_parcel_by_each_of_its_names(
    parcel: Parcel, typed: str, kind: str
) -> None:
    found = search(typed, staff=True)
    assert kind in {item.kind for item in found}
    own = next(item for item in found if item.kind == kind)
    west, south, east, north = own.bbox or (0, 0, 0, 0)
    assert west < own.lon < east
    assert south < own.lat < north
    if kind != "village":
        assert own.uid == str(parcel.key)


def test_a_township_is_found_by_its_name(parcel: Parcel) -> None:
    name = township_of(parcel)
    assert [(item.kind, item.label) for item in search(name, staff=False)] == [("township", name)]


def test_in_english_places_have_their_english_names(parcel: Parcel) -> None:
    """The first township is 萨依布依街道; either name finds it."""
    for typed in ("sayibuyi", "萨依布依"):
        with override("en"):
            [found] = search(typed, staff=False)
        assert (found.kind, found.label) == ("township", "Sayibuyi Subdistrict")
    with override("en"):
        [village] = search("Sayibuyi 团结", staff=False)
    assert village.detail == "Sayibuyi Subdistrict · 1 parcels"


def test_a_visitors_search_reads_no_parcel(
    parcel: Parcel, django_assert_max_num_queries: Any
) -> None:
    """However many there are: places are prepared."""
    with django_assert_max_num_queries(4) as asked:
        assert [item.kind for item in search("团结村", staff=False)] == ["village"]
    assert not any("parcels_" in query["sql"] for query in asked.captured_queries)
    assert VillageArea.objects.get(village="团结村").parcels == 1


def test_land_that_ends_takes_its_village_along(parcel: Parcel) -> None:
    ParcelVersion.objects.filter(parcel=parcel).update(stands_to=now())
    with connection.cursor() as cursor:  # Made by the fixture, and gone where it would commit.
        cursor.execute("DROP TABLE touched, touched_villages, touched_townships")
    prepare_cells()
    assert search("团结村", staff=False) == []


@pytest.mark.parametrize("typed", [UNIT, "0001234", "阿不都拉", "%", "_", "'; --"])
def test_a_visitor_finds_no_number_and_no_holder(parcel: Parcel, typed: str) -> None:
    assert search(typed, staff=False) == []


@pytest.mark.parametrize(
    "typed",
    ["81.3 43.95", "43.95,81.3", "81.3°E 43.95°N", "81°18′00″ 43°57′00″", "81度18分0秒，43度57分0秒",
     "43.95；81.3", "81.300000°E 43.950000°N · X 4868315.6 Y 524068.9"],
)  # fmt: skip
def test_degrees_are_read_in_either_order_and_notation(typed: str) -> None:
    assert read_coordinate(typed) == pytest.approx((81.3, 43.95), abs=1e-6)


@pytest.mark.parametrize(
    "typed", ["4868315.6 524068.9", "524068.9 4868315.6", "X 4868315.6 Y 27524068.9"]
)
def test_gauss_kruger_metres_are_read_in_either_order_with_or_without_zone(typed: str) -> None:
    place = read_coordinate(typed)
    assert place == pytest.approx((81.3, 43.95), abs=2e-3)


@pytest.mark.parametrize("typed", ["12", "1e999 1", "nan nan", "999 999", "5 5", "4868315.6", ""])
def test_what_is_no_place_on_earth_here_is_no_coordinate(typed: str) -> None:
    assert read_coordinate(typed) is None


def test_the_address_gives_what_its_reader_may_know(parcel: Parcel, client: Client) -> None:
    address = reverse("layers:api-search")
    assert client.get(address, {"q": UNIT}).json() == {"results": []}
    assert client.get(address, {"q": "x" * 5000}).status_code < 500
    assert client.get(address, {"q": "a\x00b"}).status_code < 500
    client.force_login(officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES))
    [found] = client.get(address, {"q": UNIT}).json()["results"]
    assert (found["label"], found["url"]) == (UNIT, f"/parcels/{parcel.key}/")
