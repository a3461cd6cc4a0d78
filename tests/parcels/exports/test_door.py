"""The door of exact boundaries: who may, in which format, and what much land asks for besides."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.utils import IntegrityError, ProgrammingError
from django.test import Client
from django.urls import reverse

from parcels.exports.errors import ExportNeedsReason
from parcels.intake.gate import Limits
from parcels.intake.reader import Choices, read_batches
from parcels.models import BoundaryExport, Parcel, Right
from portal.accounts.models import Department, Role, User
from portal.accounts.second_factor import present_code
from portal.base.clock import advance_clock
from portal.base.guarantees import refusal_of
from portal.base.models import Township
from tests.accounts.people import officer, verbs, with_authenticator
from tests.factories.land import parcel_at, square, title_on, verify
from tests.parcels.drawing.owners import land_of, owner_named
from tests.parcels.test_import_pages import LAND

pytestmark = pytest.mark.django_db
PAGE = "/boundaries/export/"
UNIT = "654002100201GE00001L00000001"


@pytest.fixture
def clerk() -> User:
    return officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def township() -> str:
    return Township.objects.values_list("code", flat=True).first() or ""


def land_in_township(*sides_m: float) -> str:
    """A registered parcel of so many metres' side each; the township's code."""
    code = township()
    for at, side in enumerate(sides_m):
        parcel_at(square(20_000 * at, 0, side))
    Parcel.objects.update(township_code=code)
    return code


@pytest.mark.parametrize(
    "choice",
    [
        "survey_txt:4536:gb18030", "shapefile:4490:utf-8", "shapefile:4536:gb18030",
        "geopackage:4490:utf-8", "geojson:4490:utf-8", "kml:4490:utf-8", "point_table:4536:utf-8",
    ],
)  # fmt: skip
def test_a_title_goes_out_in_every_format_and_is_read_back_as_it_was(
    clerk: User, choice: str
) -> None:
    shape = square(0, 0)
    title = title_on(parcel_at(shape, unit_number=UNIT))
    answer = client_of(clerk).post(f"{PAGE}?title={title.key}", {"format": choice})
    assert answer.status_code == 200
    suffix = "." + answer["Content-Disposition"].rsplit(".", 1)[1].strip('"')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{suffix}"
        path.write_bytes(answer.content)
        [batch] = read_batches(path, choices=Choices(), limits=Limits())
    [found] = batch.wkb
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_HausdorffDistance(ST_GeomFromWKB(%s, 4490), ST_GeomFromWKB(%s, 4490))",
            [found, bytes(shape.wkb)],
        )
        assert cursor.fetchone()[0] < 9e-9
    assert any(UNIT in map(str, column) for column in batch.columns.values())
    export = BoundaryExport.objects.get()
    assert (export.shapes, export.by_code) == (1, False)
    assert verbs("export", export.key) == ["exported"]


def test_own_people_take_their_verified_title_and_nobody_elses(clerk: User) -> None:
    owner, party = owner_named("wang")
    [mine] = land_of(party, square(0, 0))
    title = Right.objects.get(parcel=mine).certificate
    draft = title_on()
    Right.objects.create(
        certificate=draft, parcel=parcel_at(square(500, 0)), kind="tree_ownership", party=party
    )
    others = title_on(parcel_at(square(1000, 0)))
    verify(others)
    client, given = client_of(owner), {"format": "geojson:4490:utf-8"}
    assert client.post(f"{PAGE}?title={title.key}", given).status_code == 200
    for absent in (f"title={draft.key}", f"title={others.key}", f"township={township()}", ""):
        assert client.get(f"{PAGE}?{absent}").status_code == 404
        assert client.post(f"{PAGE}?{absent}", given).status_code == 404
    assert Client().get(f"{PAGE}?title={title.key}").status_code == 302
    assert BoundaryExport.objects.count() == 1


@pytest.mark.parametrize(
    ("reason", "code", "status", "refusal"),
    [
        ("", "right", 422, "export_needs_reason"),
        ("年度核查", "000000", 422, "second_factor_wrong"),
        ("年度核查", "right", 200, None),
    ],
)
def test_more_than_25_km2_ask_for_a_reason_and_a_second_factor(
    clerk: User, reason: str, code: str, status: int, refusal: str | None
) -> None:
    present, _seconds = present_code(with_authenticator(clerk))
    code = present if code == "right" else code
    address = f"{PAGE}?township={land_in_township(4000, 4000)}"
    client = client_of(clerk)
    assert client.get(address).context["guarded"]
    answer = client.post(address, {"format": "geojson:4490:utf-8", "reason": reason, "code": code})
    assert answer.status_code == status
    if refusal is not None:
        assert answer.context["refusal"].code == refusal
        assert answer.context["reason"] == reason
        assert not BoundaryExport.objects.exists()
    else:
        export = BoundaryExport.objects.get()
        assert (export.reason, export.by_code, export.shapes) == (reason, True, 2)
        assert export.area_m2 == pytest.approx(32e6, rel=0.01)


def test_what_one_person_takes_in_a_day_adds_up(clerk: User) -> None:
    with_authenticator(clerk)
    client, given = client_of(clerk), {"format": "geojson:4490:utf-8"}
    first, second = (
        f"{PAGE}?title={title_on(parcel_at(square(east_m, 0, 4000))).key}" for east_m in (0, 20_000)
    )
    for _time in range(2):  # The same land again is no more land.
        assert client.post(first, given).status_code == 200
    assert not client.get(first).context["guarded"]
    assert client.get(second).context["guarded"]
    assert client.post(second, given).context["refusal"].code == "export_needs_reason"
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute(INSERT, [16e6, "", False, clerk.pk])
    colleague = officer("colleague", Role.CLERK, Department.NATURAL_RESOURCES)
    assert client_of(colleague).post(second, given).status_code == 200
    advance_clock(timedelta(days=1))
    assert client_of(clerk).post(second, given).status_code == 200


def test_land_that_lies_twice_counts_once(clerk: User) -> None:
    code = township()
    for _time in range(2):
        parcel_at(square(0, 0, 4000))
    Parcel.objects.update(township_code=code)
    page = client_of(clerk).get(f"{PAGE}?township={code}")
    assert not page.context["guarded"]
    assert page.context["selection"].area_m2 == pytest.approx(16e6, rel=0.01)


def test_what_cannot_be_taken_is_said(clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(clerk)
    address = f"{PAGE}?township={township()}"
    assert client.get(address).context["refusal"].code == "nothing_to_export"
    land_in_township(100, 100)
    for format in ("", "dwg:4490:utf-8", "geojson:x:utf-8"):
        answer = client.post(address, {"format": format})
        assert (answer.status_code, answer.context["refusal"].code) == (
            422, "unknown_export_format",
        )  # fmt: skip
    answer = client.post(address, {"format": "geojson:4535:utf-8"})
    assert answer.context["refusal"].code == "crs_not_offered"
    monkeypatch.setattr("parcels.exports.selection.PARCELS_MOST", 1)
    assert client.get(address).context["refusal"].code == "too_many_parcels"
    for absent in ("township=999", "title=x", "screening=x", f"import={title_on().key}"):
        assert client.get(f"{PAGE}?{absent}").status_code == 404


def test_an_original_file_leaves_with_a_reason_whatever_its_size(
    clerk: User, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    code, _seconds = present_code(with_authenticator(clerk))
    client = client_of(clerk)
    sent = SimpleUploadedFile("地块.geojson", LAND)
    answer = client.post(
        reverse("parcels:import-upload"),
        {"file": sent, "request_key": "k"},
        headers={"accept": "application/json"},
    )
    key = answer.json()["url"].strip("/").split("/")[-1]
    address = f"{PAGE}?import={key}"
    assert client.post(address, {}).context["refusal"].code == "export_needs_reason"
    answer = client.post(address, {"reason": "核对", "code": code})
    assert (answer.status_code, answer.content) == (200, LAND)
    assert (
        client_of(officer("mint", Role.CLERK, Department.FINANCE)).get(address).status_code == 404
    )


INSERT = """INSERT INTO parcels_boundaryexport
  (key, what, subject, file_name, file_sha256, area_m2, reason, by_code, made_by_id)
VALUES (gen_random_uuid(), 'township', 'x', 'x', 'x', %s, %s, %s, %s)"""


@pytest.mark.parametrize(
    ("area_m2", "reason", "by_code", "refused"),
    [
        (25e6, "", False, False), (25.1e6, "", True, True), (25.1e6, "x", False, True),
        (None, "", True, True), (25.1e6, "x", True, False),
    ],
)  # fmt: skip
def test_the_database_asks_for_reason_and_second_factor_too(
    clerk: User, area_m2: float | None, reason: str, by_code: bool, refused: bool
) -> None:
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(INSERT, [area_m2, reason, by_code, clerk.pk])
        except IntegrityError as error:
            assert isinstance(refusal_of(error), ExportNeedsReason)
    assert BoundaryExport.objects.exists() is not refused


@pytest.mark.parametrize("statement", ["UPDATE {} SET reason = 'x'", "DELETE FROM {}"])
def test_an_export_is_never_rewritten(clerk: User, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [1, "", False, clerk.pk])
        with pytest.raises((IntegrityError, ProgrammingError)), transaction.atomic():
            cursor.execute(statement.format("parcels_boundaryexport"))
