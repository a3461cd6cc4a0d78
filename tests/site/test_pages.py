"""The roof's pages: who sees which menu, what an error looks like, what every answer carries."""

from __future__ import annotations

import re

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from layers.cells import prepare_cells
from portal.accounts.models import Department, Role
from portal.site.http_errors import HTTP_STATUS
from tests.accounts.people import officer, user_named
from tests.factories.land import parcel_at, square

pytestmark = pytest.mark.django_db


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def menu_of(client: Client) -> list[str]:
    nav = re.search(r'<nav class="menu".*?</nav>', text_of(client, reverse("site:help")), re.S)
    assert nav is not None
    return list(dict.fromkeys(re.findall(r'href="([^"]+)"', nav[0])))


def test_the_menu_holds_what_its_reader_may_open(client: Client) -> None:
    public = set(menu_of(client))
    assert {"/", "/help/"} <= public
    assert not {"/imports/", "/identity-checks/", "/my/"} & public
    client.force_login(user_named("reader"))
    assert {"/my/"} <= set(menu_of(client)) - public
    client.force_login(officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES))
    assert "/imports/" in menu_of(client)
    assert "/identity-checks/" not in menu_of(client)
    client.force_login(officer("checker", Role.CLERK, Department.FORESTRY))
    assert "/identity-checks/" in menu_of(client)


def test_every_entry_of_the_menu_opens(client: Client) -> None:
    client.force_login(officer("checker", Role.CLERK, Department.FORESTRY))
    for address in menu_of(client):
        assert client.get(address, follow=True).status_code == 200, address


def test_the_menu_marks_the_page_that_is_open(client: Client) -> None:
    page = text_of(client, reverse("site:help"))
    assert re.findall(r'href="([^"]+)" aria-current="page"', page) == ["/help/"] * 2


def test_the_map_tells_the_public_sums_and_no_more(client: Client) -> None:
    for at in range(3):
        parcel_at(square(at * 200, 0, 100), unit_number=f"65400210100{at}JE00001L0000000{at}")
    prepare_cells()
    page = text_of(client, "/")
    assert re.search(r"3\s*<small>宗", page)
    assert '"staff": false' in page
    assert "parcels-staff" not in page
    client.force_login(officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES))
    assert "parcels-staff" in text_of(client, "/")


@pytest.mark.parametrize("wants", ["text/html", "application/json"])
def test_a_wrong_address_is_answered_kindly_in_the_form_that_was_asked_for(
    client: Client, wants: str
) -> None:
    response = client.get("/no/such/page/", headers={"Accept": wants})
    assert response.status_code == 404
    if wants == "text/html":
        assert "没有找到" in response.content.decode()
        assert reverse("site:home") in response.content.decode()
    else:
        assert response.json()["code"] == "not_found"


def test_an_expired_form_says_so(client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(reverse("accounts:sign-in"), {}, headers={"Accept": "text/html"})
    assert response.status_code == 403
    assert "安全校验" in response.content.decode()


@pytest.mark.parametrize("address", ["/api/search/?q=a%00b", "/parcels/%00/", "/?next=%00"])
def test_an_address_that_no_text_can_hold_is_a_bad_request(client: Client, address: str) -> None:
    assert client.get(address).status_code == 400


@override_settings(ALLOWED_HOSTS=["portal.example"])
def test_a_foreign_host_is_refused(client: Client) -> None:
    assert client.get("/help/", headers={"Host": "evil.example"}).status_code == 400


def test_every_refusal_has_a_status_of_its_own_side() -> None:
    assert all(400 <= status < 500 for status in HTTP_STATUS.values())


@pytest.mark.parametrize("address", ["/", "/help/", "/sign-in/", "/healthz", "/no/such/page/"])
def test_every_answer_carries_the_security_headers(client: Client, address: str) -> None:
    response = client.get(address)
    policy = response["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


def test_no_page_has_a_style_or_handler_inside_its_markup(client: Client) -> None:
    client.force_login(officer("checker", Role.CLERK, Department.FORESTRY))
    for address in ["/", "/help/", *menu_of(client)]:
        page = text_of(client, address)
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), address
        scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", page)
        assert all("nonce=" in script for script in scripts), address


@pytest.mark.parametrize("sheet", ["counties", "city", "natural"])
def test_the_base_map_is_served_once_and_then_not_modified(client: Client, sheet: str) -> None:
    address = reverse("site:base-map", args=[sheet])
    first = client.get(address)
    assert first.json()["features"]
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/basemap/secret.geojson").status_code == 404


def test_the_map_carries_its_approval_number_or_says_that_it_is_a_sketch(client: Client) -> None:
    assert "示意图 · 非法定界线" in text_of(client, "/")
    with override_settings(MAP_APPROVAL_NUMBER="新S（2026）018号"):
        page = text_of(client, "/")
        assert "新S（2026）018号" in page
        assert "非法定界线" not in page


def test_tianditu_is_offered_only_with_a_key(client: Client) -> None:
    assert '"tiandituKey": ""' in text_of(client, "/")
    with override_settings(TIANDITU_KEY="k123"):
        assert '"tiandituKey": "k123"' in text_of(client, "/")
