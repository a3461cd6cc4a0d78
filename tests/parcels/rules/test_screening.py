"""``screen_areas``: a file against the register, as operators and a checker with shapely see it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import shapely
from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.core.management import call_command

from parcels.claims.exclusions import take_in_exclusions
from parcels.models import Parcel, ParcelVersion, Right, TitleCertificate
from portal.accounts.models import Party
from portal.base.clock import now
from tests.factories.land import METRE_LAT, METRE_LON, verify
from tests.parcels.claims.areas import PERIOD, claim_at
from tests.parcels.claims.race import TO_PLANE, Points, to_plane

SAMPLES = settings.FIXTURES / "samples"
STANDS = 120


def screen(*words: str) -> tuple[int, dict[str, Any], str]:
    """(exit status, the JSON, what was said on standard error)."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("screen_areas", *words, stdout=out, stderr=err)
    text = out.getvalue()
    status = ended.value.code
    assert isinstance(status, int)
    return status, json.loads(text) if text else {}, err.getvalue()


def stands() -> geopandas.GeoDataFrame:
    """Some neighbouring stands of the sample."""
    frame = pyogrio.read_dataframe(SAMPLES / "stands.gpkg", max_features=STANDS)
    return frame.drop_duplicates("BDCDYH").reset_index(drop=True)


def register(frame: geopandas.GeoDataFrame, *, verified: bool = False) -> None:
    """The stands as parcels with certificates."""
    party = Party.objects.create(kind="name_only", name="测试")
    titles = []
    for row in frame.itertuples():
        parcel = Parcel.objects.create(unit_number=row.BDCDYH, unit_number_key=row.BDCDYH)
        shape = GEOSGeometry(row.geometry.wkb_hex, srid=4490)
        ParcelVersion.objects.create(
            parcel=parcel,
            number=1,
            geom=MultiPolygon(shape, srid=4490),
            because="import",
            stands_from=now(),
        )
        title = TitleCertificate.objects.create(
            kind="forest", number=row.ZQ_HAO, number_key=row.ZQ_HAO
        )
        Right.objects.create(certificate=title, parcel=parcel, kind="tree_ownership", party=party)
        titles.append(title)
    if verified:
        verify(*titles)


def plane(shapes: Any) -> Any:
    """EPSG:4490 → EPSG:4536 by pyproj."""
    return shapely.transform(shapes, to_plane)


def back(shapes: Any) -> Any:
    def to_degrees(points: Points) -> Points:
        return np.column_stack(TO_PLANE(points[:, 0], points[:, 1], direction="INVERSE"))

    return shapely.transform(shapes, to_degrees)


def shifted(shape: Any, east_m: float, north_m: float) -> Any:
    move = (east_m * METRE_LON, north_m * METRE_LAT)
    return shapely.transform(shape, lambda points: points + move)


def with_strip_and_bulge(shape: Any) -> Any:
    """Beyond the easternmost corner: a strip 2 cm wide, 60 m long, with a bulge 3 m wide."""
    flat = plane(shape)
    west, south, _east, north = flat.bounds
    middle = (south + north) / 2
    strip = shapely.box(west - 60, middle, west + 5, middle + 0.02)
    bulge = shapely.box(west - 30, middle, west - 27, middle + 3)
    return back(shapely.union_all([flat, strip, bulge]))


def with_notch(shape: Any) -> Any:
    """A tooth 0.3 m wide, 40 m out to the west."""
    flat = plane(shape)
    west, south, _east, north = flat.bounds
    middle = (south + north) / 2
    return back(shapely.union(flat, shapely.box(west - 40, middle, west + 5, middle + 0.3)))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "copy": lambda shape: shape,
    "shifted by 15 m": lambda shape: shifted(shape, 15, 0),
    "shifted by 2 cm": lambda shape: shifted(shape, 0.02, 0),
    "shifted far": lambda shape: shifted(shape, 0, 60_000),
    "shrunk by 2 m": lambda shape: back(shapely.buffer(plane(shape), -2)),
    "grown by 2 m": lambda shape: back(shapely.buffer(plane(shape), 2)),
    "grown by 1 cm": lambda shape: back(shapely.buffer(plane(shape), 0.01)),
    "strip and bulge": with_strip_and_bulge,
    "notch": with_notch,
}


