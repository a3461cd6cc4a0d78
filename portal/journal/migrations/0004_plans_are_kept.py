"""The hash of an event keeps its plan: a SQL function was planned anew by every call."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION journal_event_hash(previous bytea, subject_kind text, subject_key text,
  seq int, verb text, actor_key uuid, recorded_at timestamptz, facts jsonb) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN RETURN (
  SELECT sha256(previous || convert_to(string_agg(octet_length(part) || ':' || part, '' ORDER BY at),
                                       'UTF8'))
  FROM unnest(ARRAY[
    subject_kind, subject_key, seq::text, verb, coalesce(actor_key::text, ''),
    ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, facts::text
  ]) WITH ORDINALITY AS parts (part, at));
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0003_sealing_and_policy")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
