"""Guarantee 3: what the database refuses about shapes, whoever writes them."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.utils import DataError, IntegrityError, InternalError, ProgrammingError

from parcels.models import Parcel, ParcelVersion
from portal.base.clock import now
from tests.factories.land import parcel_at, square

pytestmark = pytest.mark.django_db

SQUARE = "POLYGON((81.3 43.9, 81.301 43.9, 81.301 43.901, 81.3 43.901, 81.3 43.9))"


@pytest.mark.parametrize(
    ("shape", "refusal"),
    [
        (f"ST_Multi(ST_GeomFromText('{SQUARE}', 4490))", None),
        ("ST_GeomFromText('MULTIPOLYGON EMPTY', 4490)", "parcel_geom_is_not_empty"),
        (
            "ST_GeomFromText('MULTIPOLYGON(((81 43, 82 44, 82 43, 81 44, 81 43)))', 4490)",
            "parcel_geom_is_valid",
        ),
        (f"ST_Multi(ST_GeomFromText('{SQUARE}', 4326))", "SRID"),
        (f"ST_Multi(ST_Transform(ST_GeomFromText('{SQUARE}', 4490), 4536))", "SRID"),
        (f"ST_GeomFromText('{SQUARE}', 4490)", "type"),
        ("ST_GeomFromText('MULTIPOLYGON Z(((81 43 1,82 43 1,82 44 1,81 43 1)))', 4490)", "Z dim"),
        (
            "ST_GeomFromText('MULTIPOLYGON(((181 43, 182 43, 182 44, 181 43)))', 4490)",
            "parcel_geom_is_on_earth",
        ),
        (
            "ST_SetSRID(ST_GeomFromText('MULTIPOLYGON(((81 43, 82 43, NaN 44, 81 43)))'), 4490)",
            "parcel_geom_is_valid|Invalid|invalid|parse error",
        ),
        (
            "ST_Multi(ST_Segmentize(ST_GeomFromText('POLYGON((81 43, 82 43, 82 44, 81 43))', 4490),"
            " 0.00003))",
            "vertices",
        ),
    ],
)
def test_only_a_valid_finite_shape_in_cgcs2000_is_stored(shape: str, refusal: str | None) -> None:
    parcel = Parcel.objects.create()
    statement = (
        "INSERT INTO parcels_parcelversion (parcel_id, number, geom, because) "
        f"VALUES (%s, 1, {shape}, 'drawing')"
    )
    with connection.cursor() as cursor:
        if refusal is None:
            cursor.execute(statement, [parcel.pk])
            return
        with pytest.raises((IntegrityError, DataError, InternalError), match=refusal):
            cursor.execute(statement, [parcel.pk])


def test_area_is_ellipsoidal_and_generated() -> None:
    version = parcel_at(square(0, 0, 100)).versions.get()
    assert version.area_m2 == pytest.approx(10_000, rel=2e-3)
    with connection.cursor() as cursor, pytest.raises((ProgrammingError, DataError)):
        cursor.execute("UPDATE parcels_parcelversion SET area_m2 = 1 WHERE id = %s", [version.pk])


@pytest.mark.parametrize(
    "change",
    [
        "geom = ST_Multi(ST_Envelope(ST_Buffer(geom, 0.001)))",
        "geom_public = geom",
        "number = 7",
        "because = 'repair'",
        "made_at = now() - interval '1 day'",
        "stands_from = now()",
    ],
)
def test_a_frozen_version_is_never_rewritten(change: str) -> None:
    version = parcel_at(square(0, 0)).versions.get()
    statement = f"UPDATE parcels_parcelversion SET {change} WHERE id = {version.pk}"
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="frozen version"):
        cursor.execute(statement)


def test_a_version_is_never_deleted() -> None:
    version = parcel_at(square(0, 0)).versions.get()
    with pytest.raises((IntegrityError, ProgrammingError)):
        ParcelVersion.objects.filter(pk=version.pk).delete()


def test_one_version_of_a_parcel_stands_at_a_time() -> None:
    parcel = parcel_at(square(0, 0))
    with pytest.raises(IntegrityError, match="one_standing_version_per_parcel"):
        ParcelVersion.objects.create(
            parcel=parcel, number=2, geom=square(5, 5), because="correction", stands_from=now()
        )


def test_public_shape_is_made_by_the_database_and_shows_no_exact_vertex() -> None:
    parcel = Parcel.objects.create()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO parcels_parcelversion (parcel_id, number, geom, geom_public, because) "
            f"SELECT %s, 1, shape, shape, 'drawing' FROM ST_Multi(ST_GeomFromText('{SQUARE}', 4490)) "
            "AS shape RETURNING geom_public::text",
            [parcel.pk],
        )
    version = ParcelVersion.objects.get(parcel=parcel)
    assert version.geom_public is not None
    exact = {point for part in version.geom.coords for ring in part for point in ring}
    shown = {point for part in version.geom_public.coords for ring in part for point in ring}
    assert version.geom_public.valid
    assert not exact & shown