def expected_pairs(shape: Any, frame: geopandas.GeoDataFrame) -> dict[str, tuple[float, float]]:
    """Unit number → (area of conflicting parts, area of slivers), by shapely in EPSG:4536."""
    found: dict[str, tuple[float, float]] = {}
    flat = plane(shape)
    for unit, other in zip(frame.BDCDYH, plane(frame.geometry.values), strict=True):
        if not shapely.intersects(flat, other):
            continue
        shared = shapely.intersection(flat, other, grid_size=0.0001)
        conflicts = slivers = 0.0
        for part in shapely.get_parts(shared):
            if part.geom_type != "Polygon":
                continue
            if part.area <= 1 or shapely.buffer(part, -0.025).is_empty:
                slivers += part.area
            else:
                conflicts += part.area
        if conflicts or slivers:
            found[unit] = (conflicts, slivers)
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES)
def test_screening_agrees_with_shapely_pair_by_pair(change: str, tmp_path: Path) -> None:
    frame = stands()
    register(frame)
    made = [CHANGES[change](shape) for shape in frame.geometry.values]
    candidates = geopandas.GeoDataFrame(
        {"nr": [f"K{at}" for at in range(len(made))]}, geometry=made, crs="EPSG:4490"
    )
    path = tmp_path / "candidates.gpkg"
    candidates.to_file(path)
    status, answer, _said = screen(str(path), "--as", "title", "--id", "nr")
    conflicts = 0
    for place, told in enumerate(answer["candidates"]):
        assert told["id"] == f"K{place}"
        pairs = expected_pairs(made[place], frame)
        areas = {
            found["other"]: found["area_m2"]
            for found in told["findings"]
            if found["rule"] == "overlap_title" and found["severity"] == "conflict"
        }
        wanted = {unit: area for unit, (area, _slivers) in pairs.items() if area > 0}
        assert areas.keys() == wanted.keys()
        for unit, area in wanted.items():
            assert areas[unit] == pytest.approx(area, rel=1e-3)
        assert (told["verdict"] == "conflict") == bool(wanted)
        slivers = {
            found["other"]: found["area_m2"]
            for found in told["findings"]
            if found["rule"] == "overlap_title" and found["severity"] == "warning"
        }
        # Below a square millimetre's worth of strip the sieve sees nothing.
        assert slivers.keys() <= pairs.keys()
        assert {unit for unit, (area, sliver) in pairs.items() if not area and sliver > 0.5} <= (
            slivers.keys()
        )
        conflicts += bool(wanted)
    assert status == (0 if answer["counts"]["clear"] == len(made) else 1)
    if change == "shifted far":
        assert conflicts == 0
    elif change in ("copy", "shrunk by 2 m"):
        assert conflicts == len(made)


@pytest.mark.django_db
def test_neighbours_that_touch_are_clear(tmp_path: Path) -> None:
    """Every second stand is registered; the others share edges with them and overlap nothing."""
    frame = stands()
    register(frame.iloc[::2])
    path = tmp_path / "neighbours.gpkg"
    frame.iloc[1::2][["geometry"]].to_file(path)
    status, answer, _said = screen(str(path), "--as", "title")
    told = [found for one in answer["candidates"] for found in one["findings"]]
    assert not [found for found in told if found["rule"] == "overlap_title"]
    assert answer["counts"]["conflict"] == 0
    assert [one["id"] for one in answer["candidates"]] == list(
        range(1, len(answer["candidates"]) + 1)
    )
    assert status == (0 if answer["counts"]["warning"] == 0 else 1)


@pytest.mark.django_db
def test_the_answer_has_the_form_that_programs_rely_on(tmp_path: Path) -> None:
    frame = stands()
    register(frame)
    path = tmp_path / "copies.gpkg"
    frame.iloc[:3][["geometry"]].to_file(path)
    status, answer, said = screen(str(path), "--as", "title")
    assert status == 1
    assert set(answer) == {"candidates", "counts", "reading"}
    for one in answer["candidates"]:
        assert set(one) == {"id", "verdict", "findings"}
        assert one["verdict"] == "conflict"
        for found in one["findings"]:
            assert set(found) == {"rule", "severity", "other", "area_m2", "mean_width_m"}
    assert answer["counts"] == {
        "candidates": 3, "clear": 0, "warning": 0, "conflict": 3, "rejected": 0,
        "findings": sum(len(one["findings"]) for one in answer["candidates"]),
    }  # fmt: skip
    assert "3/3" in said


