"""Preparing the low zooms: parcels united by grid cells, zoom by zoom, from fine to coarse."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

COARSEST_ZOOM, SUMMED_TO_ZOOM, FINEST_ZOOM = 5, 11, 12
CELLS_PER_TILE_SIDE = 16
# At the finest zoom single parcels are shown, but where they are more than a browser can draw; its
# cells are those of the zoom before, drawn finer.
CROWDED_FROM_PARCELS = 5000
CROWDED_FROM_ROWS = 1500  # Of other layers, whose features say more.
FINEST_GRID = 15  # Cells are the tiles of deeper zooms; the finest, those of this one.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('layers_cells'))"

# Half a pixel of the zoom, in metres of the projection: shapes are snapped to it, and a shape that
# vanishes becomes one such square, so that no region disappears.
TAKE_DIRTY = """
CREATE TEMP TABLE touched ON COMMIT DROP AS
WITH taken AS (DELETE FROM layers_dirtycell RETURNING x, y)
SELECT DISTINCT x, y FROM taken
"""
CLEAR_CELLS = """
DELETE FROM layers_parcelcell AS cell USING touched
WHERE cell.zoom = %(zoom)s AND cell.x = touched.x AND cell.y = touched.y
"""
PREPARE_FINEST = """
INSERT INTO layers_parcelcell (zoom, x, y, parcels, area_m2, geom)
SELECT %(zoom)s, x, y, count(*), sum(area_m2), ST_Multi(ST_CollectionExtract(ST_MakeValid(
         ST_Union(layer_snap(shape, %(step)s))), 3))
FROM (
  SELECT touched.x, touched.y, version.area_m2, ST_Transform(version.geom_public, 3857) AS shape
  FROM touched
  JOIN parcels_parcelversion AS version
    ON version.geom && layer_cell_box(%(grid)s, touched.x, touched.y)
   AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
  JOIN LATERAL layer_cell_of(version.geom) AS own ON own.x = touched.x AND own.y = touched.y
) AS inside
GROUP BY x, y
"""
TO_PARENTS = """
CREATE TEMP TABLE above ON COMMIT DROP AS SELECT DISTINCT x / 2 AS x, y / 2 AS y FROM touched;
DROP TABLE touched;
ALTER TABLE above RENAME TO touched;
"""
PREPARE_PARENT = """
INSERT INTO layers_parcelcell (zoom, x, y, parcels, area_m2, geom)
SELECT %(zoom)s, touched.x, touched.y, sum(child.parcels), sum(child.area_m2),
       ST_Multi(ST_CollectionExtract(ST_MakeValid(ST_Union(layer_snap(child.geom, %(step)s))), 3))
FROM touched JOIN layers_parcelcell AS child
  ON child.zoom = %(zoom)s + 1
 AND child.x BETWEEN %(times)s * touched.x AND %(times)s * touched.x + %(times)s - 1
 AND child.y BETWEEN %(times)s * touched.y AND %(times)s * touched.y + %(times)s - 1
GROUP BY touched.x, touched.y
"""
# Land that is there now, and what was there when the sums were made.
TOUCHED_VILLAGES = """
CREATE TEMP TABLE touched_villages ON COMMIT DROP AS
SELECT DISTINCT parcel.township_code, parcel.village FROM touched
JOIN parcels_parcelversion AS version
  ON version.geom && layer_cell_box(%(grid)s, touched.x, touched.y)
 AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
JOIN parcels_parcel AS parcel ON parcel.id = version.parcel_id
UNION
SELECT area.township_code, area.village FROM touched JOIN layers_villagearea AS area
  ON area.box && layer_cell_box(%(grid)s, touched.x, touched.y)
"""
TOUCHED_TOWNSHIPS = """
CREATE TEMP TABLE touched_townships ON COMMIT DROP AS
SELECT township_code AS code FROM touched_villages
UNION
SELECT area.township_code FROM touched JOIN layers_townshiparea AS area
  ON area.geom && layer_cell_box(%(grid)s, touched.x, touched.y)
"""
CLEAR_TOWNSHIPS = """
DELETE FROM layers_townshiparea AS area USING touched_townships
WHERE area.township_code = touched_townships.code
"""
# A hull can be a line only if every shape is one: generalised shapes have an area.
PREPARE_TOWNSHIPS = """
INSERT INTO layers_townshiparea (township_code, parcels, area_m2, geom)
SELECT parcel.township_code, count(*), sum(version.area_m2),
       ST_Multi(ST_ConvexHull(ST_Collect(version.geom_public)))
FROM parcels_parcel AS parcel
JOIN touched_townships ON touched_townships.code = parcel.township_code
JOIN base_township AS township ON township.code = parcel.township_code
JOIN parcels_parcelversion AS version ON version.parcel_id = parcel.id
 AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
