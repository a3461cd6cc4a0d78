"""Guarantee 2 sieves land as guarantee 1 does: what an erosion leaves too little of is compared whole."""

from django.db import migrations

SIEVE = """
DO $$ BEGIN
  EXECUTE replace(pg_get_functiondef('verified_titles_do_not_conflict'::regproc),
                  '{former}(geom) AS core', '{now}(geom) AS core');
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("parcels", "0030_changes_by_office")]
    operations = [
        migrations.RunSQL(
            SIEVE.format(former="eroded", now="land_sieve"),
            SIEVE.format(former="land_sieve", now="eroded"),
        )
    ]