@pytest.mark.django_db
def test_the_samples_exclude_and_tending_does_not(tmp_path: Path) -> None:
    """Stands under the CCER and VCS projects and the clear-cut permit, as shapely finds them."""
    frame = pyogrio.read_dataframe(SAMPLES / "stands.gpkg")
    take_in_exclusions(path=SAMPLES / "其他机制项目.geojson", actor=None)
    take_in_exclusions(path=SAMPLES / "采伐规划.gpkg", actor=None)
    projects = pyogrio.read_dataframe(SAMPLES / "其他机制项目.geojson")
    harvests = pyogrio.read_dataframe(SAMPLES / "采伐规划.gpkg")
    areas = dict(zip(projects.project_no, projects.geometry, strict=True))
    areas[harvests.permit_no[0]] = harvests.geometry[0]
    tending = harvests.geometry[1]
    near = shapely.union_all([*areas.values(), tending]).buffer(0.001)
    close = frame[frame.intersects(near)].reset_index(drop=True)
    expected = {
        (place, number)
        for place, shape in enumerate(plane(close.geometry.values))
        for number, area in areas.items()
        if _conflicts(shape, plane(area))
    }
    path = tmp_path / "project.gpkg"
    close[["geometry"]].to_file(path)
    _status, answer, _said = screen(
        str(path), "--as", "project", "--period", "2022-01-01/2026-12-31"
    )
    told = {
        (place, found["other"])
        for place, one in enumerate(answer["candidates"])
        for found in one["findings"]
        if found["rule"] in ("overlap_exclusion", "harvest_in_period")
        and found["severity"] == "conflict"
    }
    assert told == expected
    assert {number for _place, number in told} == set(areas)
    before = screen(str(path), "--as", "project", "--period", "2021-01-01/2025-12-31")[1]
    rules = [found["rule"] for one in before["candidates"] for found in one["findings"]]
    assert "harvest_in_period" not in rules


def _conflicts(one: Any, other: Any) -> bool:
    shared = shapely.intersection(one, other, grid_size=0.0001)
    return any(
        part.geom_type == "Polygon" and part.area > 1 and not shapely.buffer(part, -0.025).is_empty
        for part in shapely.get_parts(shared)
    )


@pytest.mark.django_db
def test_as_projects_titles_claims_and_the_period_count(tmp_path: Path) -> None:
    frame = stands().iloc[:10]
    register(frame, verified=True)
    claimed = GEOSGeometry(frame.geometry.values[0].wkb_hex, srid=4490)
    claim = claim_at(MultiPolygon(claimed, srid=4490), period=PERIOD, state="live")
    path = tmp_path / "project.gpkg"
    made = [
        frame.geometry.values[0],
        frame.geometry.values[5],
        shifted(claimed_shape(frame), 0, 40_000),
    ]
    geopandas.GeoDataFrame(geometry=made, crs="EPSG:4490").to_file(path)

    def rules(*period: str) -> list[set[tuple[str, str | None]]]:
        answer = screen(str(path), "--as", "project", *period)[1]
        return [
            {
                (found["rule"], found["other"])
                for found in one["findings"]
                if found["severity"] == "conflict"
            }
            for one in answer["candidates"]
        ]

    claimed_finding = ("overlap_claim", claim.number)
    free = [set(), set(), {("covered_by_titles", None)}]
    assert rules("--period", "2026-01-01/2030-12-31") == free
    assert rules("--period", "2025-12-31/2030-12-31") == [{claimed_finding}, *free[1:]]
    assert rules() == [{claimed_finding}, *free[1:]]


def claimed_shape(frame: geopandas.GeoDataFrame) -> Any:
    return frame.geometry.values[0]


