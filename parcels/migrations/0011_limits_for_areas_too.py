"""Areas and exclusions share the row trigger of parcels' versions, so they read its limits too."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER parcel_versions_are_made BEFORE INSERT ON parcels_projectareaversion
FOR EACH STATEMENT EXECUTE FUNCTION parcel_versions_are_made();
CREATE TRIGGER parcel_versions_are_made BEFORE INSERT ON parcels_exclusionarea
FOR EACH STATEMENT EXECUTE FUNCTION parcel_versions_are_made();
"""
BACKWARD = """
DROP TRIGGER parcel_versions_are_made ON parcels_exclusionarea;
DROP TRIGGER parcel_versions_are_made ON parcels_projectareaversion;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0010_takeovers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
