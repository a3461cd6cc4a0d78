"""Phone maps' shift: told when an outline fits the register only after it is taken back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.db import connection
from django.test import Client, override_settings

from parcels.imports.suspicion import suspects_of_gcj02
from parcels.intake.gcj02 import shifted, unshifted
from portal.accounts.models import Department, Role
from tests.accounts.people import officer
from tests.factories.land import parcel_at, square
from tests.parcels.reviews.bench import owner
from tests.parcels.test_import_command import import_parcels

pytestmark = pytest.mark.django_db


def test_the_shift_here_is_that_of_the_domain_and_is_taken_back_exactly() -> None:
    """domain.md: about 242 m to the east, 137 m to the north."""
    points = np.random.default_rng(1).uniform((81.0, 43.7), (81.6, 44.2), (100, 2))
    east_m, north_m = ((shifted(points) - points) * (80_286, 111_112)).T
    assert east_m.mean() == pytest.approx(242, abs=5)
    assert north_m.mean() == pytest.approx(137, abs=5)
    assert np.abs(unshifted(shifted(points)) - points).max() < 1e-9


def outline(east_m: float, north_m: float, width_m: float, height_m: float) -> shapely.Geometry:
    return shapely.from_wkb(bytes(square(east_m, north_m, width_m, height_m).wkb))


def test_only_an_outline_that_fits_after_the_shift_is_suspected() -> None:
    for column in range(12):
        for row in range(8):
            parcel_at(square(column * 100, row * 100))
    true = outline(300, 200, 300, 200)
    across = outline(350, 250, 300, 200)  # Fits nothing, moved or not.
    alone = outline(9000, 0, 100, 100)
    given = [true, shapely.transform(true, shifted), across, alone]
    with connection.cursor() as cursor:
        found = suspects_of_gcj02(
            cursor, [(row, shapely.to_wkb(shape)) for row, shape in enumerate(given, start=1)]
        )
    assert [suspect.row for suspect in found] == [2]


def test_it_is_told_on_the_web_before_commit_and_in_the_answer_of_the_command(
    tmp_path: Path,
) -> None:
    parcel_at(square(0, 0))
    moved = shapely.transform(outline(0, 0, 100, 100), shifted)
    path = tmp_path / "手机.geojson"
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": json.loads(shapely.to_geojson(moved)),
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with override_settings(MEDIA_ROOT=tmp_path / "media", UPLOAD_SCRATCH=tmp_path / "scratch"):
        client = Client()
        client.force_login(officer("clerk", Role.CLERK, Department.NATURAL_RESOURCES))
        with path.open("rb") as sent:
            answer = client.post("/imports/upload/", {"file": sent, "request_key": "k"})
        seen = client.get(f"{answer.json()['url']}inspection/").json()["inspection"]
        assert "fits_after_gcj02_shift" in {one["code"] for one in seen["notices"]}
        with path.open("rb") as sent:
            asked = client.post("/screenings/start/", {"file": sent, "subject": "title"})
        told = asked.context["reading"]["notices"]
        assert "fits_after_gcj02_shift" in {one["code"] for one in told}
        back = {name: asked.context[name] for name in ("held", "read_as")}
        back |= {"request_key": "k", **asked.context["kept"]}
        assert client.post("/screenings/start/", back).status_code == 302  # It was meant so.
        with path.open("rb") as sent:
            areas = client.post("/exclusions/look/", {"file": sent, "status": "planned"})
        told = areas.context["reading"]["notices"]
        assert "fits_after_gcj02_shift" in {one["code"] for one in told}
        user, _party = owner()
        client.force_login(user)
        with path.open("rb") as sent:
            form = {"way": "upload", "shape_file": sent}
            shown = client.post("/titles/register/shapes/", form).json()["inspection"]
        assert "fits_after_gcj02_shift" in {one["code"] for one in shown["notices"]}
        warnings = import_parcels(path).answer["warnings"]
    assert [(one["row"], one["code"]) for one in warnings] == [(1, "fits_after_gcj02_shift")]
    assert "GCJ-02" in warnings[0]["message"]
