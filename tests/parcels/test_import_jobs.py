"""A running import that somebody cancels: its progress is seen, and nothing of it stays."""

from __future__ import annotations

from pathlib import Path

from parcels.imports.operations import cancel_import, open_import, queue_import
from parcels.intake.reader import Choices
from parcels.models import ImportRecord, Parcel, ParcelVersion
from parcels.tasks import run_import_job
from portal.accounts.models import Department, Role
from tests.accounts.people import officer
from tests.parcels.test_import_pages import LAND


def test_an_import_that_runs_stops_at_its_next_batch_and_leaves_nothing(
    committed_db: str, tmp_path: Path
) -> None:
    clerk = officer("surveyor", Role.CLERK, Department.NATURAL_RESOURCES)
    path = tmp_path / "地块.geojson"
    path.write_bytes(LAND)
    record = open_import(
        path=path, file_name=path.name, purpose=ImportRecord.Purpose.REGISTERED, actor=clerk
    )
    queue_import(
        record=record, choices=Choices(crs_epsg=4490), mapping={}, survey_year=None,
        right_kinds=["tree_ownership"], actor=clerk,
    )  # fmt: skip
    # As if the wish came while the worker was at it: a waiting one would end at once.
    ImportRecord.objects.filter(pk=record.pk).update(state=ImportRecord.State.RUNNING)
    cancel_import(record=record, actor=clerk)
    ImportRecord.objects.filter(pk=record.pk).update(state=ImportRecord.State.QUEUED)
    run_import_job(record_id=record.pk)
    record.refresh_from_db()
    assert (record.state, record.failure_code, record.imported) == (
        "cancelled", "import_cancelled", 0,
    )  # fmt: skip
    assert not Parcel.objects.exists()
    assert not ParcelVersion.objects.exists()
