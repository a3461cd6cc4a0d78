"""The command lines choose nothing silently: they say how a file is read, and let it be set."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import override_settings

from parcels.imports.command_line import ended_when_not_run
from parcels.models import ExclusionArea, Parcel
from tests.factories.files import feature, geojson, polygon
from tests.factories.land import square

pytestmark = pytest.mark.django_db
COMMANDS = [
    ("import_parcels",),
    ("import_exclusions", "--from", "2024-01-01"),
    ("screen_areas", "--as", "title"),
]


def run(command: tuple[str, ...], path: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    output, errors = io.StringIO(), io.StringIO()
    name, *words = command
    with (
        redirect_stdout(output),
        override_settings(MEDIA_ROOT=path.parent / "media"),
        pytest.raises(SystemExit) as ended,
    ):
        call_command(name, str(path), *words, *more, stdout=output, stderr=errors)
    assert isinstance(ended.value.code, int)
    text = output.getvalue()
    return ended.value.code, json.loads(text) if text else {}, errors.getvalue()


def bare_points(folder: Path) -> Path:
    """A table of points that names neither its plane nor its zone."""
    path = folder / "界址点.csv"
    corners = enumerate([(0, 0), (100, 0), (100, 100), (0, 100)], 1)
    lines = [f"P-1,{n},{4868000 + y},{523000 + x}" for n, (x, y) in corners]
    path.write_text("\n".join(["地块号,点号,X,Y", *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_a_guessed_system_is_said_and_can_be_set(command: tuple[str, ...], tmp_path: Path) -> None:
    path = bare_points(tmp_path)
    _status, answer, said = run(command, path)
    reading = answer["reading"]
    assert (reading["guessed"], reading["crs"]["how"]) == (["crs"], "guessed")
    assert reading["crs"]["name"] in said
    assert "--crs" in said
    _status, answer, said = run(command, path, "--crs", "4536")
    assert (answer["reading"]["guessed"], answer["reading"]["crs"]["how"]) == ([], "chosen")
    assert "--crs" not in said


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_the_columns_taken_are_said_and_can_be_set(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "范围.geojson"
    ring = [list(point) for point in square(0, 0).coords[0][0]]
    geojson(path, [feature(polygon(ring), BDCDYH="甲", 编号="甲", 另列="乙")])
    fact, column = ("number", "编号") if "exclusions" in command[0] else ("unit_number", "BDCDYH")
    _status, answer, said = run(command, path)
    assert answer["reading"]["columns"][fact] == column
    assert f"{fact}={column}" in said
    _status, answer, _said = run(command, path, "--column", f"{fact}=另列")
    assert answer["reading"]["columns"][fact] == "另列"
    if command[0] == "import_parcels":
        assert run(command, path, "--survey-year", "99999999")[:2] == (2, {})
    for wrong in (f"{fact}=没有", "nothing=另列", fact):
        assert run(command, path, "--column", wrong)[:2] == (2, {})


def test_a_column_that_was_set_is_what_is_registered(tmp_path: Path) -> None:
    path = tmp_path / "范围.geojson"
    ring = [list(point) for point in square(0, 0).coords[0][0]]
    geojson(path, [feature(polygon(ring), BDCDYH="甲", 另列="乙")])
    run(COMMANDS[0], path, "--column", "unit_number=另列")
    assert Parcel.objects.get().unit_number == "乙"
    run(COMMANDS[1], path, "--column", "number=另列")
    assert ExclusionArea.objects.get().number == "乙"


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (psycopg.OperationalError("connection refused"), "database_away"),
        (psycopg.errors.AdminShutdown("terminating connection"), "database_away"),
        (psycopg.errors.DeadlockDetected("deadlock detected"), "database_gave_up"),
        (psycopg.errors.DiskFull("no space left"), "database_gave_up"),
    ],
)
def test_a_database_that_is_away_or_gives_up_is_told_with_the_status_of_not_run(
    why: psycopg.Error, code: str
) -> None:
    said: list[str] = []
    with pytest.raises(SystemExit) as ended, ended_when_not_run(said.append):
        raise OperationalError(*why.args) from why
    assert (ended.value.code, said) == (2, [f"{code}: {why}"])
