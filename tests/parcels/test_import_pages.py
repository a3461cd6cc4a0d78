"""The page that takes files in: whom it lets in, and what a bad upload is answered with."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook
from pyproj import CRS

from parcels.models import ImportRecord, Parcel
from parcels.tasks import close_abandoned_imports, run_import_job
from portal.accounts.models import Department, Role
from tests.accounts.people import officer, user_named
from tests.factories.files import feature, geojson, polygon, projected, shapefile_zip, square
from tests.parcels.intake.test_older_datums import SEVEN, XIAN, older

pytestmark = pytest.mark.django_db
LAND = json.dumps({"type": "FeatureCollection", "features": [feature(polygon(square()))]}).encode()


@pytest.fixture
def surveyor(db: Any) -> Client:
    client = Client(headers={"accept": "application/json"})
    client.force_login(officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES))
    return client


def upload(client: Client, name: str, data: bytes, key: str = "", **more: str) -> Any:
    sent = {"file": SimpleUploadedFile(name, data)} if data else {}
    key = key or uuid.uuid4().hex
    return client.post(reverse("parcels:import-upload"), {**sent, "request_key": key, **more})


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
    assert not re.search("[0-9a-f]{32}", told["message"])  # Our own name for the file.
    assert not ImportRecord.objects.exists()
    assert not Parcel.objects.exists()


def test_strangers_find_no_imports_and_officers_no_absent_one(surveyor: Client) -> None:
    key = surveyor.get(upload(surveyor, "地块.geojson", LAND).json()["url"]).context["record"].key
    stranger = Client(headers={"accept": "application/json"})
    stranger.force_login(user_named("stranger"))
    for address in (
        reverse("parcels:import", args=[key]),
        reverse("parcels:import-problems", args=[key, "csv"]),
        f"{reverse('parcels:export')}?import={key}",
    ):
        assert stranger.get(address).status_code == 404
        assert surveyor.get(address.replace(str(key), str(uuid.uuid4()))).status_code == 404
    assert upload(stranger, "地块.geojson", LAND).status_code == 404


def test_a_file_of_an_older_datum_comes_with_its_seven_parameters(
    surveyor: Client, tmp_path: Path
) -> None:
    prj = CRS.from_epsg(XIAN[0]).to_wkt("WKT1_ESRI")
    data = shapefile_zip(tmp_path / "西安80.zip", [[older(square(), XIAN)]], prj=prj).read_bytes()
    refused = upload(surveyor, "西安80.zip", data)
    assert (refused.status_code, refused.json()["code"]) == (422, "crs_needs_seven_parameters")
    given = {"seven_parameters": ",".join(map(str, SEVEN))}
    address = upload(surveyor, "西安80.zip", data, **given).json()["url"]
    page = surveyor.get(address)
    assert page.context["seven_parameters"] == given["seven_parameters"]
    looked = surveyor.get(f"{address}inspection/", given).json()["inspection"]
    assert "seven_parameters_given" in {one["code"] for one in looked["notices"]}
    assert (
        surveyor.post(f"{address}commit/", {"right_kind": "tree_ownership", **given}).status_code
        == 202
    )


def test_a_file_is_committed_once(surveyor: Client) -> None:
    address = upload(surveyor, "地块.geojson", LAND).json()["url"]
    given = {"crs": "4490", "right_kind": "tree_ownership"}
    first = surveyor.post(f"{address}commit/", given)
    again = surveyor.post(f"{address}commit/", given)
    assert first.status_code < 300, first.content
    assert (again.status_code, again.json()["code"]) == (409, "import_not_draft")


GIVEN = {"crs": "4490", "right_kind": "tree_ownership"}


def record_of(address: str) -> ImportRecord:
    return ImportRecord.objects.get(key=address.strip("/").split("/")[-1])


def test_an_import_is_cancelled_before_it_begins(surveyor: Client) -> None:
    for queued in (False, True):
        address = upload(surveyor, "地块.geojson", LAND).json()["url"]
        if queued:
            surveyor.post(f"{address}commit/", GIVEN)
        assert surveyor.post(f"{address}cancel/").json()["state"] == "cancelled"
        record = record_of(address)
        run_import_job(record_id=record.pk)  # The job that was queued finds nothing to do.
        record.refresh_from_db()
        assert record.state == "cancelled"
        assert surveyor.post(f"{address}cancel/").json()["code"] == "import_not_running"
    assert not Parcel.objects.exists()


def test_an_upload_sent_twice_is_one_import_and_its_key_serves_no_other_file(
    surveyor: Client,
) -> None:
    first, again = (upload(surveyor, "地块.geojson", LAND, "k") for _time in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = upload(surveyor, "地块.geojson", LAND + b" ", "k")
    assert (other.status_code, other.json()["code"]) == (422, "request_key_reused")
    nameless = surveyor.post(
        reverse("parcels:import-upload"), {"file": SimpleUploadedFile("地块.geojson", LAND)}
    )
    assert (nameless.status_code, nameless.json()["code"]) == (422, "invalid_input")
    assert ImportRecord.objects.count() == 1


def test_every_rejected_feature_is_listed_and_what_was_cut_of_the_warnings_is_said(
    surveyor: Client, tmp_path: Path
) -> None:
    rejected, warned = 1005, 1001  # More of each than are kept of a kind of warning.
    features = [feature(None, 不动产单元号=f"缺{at}") for at in range(rejected)]
    features += [feature(polygon(square(at)), 不动产单元号=f"号{at}") for at in range(warned)]
    data = geojson(tmp_path / "宗地.geojson", features).read_bytes()
    address = upload(surveyor, "宗地.geojson", data).json()["url"]
    surveyor.post(f"{address}commit/", {**GIVEN, "map_unit_number": "不动产单元号"})
    run_import_job(record_id=record_of(address).pk)
    record = record_of(address)
    assert (record.state, record.imported) == ("done", warned)
    assert (record.rejected, record.warnings) == (rejected, warned)
    assert record.problems.filter(severity="rejected").count() == rejected
    assert record.problems.filter(severity="warning").count() == 1000

    last = surveyor.get(address, {"page": "41"}).content.decode()
    assert "共 2006 条：拒绝 1005 条，提示 1001 条" in last
    assert "其中保存的 2005 条" in last
    assert "号999" in last

    def table(form: str, **part: str) -> bytes:
        address = reverse("parcels:import-problems", args=[record.key, form])
        return b"".join(surveyor.get(address, part))

    lines = table("csv").decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 2005
    assert lines[1].startswith("1,缺0,拒绝,geometry_missing,")
    assert table("csv", part="2").decode("utf-8-sig").splitlines() == lines[:1]
    sheet = load_workbook(io.BytesIO(table("xlsx")), read_only=True).worksheets[0]
    assert [row[1] for row in sheet.iter_rows(values_only=True)][-1] == "号999"


def test_what_was_guessed_of_a_file_is_shown_and_changed_before_commit(
    surveyor: Client, tmp_path: Path
) -> None:
    path = shapefile_zip(
        tmp_path / "小班.zip",
        [[projected(square(), 4536)]],
        fields=[("BDCDYH", 28), ("LQ_QLR", 20)],
        rows=[["1", "阿依古丽"]],
    )
    address = upload(surveyor, path.name, path.read_bytes()).json()["url"]

    def look(**chosen: str) -> dict[str, Any]:
        return surveyor.get(f"{address}inspection/", chosen).json()["inspection"]  # type: ignore[no-any-return]

    guessed = look()
    assert (guessed["crs"]["epsg"], guessed["crs"]["needs_question"]) == (4536, True)
    assert guessed["encoding"]["value"] == "gb18030"
    assert surveyor.post(f"{address}commit/", {"right_kind": "tree_ownership"}).json()["code"] == (
        "coordinate_system_open"
    )
    chosen = look(crs="4536", encoding="gb18030")
    assert chosen["crs"]["how"] == "chosen"
    answer = surveyor.get(f"{address}inspection/", {"encoding": "utf-8"})
    assert (answer.status_code, answer.json()["code"]) == (422, "encoding_wrong")
    assert surveyor.post(f"{address}commit/", {**GIVEN, "crs": "4536"}).status_code == 202


def test_a_worker_that_was_killed_leaves_an_import_that_says_so(surveyor: Client) -> None:
    record = record_of(upload(surveyor, "地块.geojson", LAND).json()["url"])
    ImportRecord.objects.filter(pk=record.pk).update(state="running")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        worker = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, worker_id) "
            "VALUES ('imports', 'run_import_job', %s, 'doing', %s)",
            [json.dumps({"record_id": record.pk}), worker],
        )
    close_abandoned_imports()
    record.refresh_from_db()
    assert record.state == "running"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '5 minutes'"
        )
    close_abandoned_imports()
    record.refresh_from_db()
    assert (record.state, record.failure_code) == ("failed", "worker_lost")
    assert record.failure_message
