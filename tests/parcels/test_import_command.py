"""``import_parcels``: the samples come in right and once, bad files leave nothing, answers are JSON."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from pyproj import Geod

from parcels.imports.operations import open_import, run_import, tried_only
from parcels.imports.outcome import Outcome
from parcels.intake.errors import IntakeError
from parcels.intake.reader import Choices, Limits, read_batches
from parcels.models import (
    ImportProblem,
    ImportRecord,
    Parcel,
    ParcelVersion,
    Right,
    Stand,
    TitleCertificate,
)
from portal.journal.models import Event
from tests.conftest import app_connection, own_database
from tests.factories.files import (
    degrees_prj,
    feature,
    geojson,
    polygon,
    shapefile_zip,
    square,
    text_file,
)

SAMPLES = Path(settings.ROOT) / "fixtures" / "samples"
SHAPEFILE, PACKAGE = SAMPLES / "林地小班_2025.zip", SAMPLES / "stands.gpkg"


@dataclass(frozen=True)
class Ended:
    """How a run of the command ended."""

    status: int
    output: str
    errors: str

    @property
    def answer(self) -> Any:
        return json.loads(self.output)


def import_parcels(*words: object) -> Ended:
    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), pytest.raises(SystemExit) as ended:
        call_command("import_parcels", *map(str, words), stderr=errors)
    assert isinstance(ended.value.code, int)
    return Ended(ended.value.code, output.getvalue(), errors.getvalue())


@dataclass(frozen=True)
class Register:
    """The samples after three imports: the shapefile twice, then the GeoPackage."""

    first: Ended
    second: Ended
    third: Ended
    truth: gpd.GeoDataFrame  # The stands as GDAL reads them, by unit number.


@pytest.fixture(scope="module")
def register(
    template_database: str,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Register]:
    files = tmp_path_factory.mktemp("files")
    with (
        django_db_blocker.unblock(),
        override_settings(MEDIA_ROOT=files),
        own_database(template_database),
    ):
        yield Register(
            import_parcels(SHAPEFILE),
            import_parcels(SHAPEFILE),
            import_parcels(PACKAGE, "--survey-year", "2025"),
            pyogrio.read_dataframe(PACKAGE).set_index("BDCDYH"),
        )


def counts(ended: Ended) -> dict[str, int]:
    names = ("read", "imported", "changed", "unchanged")
    return {name: ended.answer[name] for name in names}


def test_the_shapefile_of_samples_is_read_whole(register: Register) -> None:
    assert register.first.status == 0
    assert register.first.answer["rejected"] == []
    assert counts(register.first) == {"read": 900, "imported": 900, "changed": 0, "unchanged": 0}


def test_a_second_import_of_the_same_file_changes_nothing(register: Register) -> None:
    assert register.second.status == 0
    assert counts(register.second) == {"read": 900, "imported": 0, "changed": 0, "unchanged": 900}


def test_the_same_stands_in_another_format_and_system_are_recognised(register: Register) -> None:
    assert register.third.status == 0
    assert register.third.answer["rejected"] == []
    assert counts(register.third) == {
        "read": 1546, "imported": 646, "changed": 0, "unchanged": 900,
    }  # fmt: skip
    assert Parcel.objects.count() == 1546
    assert ParcelVersion.objects.count() == 1546


def test_what_was_read_is_told_once_and_not_again_while_it_is_written(register: Register) -> None:
    told = [line for line in register.third.errors.splitlines() if line.startswith("已读取")]
    assert told == ["已读取 1000/1546", "已读取 1546/1546"]


def test_each_import_is_recorded_with_the_hash_of_its_original(register: Register) -> None:
    records = list(ImportRecord.objects.order_by("pk"))
    assert [record.state for record in records] == [ImportRecord.State.DONE] * 3
    assert [record.file_name for record in records] == [
        SHAPEFILE.name, SHAPEFILE.name, PACKAGE.name,
    ]  # fmt: skip
    assert records[0].file_sha256 == records[1].file_sha256 != records[2].file_sha256
    for record in records:
        kept = Path(settings.MEDIA_ROOT) / record.stored_path
        assert kept.stat().st_size == record.file_bytes


def test_gbk_attributes_arrive_in_right_chinese(register: Register) -> None:
    """The GeoPackage has the same words in UTF-8; the shapefile came first and had GB18030."""
    first = ImportRecord.objects.order_by("pk")[0]
    truth = register.truth
    rights = Right.objects.filter(certificate__record=first).select_related(
        "certificate", "parcel", "party"
    )
    assert len(rights) == 900
    for right in rights:
        expected = truth.loc[right.parcel.unit_number]
        assert right.party.name == expected.LQ_QLR
        assert right.certificate.number == expected.ZQ_HAO
    stands = Stand.objects.filter(record=first).select_related("parcel")
    assert len(stands) == 900
    for stand in stands:
        assert stand.parcel is not None
        assert stand.species == truth.loc[stand.parcel.unit_number].YOU_SHI_SZ
    assert {stand.species for stand in stands} >= {"雪岭云杉", "新疆杨", "白榆"}


def test_every_area_is_that_of_the_ellipsoid_within_a_ten_thousandth(register: Register) -> None:
    geod = Geod(ellps="GRS80")
    expected_m2 = {
        number: abs(geod.geometry_area_perimeter(shape)[0])
        for number, shape in register.truth.geometry.items()
    }
    versions = ParcelVersion.objects.values_list("parcel__unit_number", "area_m2")
    assert len(versions) == len(expected_m2)
    for number, area_m2 in versions:
        assert area_m2 == pytest.approx(expected_m2[number], rel=1e-4)


def test_every_certificate_is_registered_and_none_is_verified(register: Register) -> None:
    assert TitleCertificate.objects.count() == register.truth.ZQ_HAO.nunique()
    states = set(TitleCertificate.objects.values_list("state", flat=True))
    assert states == {TitleCertificate.State.REGISTERED}


def test_mu_typed_as_hectares_is_warned_about_in_chinese(register: Register) -> None:
    warnings = register.first.answer["warnings"]
    found = [item for item in warnings if item["code"] == "area_looks_like_mu"]
    assert found
    for item in found:
        certified_ha = register.truth.loc[item["id"]].MIAN_JI
        assert str(round(certified_ha, 2))[:4] in item["message"]
        assert "亩" in item["message"]
        assert 80.9 < item["lon"] < 81.7
        assert 43.65 < item["lat"] < 44.35


# --- bad files --------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    """A folder for the test's files and for the originals that the register keeps."""
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield tmp_path


