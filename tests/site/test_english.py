"""Under the English switch no page, form or refusal says anything in Chinese but data and its own switch."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from deploy.local.machine import compile_messages
from portal.accounts.demo import DEMO_ACCOUNTS
from portal.accounts.models import Department, Role
from tests.accounts.people import PASSWORD, officer, user_named

pytestmark = pytest.mark.django_db
CHINESE = re.compile(r"[\u3400-\u9fff]+")
# The switch back, and the names of the demo's parties, which are data.
ALLOWED = ("中文", "亩", *(account.party.name for account in DEMO_ACCOUNTS if account.party))


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    compile_messages()


@pytest.fixture
def reader(client: Client) -> Client:
    client.post(reverse("site:set_language"), {"language": "en", "next": "/help/"})
    return client


def chinese_in(page: str) -> list[str]:
    text = re.sub(r"<script.*?</script>|<!--.*?-->", " ", page, flags=re.S)
    for word in ALLOWED:
        text = text.replace(word, "")
    return CHINESE.findall(text)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/help/",
        "/sign-in/",
        "/sign-up/",
        "/sign-up/?kind=body",
        "/password/",
        "/no/such/",
        "/statistics/",
        "/open-data/",
        "/developers/",
        "/embed/",
        "/ogc/?f=html",
        "/ogc/collections?f=html",
    ],
)
def test_public_pages_are_english(reader: Client, address: str) -> None:
    response = reader.get(address, headers={"Accept": "text/html"})
    page = response.content.decode()
    assert 'lang="en"' in page
    # Demo sign-ins are named by their offices; the rest of the sign-in page is ours.
    page = re.sub(r"<(section|details)[^>]*demo.*?</\1>", "", page, flags=re.S)
    assert chinese_in(page) == []


@pytest.mark.parametrize(
    ("role", "department", "addresses"),
    [
        (Role.CLERK, Department.NATURAL_RESOURCES, ["/imports/", "/my/", "/my/sessions/", "/my/tokens/", "/second-factor/"]),
        (Role.CLERK, Department.FORESTRY, ["/identity-checks/", "/party-links/", "/my/password/"]),
    ],
)  # fmt: skip
def test_officers_pages_are_english(
    reader: Client, role: Role, department: Department, addresses: list[str]
) -> None:
    reader.force_login(officer("officer", role, department))
    for address in addresses:
        response = reader.get(address)
        assert response.status_code == 200, address
        assert chinese_in(response.content.decode()) == [], address


def test_a_wrong_form_is_told_in_english(reader: Client) -> None:
    form = {
        "username": "wang", "password": "short", "password_again": "other", "full_name": "",
        "identity_number": "654002190001010010",
        "documents": [SimpleUploadedFile("a.exe", b"MZ")],
    }  # fmt: skip
    page = reader.post("/sign-up/", form, headers={"Accept": "text/html"}).content.decode()
    assert 'class="errorlist' in page or "error" in page
    assert chinese_in(page) == []


def test_a_locked_account_is_told_in_english(reader: Client) -> None:
    user_named("wang")
    page = ""
    for _attempt in range(6):
        form = {"username": "wang", "password": PASSWORD + "x"}
        page = reader.post("/sign-in/", form, headers={"Accept": "text/html"}).content.decode()
    page = re.sub(r"<(section|details)[^>]*demo.*?</\1>", "", page, flags=re.S)
    assert chinese_in(page) == []
