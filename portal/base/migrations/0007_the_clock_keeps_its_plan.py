"""The clock is read by every write: a SQL function was planned anew by every call."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION portal_now() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
BEGIN
  RETURN clock_timestamp() + (SELECT clock_offset FROM public.base_installation);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("base", "0006_chinese_names_of_the_base_map")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