def nothing_was_taken() -> bool:
    models = (Parcel, ParcelVersion, Right, Stand, TitleCertificate, ImportProblem)
    return not any(model.objects.exists() for model in models)


BOW_TIE = [square()[at] for at in (0, 2, 1, 3, 0)]


@pytest.mark.django_db
def test_good_features_go_in_and_each_bad_one_is_listed(files: Path) -> None:
    shapes = [polygon(square()), polygon(BOW_TIE), None, polygon(square(5))]
    features = [
        feature(shape, 权利人="李秀英", 林权证号=f"伊市林证字（2010）第{at}号", 小班=str(at))
        for at, shape in enumerate(shapes, start=1)
    ]
    ended = import_parcels(geojson(files / "宗地.geojson", features))
    assert ended.status == 1
    answer = ended.answer
    assert counts(ended) == {"read": 4, "imported": 2, "changed": 0, "unchanged": 0}
    crossing, missing = answer["rejected"]
    assert (crossing["row"], crossing["code"]) == (2, "self_intersection")
    assert crossing["id"] == "伊市林证字（2010）第2号"
    assert "自相交" in crossing["message"]
    assert crossing["lon"] == pytest.approx((square()[0][0] + square()[2][0]) / 2, abs=1e-6)
    assert crossing["lat"] == pytest.approx((square()[0][1] + square()[2][1]) / 2, abs=1e-6)
    assert (missing["row"], missing["code"], missing["lon"]) == (3, "geometry_missing", None)
    assert "没有图形" in missing["message"]
    assert Parcel.objects.count() == 2
    kept = ImportProblem.objects.filter(severity=ImportProblem.Severity.REJECTED)
    assert [problem.row for problem in kept.order_by("row")] == [2, 3]


