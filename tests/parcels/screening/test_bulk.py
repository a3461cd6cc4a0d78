"""Bulk screening: the job's results in files, page and map; progress; cancel; refusals."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import reverse

from deploy.local.machine import compile_messages
from parcels.models import BulkScreening
from parcels.screening import results
from parcels.screening.operations import result_folder
from parcels.tasks import run_screening_job
from portal.accounts.models import Department, Role
from tests.accounts.people import officer, user_named, verbs
from tests.factories.files import feature, geojson, geopackage, polygon
from tests.factories.land import parcel_at, square
from tests.parcels.rules.asking import verified_land

pytestmark = pytest.mark.usefixtures("committed_db")
SAMPLES = Path(settings.FIXTURES) / "samples"


@pytest.fixture
def clerk(tmp_path: Path) -> Any:
    client = Client()
    client.force_login(officer("clerk", Role.CLERK, Department.FORESTRY))
    with override_settings(MEDIA_ROOT=tmp_path / "media", UPLOAD_SCRATCH=tmp_path / "scratch"):
        yield client


def candidates_file(folder: Path) -> Path:
    """Clear, neighbour, conflict and one that nobody can read; townships, species, a formula."""
    rows = [
        ("=1+1", square(1000, 0), "101", "杨树"),
        ("b", square(100, 0), "101", "雪岭云杉"),
        ("c", square(50, 0), "102", "杨树"),
    ]
    features = [
        {
            "type": "Feature",
            "properties": {"NAME": name, "XIAN": "654002", "XIANG": town, "YOU_SHI_SZ": species},
            "geometry": json.loads(shape.geojson),
        }
        for name, shape, town, species in rows
    ]
    features.append({"type": "Feature", "properties": {"NAME": "d"}, "geometry": None})
    path = folder / "候选.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def looked(asked: Any) -> dict[str, str]:
    """What the page that asked sends back with its form."""
    return {name: asked.context[name] for name in ("held", "read_as")}


def start(client: Client, path: Path, **fields: str) -> BulkScreening:
    with path.open("rb") as sent:
        form = {"file": sent, "subject": "title", "request_key": uuid.uuid4().hex, **fields}
        asked = client.post("/screenings/start/", form)
    assert asked.status_code == 200, asked.content
    told = {"request_key": form["request_key"], "subject": "title", **looked(asked)}
    answer = client.post("/screenings/start/", {**told, **fields})
    assert answer.status_code == 302, answer.content
    return BulkScreening.objects.get(key=answer["Location"].split("/")[2])


def test_a_file_is_screened_in_a_job_and_its_results_are_map_table_and_files(
    clerk: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "CHUNK", 2)  # Several chunks.
    verified_land(square(0, 0))
    screening = start(clerk, candidates_file(tmp_path), id_field="NAME")
    address = f"/screenings/{screening.key}/"
    assert clerk.get(f"{address}map/?bbox=81,43,82,45", HTTP_ACCEPT="").status_code == 409
    run_screening_job(screening.pk)
    screening.refresh_from_db()
    assert screening.state == "done"
    assert (screening.done, screening.total) == (4, 4)
    assert screening.counts == {
        "candidates": 4, "clear": 2, "warning": 0, "conflict": 2, "rejected": 1, "findings": 2,
    }  # fmt: skip
    folder = result_folder(screening)
    frame = geopandas.read_file(folder / "result.gpkg", layer="candidates").set_index("id")
    assert dict(frame["verdict"]) == {
        "=1+1": "clear", "b": "clear", "c": "conflict", "4": "conflict",
    }  # fmt: skip
    assert frame.loc["c", "conflict_m2"] == pytest.approx(5000, rel=0.01)
    assert frame.loc["c", "area_ha"] == pytest.approx(1, rel=0.01)
    assert frame.loc["4", "refused"]
    findings = geopandas.read_file(folder / "result.gpkg", layer="findings")
    assert list(findings["rule"]) == ["overlap_title", "valid_geometry"]
    assert findings.geometry[0].area > 0
    book = openpyxl.load_workbook(folder / "result.xlsx")
    assert book.sheetnames == ["汇总", "候选", "检查发现"]
    assert [cell.value for cell in book["候选"][1]][:3] == ["编号", "行", "结论"]
    assert [cell.value for cell in book["检查发现"]["B"]] == ["结论", "冲突", "冲突"]
    cell = book["候选"]["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    page = clerk.get(address)
    assert page.status_code == 200
    sums = {row["name"]: row for row in page.context["statistics"]["species"]}
    assert (sums["杨树"]["n"], sums["杨树"]["conflict"]) == (2, 1)
    assert sums["杨树"]["area_ha"] == pytest.approx(2, rel=0.01)
    assert ("优势树种", "YOU_SHI_SZ") in page.context["columns"]
    assert page.context["screening"].reading["crs"]["epsg"] == 4326
    only = clerk.get(f"{address}?verdict=conflict").context["rows"]
    assert [row["id"] for row in only] == ["c", "4"]
    drawn = clerk.get(f"{address}map/?bbox=81,43,82,45").json()
    assert {one["properties"]["id"] for one in drawn["features"]} == {"=1+1", "b", "c"}
    file = clerk.get(f"{address}result.xlsx")
    assert "attachment" in file["Content-Disposition"]
    assert clerk.get(f"{address}result.exe").status_code == 404
    assert verbs("screening", screening.key) == ["opened", "done", "downloaded"]


def test_the_sheets_speak_the_language_of_whoever_asked(clerk: Client, tmp_path: Path) -> None:
    compile_messages()
    clerk.post(reverse("site:set_language"), {"language": "en", "next": "/"})
    screening = start(clerk, candidates_file(tmp_path), id_field="NAME")
    run_screening_job(screening.pk)
    book = openpyxl.load_workbook(result_folder(screening) / "result.xlsx", read_only=True)
    texts = [
        str(cell)
        for sheet in book.worksheets
        for row in sheet.iter_rows(max_row=1, values_only=True)
        for cell in row
    ]
    assert texts
    assert not re.search(r"[\u3400-\u9fff]", "".join(texts))


def test_what_the_reader_guesses_is_asked_before_a_job(clerk: Client, tmp_path: Path) -> None:
    path = tmp_path / "候选.csv"
    path.write_text(
        "地块号,点号,X,Y\n" + "".join(
            f"1,{n},{4868000 + y},{523000 + x}\n"
            for n, (x, y) in enumerate([(0, 0), (100, 0), (100, 100), (0, 100)], 1)
        )
    )  # fmt: skip
    with path.open("rb") as sent:
        asked = clerk.post("/screenings/start/", {"file": sent, "subject": "title"})
    assert asked.status_code == 200
    assert asked.context["reading"]["crs_open"]
    assert "selected>UTF-8" not in asked.content.decode()  # Nobody has chosen it.
    assert not BulkScreening.objects.exists()
    answer = {**looked(asked), "request_key": "k", **asked.context["kept"]}
    assert clerk.post("/screenings/start/", answer).status_code == 200  # Still not answered.
    done, again = (clerk.post("/screenings/start/", {**answer, "crs": "4536"}) for _click in "ab")
    assert (done.status_code, done["Location"]) == (302, again["Location"])
    other = clerk.post(
        "/screenings/start/", {**answer, "crs": "4490"}, HTTP_ACCEPT="application/json"
    )
    assert (other.status_code, other.json()["code"]) == (422, "request_key_reused")
    assert BulkScreening.objects.get().choices["crs_epsg"] == 4536


def test_another_layer_has_its_columns_proposed_and_asked_anew(
    clerk: Client, tmp_path: Path
) -> None:
    path = tmp_path / "候选.gpkg"
    geopackage(path, [square(0, 0).wkb.tobytes()], columns={"A": ["x"]}, layer="one")
    geopackage(path, [square(0, 0).wkb.tobytes()], columns={"YOU_SHI_SZ": ["榆"]}, layer="two")
    form = {"subject": "title", "request_key": "k", "layer": "one"}
    with path.open("rb") as sent:
        asked = clerk.post("/screenings/start/", {"file": sent, **form})
    answer = {**form, **looked(asked)}
    answer |= {"layer": "two", "column_species": "", "id_field": "A"}
    asked = clerk.post("/screenings/start/", answer)
    assert asked.status_code == 200
    assert not BulkScreening.objects.exists()
    proposed = {code: column for code, _label, column in asked.context["facts"] if column}
    assert proposed == {"species": "YOU_SHI_SZ"}
    answer |= {"read_as": asked.context["read_as"], "column_species": "YOU_SHI_SZ", "id_field": ""}
    assert clerk.post("/screenings/start/", answer).status_code == 302


def test_the_columns_of_a_file_are_shown_and_chosen_before_a_job(
    clerk: Client, tmp_path: Path
) -> None:
    path = tmp_path / "候选.geojson"
    ring = [list(point) for point in square(0, 0).coords[0][0]]
    geojson(path, [feature(polygon(ring), SHU_ZHONG="杨", YOU_SHI="榆")])
    form = {"subject": "title", "request_key": "k", "id_field": "SHU_ZHONG"}
    with path.open("rb") as sent:
        asked = clerk.post("/screenings/start/", {"file": sent, **form})
    assert asked.context["names"] == ["SHU_ZHONG", "YOU_SHI"]
    page = asked.content.decode()
    assert "<option selected>SHU_ZHONG</option>" in page
    assert 'name="column_species"' in page
    answer = {**form, **looked(asked), "column_unit_number": ""}
    wrong = clerk.post(
        "/screenings/start/", {**answer, "column_species": "GONE"}, HTTP_ACCEPT="application/json"
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "column_missing")
    clerk.post("/screenings/start/", {**answer, "column_species": "YOU_SHI"})
    screening = BulkScreening.objects.get()
    assert screening.reading["columns"] == {"species": "YOU_SHI"}
    run_screening_job(screening.pk)
    result = clerk.get(f"/screenings/{screening.key}/")
    assert [row["name"] for row in result.context["statistics"]["species"]] == ["榆"]


def test_the_sample_stands_are_screened_against_themselves(clerk: Client) -> None:
    parcel_at(square(0, 0))
    screening = start(clerk, SAMPLES / "stands.gpkg", id_field="BDCDYH")
    run_screening_job(screening.pk)
    screening.refresh_from_db()
    assert screening.counts["candidates"] == 1546
    page = clerk.get(f"/screenings/{screening.key}/?page=31")
    assert (page.context["pages"], len(page.context["rows"])) == (31, 46)
    townships = page.context["statistics"]["township"]
    assert sum(row["n"] for row in townships) == 1546


def test_a_cancelled_screening_leaves_no_result(clerk: Client, tmp_path: Path) -> None:
    waiting = start(clerk, candidates_file(tmp_path))
    assert clerk.post(f"/screenings/{waiting.key}/cancel/").json()["state"] == "cancelled"
    run_screening_job(waiting.pk)
    running = start(clerk, candidates_file(tmp_path))
    BulkScreening.objects.filter(pk=running.pk).update(cancel_wanted=True)
    run_screening_job(running.pk)
    running.refresh_from_db()
    assert (running.state, running.failure_code) == ("cancelled", "screening_cancelled")
    assert list(result_folder(running).iterdir()) == []
    again = clerk.post(f"/screenings/{running.key}/cancel/", HTTP_ACCEPT="application/json")
    assert again.status_code == 409
    assert clerk.get(f"/screenings/{running.key}/").status_code == 200


@pytest.mark.parametrize(
    "fields",
    [{"subject": "x"}, {"id_field": "GONE"}, {"period": "2021"}, {"seven_parameters": "1"}],
)
def test_what_cannot_be_screened_is_refused_before_a_job(
    clerk: Client, tmp_path: Path, fields: dict[str, str]
) -> None:
    with candidates_file(tmp_path).open("rb") as sent:
        answer = clerk.post(
            "/screenings/start/",
            {"file": sent, "subject": "title", "request_key": "k", **fields},
            HTTP_ACCEPT="application/json",
        )
    assert answer.status_code == 422
    assert answer.json()["message"]
    assert not BulkScreening.objects.exists()


def test_a_refused_form_comes_back_with_what_was_typed_and_keeps_the_file(
    clerk: Client, tmp_path: Path
) -> None:
    typed = {"subject": "title", "period": "2021-13-01/2025-12-31", "crs": "4490"}
    with candidates_file(tmp_path).open("rb") as sent:
        refused = clerk.post(
            "/screenings/start/",
            {**typed, "file": sent, "request_key": "k"},
            HTTP_ACCEPT="text/html",
        )
    page = refused.content.decode()
    assert refused.status_code == 422
    assert 'data-code="period_malformed"' in page
    assert 'value="2021-13-01/2025-12-31"' in page
    assert "“候选.geojson”已收到" in page
    again = {**typed, "held": refused.context["held"].word, "period": "2021-01-01/2025-12-31"}
    asked = clerk.post("/screenings/start/", {**again, "request_key": "k"})
    assert asked.status_code == 200  # Its columns are asked all the same.
    told = clerk.post("/screenings/start/", {**again, **looked(asked), "request_key": "l"})
    assert told.status_code == 302, told.content
    assert BulkScreening.objects.get().file_name == "候选.geojson"


def test_only_departments_screen(clerk: Client, tmp_path: Path) -> None:
    screening = start(clerk, candidates_file(tmp_path))
    client = Client()
    client.force_login(user_named("somebody"))
    for address in ("", f"{screening.key}/", f"{screening.key}/progress/", f"{screening.key}/map/"):
        assert client.get(f"/screenings/{address}").status_code == 404
