"""Policy values: read by one SQL function, changed only by newer rows."""

from django.db import migrations

FORWARD = """
SELECT portal_append_only('base_policy');

CREATE FUNCTION policy_number(wanted text) RETURNS double precision
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  found double precision;
BEGIN
  SELECT value INTO found FROM public.base_policy
  WHERE code = wanted AND valid_from <= portal_now() AND value IS NOT NULL
  ORDER BY valid_from DESC, id DESC LIMIT 1;
  IF found IS NULL THEN
    RAISE EXCEPTION 'policy % has no number', wanted USING ERRCODE = 'no_data_found';
  END IF;
  RETURN found;
END $$;

CREATE FUNCTION policy_text(wanted text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT text FROM public.base_policy
  WHERE code = wanted AND valid_from <= portal_now() AND text <> ''
  ORDER BY valid_from DESC, id DESC LIMIT 1
$$;
"""
BACKWARD = """
DROP FUNCTION policy_number(text);
DROP FUNCTION policy_text(text);
DROP TRIGGER nothing_is_rewritten ON base_policy;
DROP TRIGGER nothing_is_truncated ON base_policy;
"""


class Migration(migrations.Migration):
    dependencies = [("base", "0002_ground_tables")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
