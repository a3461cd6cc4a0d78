"""The chain: the database itself numbers, times and hashes every event and moves the head."""

from django.db import migrations

FORWARD = """
-- Every field is preceded by its length, so that no two events share a text.
CREATE FUNCTION journal_event_hash(previous bytea, subject_kind text, subject_key text, seq int,
  verb text, actor_key uuid, recorded_at timestamptz, facts jsonb) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(previous || convert_to(string_agg(octet_length(part) || ':' || part, '' ORDER BY at),
                                       'UTF8'))
  FROM unnest(ARRAY[
    subject_kind, subject_key, seq::text, verb, coalesce(actor_key::text, ''),
    ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, facts::text
  ]) WITH ORDINALITY AS parts (part, at)
$$;

-- Definer's rights: the application's role may append events, but never move a head by itself.
CREATE FUNCTION journal_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head journal_head%ROWTYPE;
BEGIN
  INSERT INTO journal_head (subject_kind, subject_key, seq, hash)
  VALUES (NEW.subject_kind, NEW.subject_key, 0, decode(repeat('00', 32), 'hex'))
  ON CONFLICT (subject_kind, subject_key) DO NOTHING;
  SELECT * INTO head FROM journal_head
  WHERE subject_kind = NEW.subject_kind AND subject_key = NEW.subject_key FOR UPDATE;
  NEW.seq := head.seq + 1;
  NEW.recorded_at := portal_now();
  NEW.previous_hash := head.hash;
  NEW.hash := journal_event_hash(head.hash, NEW.subject_kind, NEW.subject_key, NEW.seq, NEW.verb,
                                 NEW.actor_key, NEW.recorded_at, NEW.facts);
  UPDATE journal_head SET seq = NEW.seq, hash = NEW.hash WHERE id = head.id;
  RETURN NEW;
END $$;
CREATE TRIGGER journal_chain BEFORE INSERT ON journal_event
FOR EACH ROW EXECUTE FUNCTION journal_chain();

SELECT portal_append_only('journal_event');
SELECT portal_append_only('journal_seal');
SELECT portal_read_only('journal_head');
"""
BACKWARD = """
DROP TRIGGER journal_chain ON journal_event;
DROP FUNCTION journal_chain();
DROP FUNCTION journal_event_hash(bytea, text, text, int, text, uuid, timestamptz, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_events")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
