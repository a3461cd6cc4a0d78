"""Project areas and exclusions share the row trigger of parcels, so their statements read policy too."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER area_versions_are_made BEFORE INSERT ON parcels_projectareaversion
FOR EACH STATEMENT EXECUTE FUNCTION parcel_versions_are_made();
CREATE TRIGGER exclusions_are_made BEFORE INSERT ON parcels_exclusionarea
FOR EACH STATEMENT EXECUTE FUNCTION parcel_versions_are_made();
"""
BACKWARD = """
DROP TRIGGER area_versions_are_made ON parcels_projectareaversion;
DROP TRIGGER exclusions_are_made ON parcels_exclusionarea;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0010_takeovers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
