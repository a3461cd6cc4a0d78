"""Many policy numbers are read by one look: a live check needs a dozen at each question."""

from django.db import migrations

FORWARD = """
-- As ``policy_number`` answers each of them, all of one moment.
CREATE FUNCTION policy_numbers(wanted text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
  present timestamptz := portal_now();
  found jsonb;
  missing text[];
BEGIN
  SELECT coalesce(jsonb_object_agg(newest.code, newest.value::double precision), '{}') INTO found
  FROM (
    SELECT DISTINCT ON (code) code, value FROM public.base_policy
    WHERE code = ANY (wanted) AND valid_from <= present AND value IS NOT NULL
    ORDER BY code, valid_from DESC, id DESC
  ) AS newest;
  missing := ARRAY(SELECT unnest(wanted) EXCEPT SELECT jsonb_object_keys(found));
  IF cardinality(missing) > 0 THEN
    RAISE EXCEPTION 'policy % has no number', missing[1] USING ERRCODE = 'no_data_found';
  END IF;
  RETURN found;
END $$;
"""
BACKWARD = "DROP FUNCTION policy_numbers(text[])"


class Migration(migrations.Migration):
    dependencies = [("base", "0012_base_map_in_english")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
