"""Jobs of the map."""

from __future__ import annotations

from procrastinate.contrib.django import app

from layers.cells import fold_changes, prepare_cells
from layers.tile_store import sweep


@app.periodic(cron="* * * * *")
@app.task(name="prepare_map_cells", queue="map", queueing_lock="prepare_map_cells")
def prepare_map_cells(timestamp: int = 0) -> None:
    """Prepare the low zooms again where shapes changed, and forget tiles of former shapes."""
    prepare_cells()
    fold_changes()
    sweep()
