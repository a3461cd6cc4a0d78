"""The page that takes files in: whom it lets in, and what a bad upload is answered with."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from parcels.models import ImportRecord, Parcel
from portal.accounts.models import Department, Role
from tests.accounts.people import officer, user_named
from tests.factories.files import feature, polygon, square

pytestmark = pytest.mark.django_db
LAND = json.dumps({"type": "FeatureCollection", "features": [feature(polygon(square()))]}).encode()


@pytest.fixture
def surveyor(db: Any) -> Client:
    client = Client(headers={"accept": "application/json"})
    client.force_login(officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES))
    return client


def upload(client: Client, name: str, data: bytes) -> Any:
    sent = SimpleUploadedFile(name, data)
    return client.post(reverse("parcels:import-upload"), {"file": sent} if data else {})


def archive(**entries: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name, data in entries.items():
            target.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("小班.zip", b"", 422),
        ("小班.zip", b"no archive at all", 422),
        ("小班.zip", archive(**{"../小班.shp": b"x"}), 422),
        ("小班.zip", archive(**{"说明.txt": b"x"}), 422),
        ("小班.shp", b"<OGRVRTDataset/>", 422),
        ("小班.geojson", LAND.replace(b"Polygon", b"Nonsense", 1)[:40], 422),
        ("小班.geojson", LAND + b" " * 3000, 413),
    ],
    ids=["nothing", "no zip", "leads out", "no layer", "virtual", "cut short", "too large"],
)
def test_a_bad_upload_is_told_in_chinese_and_leaves_no_trace(
    surveyor: Client, settings: Any, name: str, data: bytes, status: int
) -> None:
    settings.UPLOAD_LIMIT_BYTES = 2000
    answer = upload(surveyor, name, data)
    assert answer.status_code == status
    told = answer.json()
    assert told["code"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told["message"])
    assert not ImportRecord.objects.exists()
    assert not Parcel.objects.exists()


def test_strangers_find_no_imports_and_officers_no_absent_one(surveyor: Client) -> None:
    key = surveyor.get(upload(surveyor, "地块.geojson", LAND).json()["url"]).context["record"].key
    stranger = Client(headers={"accept": "application/json"})
    stranger.force_login(user_named("stranger"))
    for address in (
        reverse("parcels:import", args=[key]),
        reverse("parcels:import-problems", args=[key]),
        f"{reverse('parcels:export')}?import={key}",
    ):
        assert stranger.get(address).status_code == 404
        assert surveyor.get(address.replace(str(key), str(uuid.uuid4()))).status_code == 404
    assert upload(stranger, "地块.geojson", LAND).status_code == 404


def test_a_file_is_committed_once(surveyor: Client) -> None:
    address = upload(surveyor, "地块.geojson", LAND).json()["url"]
    given = {"crs": "4490", "right_kind": "tree_ownership"}
    first = surveyor.post(f"{address}commit/", given)
    again = surveyor.post(f"{address}commit/", given)
    assert first.status_code < 300, first.content
    assert (again.status_code, again.json()["code"]) == (409, "import_not_draft")
