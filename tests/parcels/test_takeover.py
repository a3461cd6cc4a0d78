"""``import_parcels --as stock``: an existing register verified in one join, conflicts left open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.test import override_settings

from parcels.models import Takeover, TakeoverConflict, TitleCertificate, VerifiedTitle
from portal.accounts.models import Department, Role
from tests.accounts.people import PDF, officer, verbs
from tests.conftest import app_connection
from tests.factories.land import parcel_at, square, title_on, verify
from tests.parcels.test_import_command import Ended, import_parcels

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    """A folder with a decision's document, and two officers of the bureau."""
    (tmp_path / "决定.pdf").write_bytes(PDF)
    officer("clerk", Role.CLERK, Department.NATURAL_RESOURCES)
    officer("approver", Role.APPROVER, Department.NATURAL_RESOURCES)
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield tmp_path


def register_file(folder: Path, rows: list[tuple[str, str, Any]]) -> Path:
    """A GeoJSON of (certificate, unit number, shape)."""
    path = folder / "登记簿.geojson"
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(shape.geojson),
            "properties": {"ZQ_HAO": number, "BDCDYH": unit, "LQ_QLR": f"权利人{number}"},
        }
        for number, unit, shape in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def take_over(desk: Path, path: Path, *words: str, **changed: str) -> Ended:
    told = {
        "decision": "伊市自然资〔2026〕12号",
        "document": str(desk / "决定.pdf"),
        "preparer": "clerk",
        "approver": "approver",
        **changed,
    }
    options = [part for name, value in told.items() if value for part in (f"--{name}", value)]
    return import_parcels(path, "--as", "stock", *options, *words)


def unit(serial: int) -> str:
    return f"654002101900JE00001L{serial:08d}"


def test_a_register_is_verified_under_one_decision_but_for_its_conflicts(desk: Path) -> None:
    verify(title_on(parcel_at(square(2000, 0)), number="旧证"))
    rows = [
        ("证1", unit(1), square(0, 0)),
        ("证2", unit(2), square(100, 0)),  # A neighbour.
        ("证3", unit(3), square(199.99, 0)),  # A sliver of a centimetre: no conflict.
        ("证4", unit(4), square(500, 0)),
        ("证5", unit(5), square(590, 0)),  # Overlaps 证4 by ten metres.
        ("证6", unit(6), square(2090, 0)),  # Overlaps a title that was verified before.
        ("证7", unit(7), square(3000, 0)),
        ("证7 ", unit(8), square(3200, 0)),  # The same number, another holder.
        ("证9", unit(9), square(3400, 0)),
        ("证10", unit(9), square(3600, 0)),  # The same unit number on other land.
    ]
    rows[7] = ("证7", unit(8), square(3200, 0))
    path = register_file(desk, rows)
    data = json.loads(path.read_text())
    data["features"][7]["properties"]["LQ_QLR"] = "另一人"
    path.write_text(json.dumps(data))
    ended = take_over(desk, path)
    assert ended.status == 0, ended.errors
    stock = ended.answer["stock"]
    assert (stock["verified"], stock["left_registered"]) == (3, 7)
    states = dict(TitleCertificate.objects.values_list("number", "state"))
    assert {number for number, state in states.items() if state == "verified"} == {
        "旧证", "证1", "证2", "证3",
    }  # fmt: skip
    because = {(one["certificate"], one["other"], one["because"]) for one in stock["conflicts"]}
    assert because == {
        ("证4", "证5", "overlap"),
        ("证5", "证4", "overlap"),
        ("证6", "旧证", "overlap"),
        ("证7", "证7", "certificate_number"),
        ("证9", "证10", "unit_number"),
        ("证10", "证9", "unit_number"),
    }
    area = next(one["area_m2"] for one in stock["conflicts"] if one["certificate"] == "证6")
    assert area == pytest.approx(1000, rel=0.01)
    takeover = Takeover.objects.latest("pk")
    assert takeover.decision_number == "伊市自然资〔2026〕12号"
    assert (takeover.prepared_by.username, takeover.approved_by.username) == ("clerk", "approver")
    assert VerifiedTitle.objects.filter(certificate__record=takeover.record).count() == 3
    assert verbs("takeover", takeover.key) == ["taken_over"]
    assert TakeoverConflict.objects.exclude(shape=None).count() == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"decision": ""}, "决定文号"),
        ({"document": ""}, "依据文件"),
        ({"document": "nowhere.pdf"}, "依据文件"),
        ({"approver": "clerk"}, "同一人"),
        ({"preparer": "approver", "approver": "clerk"}, "经办人员"),
        ({"approver": "nobody"}, "nobody"),
        ({"decided-on": "2999-01-01"}, "晚于今天"),
    ],
)
def test_without_a_whole_decision_nothing_is_read(
    desk: Path, changed: dict[str, str], said: str
) -> None:
    path = register_file(desk, [("证1", unit(1), square(0, 0))])
    ended = take_over(desk, path, **changed)
    assert ended.status == 2
    assert said in ended.errors
    assert not TitleCertificate.objects.exists()


def test_a_takeover_that_is_tried_keeps_nothing_not_even_its_document(desk: Path) -> None:
    path = register_file(desk, [("证1", unit(1), square(0, 0)), ("证2", unit(2), square(90, 0))])
    tried = take_over(desk, path, "--dry-run")
    assert tried.status == 0, tried.errors
    assert (tried.answer["stock"]["verified"], tried.answer["stock"]["left_registered"]) == (0, 2)
    assert not Takeover.objects.exists()
    assert not TitleCertificate.objects.exists()
    assert not [kept for kept in Path(settings.MEDIA_ROOT).rglob("*") if kept.is_file()]


def test_a_takeover_is_signed_by_two_and_never_rewritten(desk: Path) -> None:
    take_over(desk, register_file(desk, [("证1", unit(1), square(0, 0))]))
    with app_connection(autocommit=True) as session:
        for statement in (
            "UPDATE parcels_takeover SET decision_number = 'x'",
            "DELETE FROM parcels_takeover",
            "UPDATE parcels_takeoverconflict SET because = 'x'",
        ):
            with pytest.raises(psycopg.Error, match="permission denied|rewritten"):
                session.execute(statement)
        with pytest.raises(psycopg.errors.CheckViolation, match="takeover_is_signed_by_another"):
            session.execute(
                "INSERT INTO parcels_takeover (key, record_id, decision_number, decided_on, "
                "document_name, document_path, document_sha256, prepared_by_id, approved_by_id, "
                "verified, left_registered) SELECT gen_random_uuid(), record_id, 'x', now(), '', "
                "'', 'x', prepared_by_id, prepared_by_id, 0, 0 FROM parcels_takeover"
            )


def test_taking_the_same_register_over_twice_changes_nothing(desk: Path) -> None:
    path = register_file(desk, [("证1", unit(1), square(0, 0)), ("证2", unit(2), square(100, 0))])
    take_over(desk, path)
    again = take_over(desk, path)
    assert again.status == 0
    assert again.answer["unchanged"] == 2
    assert again.answer["stock"]["verified"] == 0
    assert VerifiedTitle.objects.count() == 2
