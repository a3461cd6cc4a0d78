"""Each issuance, claim and exclusion area gets its cell of the low zooms when it is written.

None of them ever changes its shape, so the cell is written once.
"""

from django.db import migrations

# By layer: the table that is followed, and the rows of it (or of the new ones) with their shapes.
FOLLOWED = {
    "tickets": (
        "registry_issuance",
        """SELECT one.id AS key, version.geom_public AS shape FROM {rows} AS one
JOIN projects_filing AS filing ON filing.id = one.filing_id
JOIN parcels_projectareaversion AS version ON version.id = filing.area_version_id""",
    ),
    "projects": (
        "parcels_claim",
        """SELECT one.id AS key, version.geom_public AS shape FROM {rows} AS one
JOIN parcels_projectareaversion AS version ON version.id = one.version_id""",
    ),
    "exclusions": (
        "parcels_exclusionarea",
        "SELECT one.id AS key, one.geom_public AS shape FROM {rows} AS one",
    ),
}
PLACED = """
INSERT INTO layers_cellrow (layer, "row", x, y)
SELECT '{layer}', followed.key, own.x, own.y
FROM ({rows}) AS followed, LATERAL layer_cell_of(followed.shape) AS own
WHERE followed.shape IS NOT NULL"""
FORWARD = """
CREATE FUNCTION {layer}_get_their_cells() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  {new};
  RETURN NULL;
END $$;
CREATE TRIGGER {layer}_have_cells AFTER INSERT ON {table}
REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION {layer}_get_their_cells();
{all};
"""
BACKWARD = """
DROP TRIGGER {layer}_have_cells ON {table};
DROP FUNCTION {layer}_get_their_cells();
DELETE FROM layers_cellrow WHERE layer = '{layer}';
"""


def placed(layer: str, rows: str) -> str:
    return PLACED.format(layer=layer, rows=FOLLOWED[layer][1].format(rows=rows))


class Migration(migrations.Migration):
    dependencies = [
        ("layers", "0007_cellrow"),
        ("parcels", "0004_claim_guarantees"),
        ("registry", "0001_tables"),
    ]
    operations = [
        migrations.RunSQL(
            FORWARD.format(
                layer=layer, table=table, new=placed(layer, "written"), all=placed(layer, table)
            ),
            BACKWARD.format(layer=layer, table=table),
        )
        for layer, (table, _rows) in FOLLOWED.items()
    ]
