"""Exclusion layers by command and in the browser: looked at first, then registered."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from parcels.models import ExclusionArea
from portal.accounts.models import Department, Role
from tests.accounts.people import officer, user_named, verbs
from tests.factories.land import square
from tests.parcels.claims.areas import exclusion_at

pytestmark = pytest.mark.django_db
SAMPLES = Path(settings.FIXTURES) / "samples"
PROJECTS, HARVESTS = SAMPLES / "其他机制项目.geojson", SAMPLES / "采伐规划.gpkg"


def import_exclusions(*words: object) -> tuple[int, dict[str, Any], str]:
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), pytest.raises(SystemExit) as ended:
        call_command("import_exclusions", *map(str, words), stderr=errors)
    text = output.getvalue()
    assert isinstance(ended.value.code, int)
    return ended.value.code, json.loads(text) if text else {}, errors.getvalue()


@pytest.fixture
def clerk(tmp_path: Path) -> Any:
    client = Client()
    client.force_login(officer("clerk", Role.CLERK, Department.FORESTRY))
    with override_settings(MEDIA_ROOT=tmp_path / "media", UPLOAD_SCRATCH=tmp_path / "scratch"):
        yield client


def test_both_samples_come_in_with_kind_status_and_period() -> None:
    status, answer, _errors = import_exclusions(PROJECTS)
    assert (status, answer["registered"], answer["rejected"]) == (0, 2, [])
    assert {one["kind"] for one in answer["areas"]} == {"ccer", "vcs"}
    status, answer, _errors = import_exclusions(HARVESTS)
    assert (status, answer["registered"]) == (0, 2)
    assert {one["method"] for one in answer["areas"]} == {"clear_cut", "tending"}
    assert all(one["from"] and one["to"] and one["area_m2"] > 0 for one in answer["areas"])
    again = import_exclusions(HARVESTS)[1]
    assert (again["registered"], again["unchanged"]) == (0, 2)
    for area in ExclusionArea.objects.all():
        assert area.area_m2 > 0


def bare_file(folder: Path) -> Path:
    """A shape whose file says no more than a number."""
    path = folder / "规划.geojson"
    feature = {
        "type": "Feature",
        "properties": {"编号": "A-1"},
        "geometry": json.loads(square(0, 0).geojson),
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_what_a_file_does_not_say_is_said_by_hand(tmp_path: Path) -> None:
    path = bare_file(tmp_path)
    status, answer, _errors = import_exclusions(path)
    assert (status, answer["registered"]) == (1, 0)
    assert "日" in answer["rejected"][0]["message"]
    said = ("--kind", "vcs", "--status", "planned", "--from", "2022-01-01", "--to", "2041-12-31")
    status, answer, _errors = import_exclusions(path, *said, "--dry-run")
    assert (status, answer["registered"], ExclusionArea.objects.count()) == (0, 1, 0)
    import_exclusions(path, *said)
    area = ExclusionArea.objects.get()
    assert (area.kind, area.status, area.number) == ("vcs", "planned", "A-1")
    assert (str(area.period.lower), str(area.period.upper)) == ("2022-01-01", "2042-01-01")


@pytest.mark.parametrize(
    ("written", "begins_on"),
    [("2024/1/5", "2024-01-05"), ("2024年1月5日", "2024-01-05"), ("2024-01-05 00:00:00", "2024-01-05"),
     ("", "2022-01-01"), ("明年春天", None), ("2024-13-01", None), ("20240", None)],
)  # fmt: skip
def test_a_day_that_cannot_be_read_is_a_problem_and_not_the_assumed_one(
    tmp_path: Path, written: str, begins_on: str | None
) -> None:
    path = bare_file(tmp_path)
    path.write_text(path.read_text().replace('"A-1"', f'"A-1", "start": "{written}"'))
    _status, answer, _errors = import_exclusions(path, "--from", "2022-01-01")
    if begins_on is None:
        assert answer["rejected"][0]["code"] == "exclusion_day_unreadable"
        assert not ExclusionArea.objects.exists()
    else:
        assert str(ExclusionArea.objects.get().period.lower) == begins_on


def test_what_the_reader_guesses_is_asked_before_areas_are_registered(
    clerk: Client, tmp_path: Path
) -> None:
    path = tmp_path / "规划.csv"
    path.write_text(
        "地块号,点号,X,Y\n" + "".join(
            f"P-1,{n},{4868000 + y},{523000 + x}\n"
            for n, (x, y) in enumerate([(0, 0), (100, 0), (100, 100), (0, 100)], 1)
        )
    )  # fmt: skip
    with path.open("rb") as sent:
        said = {"kind": "vcs", "begins_on": "2022-01-01"}
        seen = clerk.post("/exclusions/look/", {"file": sent, **said})
    assert seen.context["reading"]["crs_open"]
    given = {"held": seen.context["held"], **seen.context["kept"]}
    refused = clerk.post("/exclusions/take-in/", given, HTTP_ACCEPT="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "coordinate_system_open")
    assert not ExclusionArea.objects.exists()
    again = clerk.post("/exclusions/look/", {**given, "crs": "4536"})
    assert not again.context["reading"]["crs_open"]


@pytest.mark.parametrize("words", [("--from", "soon"), ("--seven-parameters", "1,2")])
def test_a_word_that_cannot_be_read_ends_with_status_2(tmp_path: Path, words: Any) -> None:
    status, answer, errors = import_exclusions(bare_file(tmp_path), *words)
    assert (status, answer) == (2, {})
    assert errors.strip()


def test_a_file_is_looked_at_in_the_browser_and_then_registered(clerk: Client) -> None:
    with PROJECTS.open("rb") as sent:
        seen = clerk.post("/exclusions/look/", {"file": sent, "status": "planned"})
    assert seen.status_code == 200
    assert not ExclusionArea.objects.exists()
    outcome = seen.context["outcome"]
    assert (outcome.read, outcome.registered) == (2, 2)
    page = seen.content.decode()
    assert all(one.facts.number in page for one in outcome.found)
    given = {"held": seen.context["held"], "request_key": "k", **seen.context["kept"]}
    assert ("number", "project_no") in {(fact, column) for fact, _, column in seen.context["facts"]}
    chosen = clerk.post("/exclusions/look/", {**given, "column_number": "name"})
    assert len(chosen.context["outcome"].rejected) == 2  # Of the first day nothing was chosen.
    wrong = {**given, "column_number": "没有"}
    assert (
        clerk.post("/exclusions/take-in/", wrong, HTTP_ACCEPT="application/json").json()["code"]
        == "column_missing"
    )
    for _click in range(2):
        done = clerk.post("/exclusions/take-in/", given, follow=True)
        assert "已登记 2 个" in done.content.decode()
    assert ExclusionArea.objects.count() == 2
    assert ExclusionArea.objects.first().source == PROJECTS.name  # type: ignore[union-attr]
    forged = clerk.post("/exclusions/take-in/", {"held": "x"}, HTTP_ACCEPT="application/json")
    assert forged.status_code == 422


def test_a_status_moves_on_and_never_back(clerk: Client) -> None:
    area = exclusion_at(square(0, 0), status="planned")
    address = f"/exclusions/{area.key}/move/"
    assert clerk.post(address, {"status": "registered"}).status_code == 302
    area.refresh_from_db()
    assert area.status == "registered"
    assert verbs("exclusion", area.key) == ["registered", "moved"]
    for wanted, status in (("planned", 409), ("registered", 409), ("gone", 422)):
        answer = clerk.post(address, {"status": wanted}, HTTP_ACCEPT="application/json")
        assert answer.status_code == status


def test_only_departments_that_take_files_in_see_the_page() -> None:
    client = Client()
    client.force_login(user_named("somebody"))
    assert client.get("/exclusions/").status_code == 404
    assert client.post("/exclusions/look/").status_code == 404
