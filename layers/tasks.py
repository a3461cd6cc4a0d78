"""Jobs of the map."""

from __future__ import annotations

from procrastinate import exceptions
from procrastinate.contrib.django import app

from layers.cells import is_dirty, prepare_cells
from layers.tile_store import sweep


@app.periodic(cron="* * * * *")
@app.task(name="prepare_map_cells", queue="map", queueing_lock="prepare_map_cells")
def prepare_map_cells(timestamp: int = 0) -> None:
    """Prepare the low zooms again where shapes changed, and forget tiles of former shapes."""
    prepare_cells()
    sweep()


def ask_for_cells() -> None:
    """Have the low zooms prepared soon when they are behind; asking twice is asking once."""
    if not is_dirty():
        return
    try:
        prepare_map_cells.defer()
    except exceptions.AlreadyEnqueued:
        return