@pytest.mark.django_db
def test_findings_are_written_as_a_geopackage(tmp_path: Path) -> None:
    frame = stands()
    register(frame)
    path, out = tmp_path / "copies.gpkg", tmp_path / "findings.gpkg"
    frame.iloc[:5][["geometry"]].to_file(path)
    _status, answer, _said = screen(str(path), "--as", "title", "--out", str(out))
    written = pyogrio.read_dataframe(out)
    assert len(written) == answer["counts"]["findings"]
    assert written.crs.to_epsg() == 4490
    overlaps = written[written["rule"] == "overlap_title"]
    assert set(overlaps.severity) >= {"conflict"}
    for row in overlaps.itertuples():
        assert plane(row.geometry).area == pytest.approx(row.area_m2, rel=1e-3)
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.django_db
def test_a_file_without_findings_makes_an_empty_layer(tmp_path: Path) -> None:
    path, out = tmp_path / "one.gpkg", tmp_path / "findings.gpkg"
    stands().iloc[:1][["geometry"]].to_file(path)
    assert screen(str(path), "--as", "title", "--out", str(out))[0] == 0
    assert len(pyogrio.read_dataframe(out)) == 0


BOW = {
    "type": "Polygon",
    "coordinates": [[[81.3, 43.9], [81.31, 43.91], [81.31, 43.9], [81.3, 43.91], [81.3, 43.9]]],
}


@pytest.mark.django_db
def test_an_unreadable_feature_is_a_conflict_in_its_place_and_said(tmp_path: Path) -> None:
    good = json.loads(shapely.to_geojson(stands().geometry.values[0]))
    features = [
        {"type": "Feature", "properties": {"nr": nr}, "geometry": shape}
        for nr, shape in enumerate([good, BOW, good])
    ]
    path = tmp_path / "mixed.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    status, answer, said = screen(str(path), "--as", "title", "--id", "nr")
    assert status == 1
    assert [one["verdict"] for one in answer["candidates"]] == ["clear", "conflict", "clear"]
    assert [one["id"] for one in answer["candidates"]] == [0, 2, 2]
    assert answer["candidates"][1]["findings"][0]["rule"] == "valid_geometry"
    assert answer["counts"]["rejected"] == 1
    assert "第 2 行" in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--as", "title", "--id", "absent"], "screening_refused"),
        (["--as", "title", "--id", ""], "screening_refused"),
        (["--as", "project", "--period", "2021"], "period_malformed"),
        (["--as", "project", "--period", "2025-12-31/2021-01-01"], "period_malformed"),
        (["--as", "project", "--period", "2021-02-30/2021-12-31"], "period_malformed"),
        (["--as", "project", "--period", "2021-01-01/9999-12-31"], "period_malformed"),
        (["--as", "title", "--out", "findings.shp"], "screening_refused"),
        (["--as", "title", "--out", "/nowhere/at/all/findings.gpkg"], "screening_refused"),
    ],
)
def test_what_cannot_be_screened_exits_with_2_and_says_why(
    words: list[str], code: str, tmp_path: Path
) -> None:
    path = tmp_path / "one.gpkg"
    stands().iloc[:1][["geometry"]].to_file(path)
    status, answer, said = screen(str(path), *words)
    assert (status, answer) == (2, {})
    assert code in said


@pytest.mark.django_db
def test_a_missing_file_exits_with_2(tmp_path: Path) -> None:
    status, answer, said = screen(str(tmp_path / "absent.gpkg"), "--as", "title")
    assert (status, answer) == (2, {})
    assert "file_missing" in said


def test_several_sessions_read_one_snapshot_and_keep_the_order(
    committed_db: str, tmp_path: Path
) -> None:
    frame = pyogrio.read_dataframe(SAMPLES / "stands.gpkg")
    register(frame.iloc[:40])
    path = tmp_path / "many.gpkg"
    import pandas

    many = pandas.concat([frame] * 3, ignore_index=True)
    many["nr"] = range(len(many))
    many[["nr", "geometry"]].to_file(path)
    one = screen(str(path), "--as", "title", "--id", "nr", "--sessions", "1")[1]
    several = screen(str(path), "--as", "title", "--id", "nr", "--sessions", "3")[1]
    assert several == one
    assert [told["id"] for told in one["candidates"]] == list(range(len(many)))
    assert one["counts"]["conflict"] >= 120