@pytest.mark.django_db
def test_a_moved_boundary_is_a_newer_version_and_not_a_new_parcel(files: Path) -> None:
    unit = "654002103023JE00000L00000001"
    import_parcels(geojson(files / "1.geojson", [feature(polygon(square()), BDCDYH=unit)]))
    moved = square(0, side_m=101)
    ended = import_parcels(geojson(files / "2.geojson", [feature(polygon(moved), BDCDYH=unit)]))
    assert counts(ended) == {"read": 1, "imported": 0, "changed": 1, "unchanged": 0}
    versions = ParcelVersion.objects.filter(parcel__unit_number=unit).order_by("number")
    assert [version.number for version in versions] == [1, 2]
    assert [version.stands_to is None for version in versions] == [False, True]


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_ends_with_status_2_and_no_trace(files: Path) -> None:
    for name, content, code in [
        ("宗地.zip", b"hello", "not_a_zip"),
        ("宗地.dwg", b"AC1032", "format_dwg"),
        ("没有.zip", None, "file_missing"),
    ]:
        if content is not None:
            (files / name).write_bytes(content)
        ended = import_parcels(files / name)
        assert (ended.status, ended.output) == (2, "")
        assert ended.errors.startswith(f"{code}: ")
        assert re.search(r"[\u4e00-\u9fff]", ended.errors)
        assert nothing_was_taken()
        assert not ImportRecord.objects.exists()


def test_a_file_that_breaks_in_the_middle_leaves_nothing_half_imported(
    files: Path, committed_db: str
) -> None:
    """The first thousand features are already written when the second thousand is refused."""
    rows = [[str(at), "farm"] for at in range(1, 1502)]
    rows[-1][1] = "林场"
    path = shapefile_zip(
        files / "a.zip", [[square(at)] for at in range(1501)],
        fields=[("XIAO_BAN", 10), ("LQ_QLR", 20)], rows=rows, prj=degrees_prj(),
    )  # fmt: skip
    choices = Choices(encoding="utf-8")
    record = open_import(
        path=path, file_name=path.name, purpose=ImportRecord.Purpose.REGISTERED, actor=None
    )
    told: list[int] = []
    with pytest.raises(IntakeError) as caught:
        run_import(
            record=record,
            batches=read_batches(path, choices=choices, limits=Limits()),
            mapping={"subcompartment": "XIAO_BAN", "holder_name": "LQ_QLR"},
            actor=None,
            progress=lambda outcome: told.append(outcome.read),
        )
    assert caught.value.code == "encoding_wrong"
    assert "第 1501 行“LQ_QLR”列" in str(caught.value)
    assert told == [1000]
    assert nothing_was_taken()


@pytest.mark.django_db
def test_a_dry_run_says_what_would_happen_and_keeps_nothing(files: Path) -> None:
    path = geojson(files / "a.geojson", [feature(polygon(square())), feature(polygon(BOW_TIE))])
    ended = import_parcels(path, "--dry-run")
    assert ended.status == 1
    assert counts(ended) == {"read": 2, "imported": 1, "changed": 0, "unchanged": 0}
    assert nothing_was_taken()
    assert not ImportRecord.objects.exists()
    assert not Event.objects.filter(subject_kind="import").exists()
    assert not [kept for kept in Path(settings.MEDIA_ROOT).rglob("*") if kept.is_file()]


def test_no_seal_waits_for_a_dry_run_that_is_reading(files: Path, committed_db: str) -> None:
    path = geojson(files / "a.geojson", [feature(polygon(square()))])
    held: list[int] = []

    def seal(outcome: Outcome) -> None:
        with app_connection() as session:
            session.execute("SET LOCAL lock_timeout = '1s'")
            session.execute("SELECT journal_hold()")
        held.append(outcome.read)

    with tried_only():
        record = open_import(
            path=path, file_name=path.name, purpose=ImportRecord.Purpose.REGISTERED, actor=None,
            tried=True,
        )  # fmt: skip
        run_import(
            record=record,
            batches=read_batches(path, choices=Choices(), limits=Limits()),
            mapping={},
            actor=None,
            progress=seal,
        )
    assert set(held) == {1}
    assert nothing_was_taken()
    assert not ImportRecord.objects.exists()


def test_the_command_prints_only_json_and_exits_by_the_outcome(
    files: Path, committed_db: str
) -> None:
    """As an operator runs it: a process of its own, words on standard error."""
    database = settings.DATABASES["default"]
    login = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "DATABASE_URL": f"postgis://{login}/{database['NAME']}",
        "PORTAL_VAR": str(files / "var"),
    }

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "import_parcels", str(path)],
            cwd=settings.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    good = geojson(files / "好.geojson", [feature(polygon(square()))])
    ended = run(good)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["imported"] == 1
    assert good.name in ended.stderr
    assert Parcel.objects.count() == 1

    ended = run(text_file(files / "坏.geojson", "{"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("json_damaged: ")