GROUP BY parcel.township_code
"""
CLEAR_VILLAGES = """
DELETE FROM layers_villagearea AS area USING touched_villages AS touched
WHERE area.township_code = touched.township_code AND area.village = touched.village
"""
PREPARE_VILLAGES = """
INSERT INTO layers_villagearea (township_code, village, parcels, box)
SELECT parcel.township_code, parcel.village, count(*),
       ST_SetSRID(ST_Extent(version.geom_public)::geometry, 4490)
FROM touched_villages AS touched
JOIN parcels_parcel AS parcel ON parcel.township_code = touched.township_code
 AND parcel.village = touched.village
JOIN parcels_parcelversion AS version ON version.parcel_id = parcel.id
 AND version.stands_from IS NOT NULL AND version.stands_to IS NULL
WHERE touched.village <> ''
GROUP BY parcel.township_code, parcel.village
"""
ALL_DIRTY = """
INSERT INTO layers_dirtycell (x, y)
SELECT DISTINCT own.x, own.y FROM parcels_parcelversion AS version,
  LATERAL layer_cell_of(version.geom) AS own
WHERE version.stands_from IS NOT NULL AND version.stands_to IS NULL
UNION SELECT x, y FROM layers_parcelcell WHERE zoom = %(zoom)s
"""
# The first row stays: it tells when the layer began.
FOLD_CHANGES = """
WITH first AS (
  SELECT layer, min(id) AS id FROM layers_shapechange GROUP BY layer HAVING count(*) > %(most)s
), folded AS (
  DELETE FROM layers_shapechange AS change USING first
  WHERE change.layer = first.layer AND change.id > first.id
  RETURNING change.layer, change.changes
)
UPDATE layers_shapechange AS kept SET changes = kept.changes + more.changes
FROM first JOIN (SELECT layer, sum(changes) AS changes FROM folded GROUP BY layer) AS more
  ON more.layer = first.layer
WHERE kept.id = first.id
"""
MOST_CHANGES = 1000
SIDE_M = 40075016.6855785


def pixel_m(zoom: int) -> float:
    """A pixel of a 256-pixel tile in metres of the projection."""
    return SIDE_M / 256 / float(2**zoom)


def cells_a_side(zoom: int) -> int:
    """Cells along a tile's side."""
    return CELLS_PER_TILE_SIDE // 2 if zoom == FINEST_ZOOM else CELLS_PER_TILE_SIDE


def grid_of(zoom: int) -> int:
    """The zoom whose tiles are the cells of ``zoom``; from the finest on it stays the same."""
    return min(FINEST_GRID, zoom + CELLS_PER_TILE_SIDE.bit_length() - 1)


def prepare_cells(*, everything: bool = False) -> int:
    """Bring the dirty cells up to date at every zoom; returns how many of the finest there were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        if everything:
            cursor.execute(ALL_DIRTY, {"zoom": SUMMED_TO_ZOOM})
        cursor.execute(TAKE_DIRTY)
        cursor.execute("SELECT count(*) FROM touched")
        touched: int = cursor.fetchone()[0]
        if not touched:
            return 0
        cursor.execute("ANALYZE touched")
        prepare_places(cursor)
        for zoom in range(FINEST_ZOOM, COARSEST_ZOOM - 1, -1):
            same_grid = zoom == SUMMED_TO_ZOOM
            if zoom < SUMMED_TO_ZOOM:
                cursor.execute(TO_PARENTS)
            facts = {
                "zoom": zoom,
                "grid": SUMMED_TO_ZOOM,
                "times": 1 if same_grid else 2,
                "step": pixel_m(zoom) / 2,
            }
            cursor.execute(CLEAR_CELLS, facts)
            cursor.execute(PREPARE_FINEST if zoom == FINEST_ZOOM else PREPARE_PARENT, facts)
        cursor.execute("INSERT INTO layers_shapechange (layer) VALUES ('parcels'), ('townships')")
    return touched


def prepare_places(cursor: CursorWrapper) -> None:
    """Bring the townships and villages that have land in a touched cell up to date."""
    for statement in (TOUCHED_VILLAGES, TOUCHED_TOWNSHIPS):
        cursor.execute(statement, {"grid": SUMMED_TO_ZOOM})
    for statement in (CLEAR_TOWNSHIPS, PREPARE_TOWNSHIPS, CLEAR_VILLAGES, PREPARE_VILLAGES):
        cursor.execute(statement)


def fold_changes(most: int = MOST_CHANGES) -> None:
    """Keep the count of a layer's changes in one row where it would take many to be read."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(FOLD_CHANGES, {"most": most})
