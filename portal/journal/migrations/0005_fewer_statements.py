"""An event's hash is put together without a query, and its head is made only when there is none."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION journal_event_hash(previous bytea, subject_kind text, subject_key text,
  seq int, verb text, actor_key uuid, recorded_at timestamptz, facts jsonb) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  part text;
  said text := '';
BEGIN
  FOREACH part IN ARRAY ARRAY[
    subject_kind, subject_key, seq::text, verb, coalesce(actor_key::text, ''),
    ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text, facts::text
  ] LOOP
    said := said || octet_length(part) || ':' || part;
  END LOOP;
  RETURN sha256(previous || convert_to(said, 'UTF8'));
END $$;

-- The id is drawn under the head's lock: within a chain ids rise with seq.
CREATE OR REPLACE FUNCTION journal_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head journal_head%ROWTYPE;
BEGIN
  LOOP
    SELECT * INTO head FROM journal_head
    WHERE subject_kind = NEW.subject_kind AND subject_key = NEW.subject_key FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO journal_head (subject_kind, subject_key, seq, hash)
    VALUES (NEW.subject_kind, NEW.subject_key, 0, decode(repeat('00', 32), 'hex'))
    ON CONFLICT (subject_kind, subject_key) DO NOTHING;
  END LOOP;
  NEW.id := nextval('journal_event_id_seq');
  NEW.seq := head.seq + 1;
  NEW.recorded_at := portal_now();
  NEW.previous_hash := head.hash;
  NEW.hash := journal_event_hash(head.hash, NEW.subject_kind, NEW.subject_key, NEW.seq, NEW.verb,
                                 NEW.actor_key, NEW.recorded_at, NEW.facts);
  UPDATE journal_head SET seq = NEW.seq, hash = NEW.hash WHERE id = head.id;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0004_plans_are_kept")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
