"""Sealing under the application's role, ids drawn in chain order, and policy changes as events."""

from django.db import migrations

FORWARD = """
-- SHARE mode asks for more rights than the application's role has; the wait itself is harmless.
CREATE FUNCTION journal_hold() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  LOCK TABLE journal_event IN SHARE MODE;
END $$;

-- As before, and the id is drawn under the head's lock: nobody chooses one, and within a chain ids
-- rise with seq, so that "all events up to this id" is a prefix of every chain.
CREATE OR REPLACE FUNCTION journal_chain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head journal_head%ROWTYPE;
BEGIN
  INSERT INTO journal_head (subject_kind, subject_key, seq, hash)
  VALUES (NEW.subject_kind, NEW.subject_key, 0, decode(repeat('00', 32), 'hex'))
  ON CONFLICT (subject_kind, subject_key) DO NOTHING;
  SELECT * INTO head FROM journal_head
  WHERE subject_kind = NEW.subject_kind AND subject_key = NEW.subject_key FOR UPDATE;
  NEW.id := nextval(pg_get_serial_sequence('journal_event', 'id'));
  NEW.seq := head.seq + 1;
  NEW.recorded_at := portal_now();
  NEW.previous_hash := head.hash;
  NEW.hash := journal_event_hash(head.hash, NEW.subject_kind, NEW.subject_key, NEW.seq, NEW.verb,
                                 NEW.actor_key, NEW.recorded_at, NEW.facts);
  UPDATE journal_head SET seq = NEW.seq, hash = NEW.hash WHERE id = head.id;
  RETURN NEW;
END $$;

-- A policy value is recorded whoever writes the row: the ground floor cannot call the journal. What a
-- migration installs as a code's first value changes nothing and is no act of anybody.
CREATE FUNCTION journal_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.set_by IS NULL
     AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
     AND NOT EXISTS (SELECT FROM base_policy WHERE code = NEW.code AND id <> NEW.id) THEN
    RETURN NULL;
  END IF;
  INSERT INTO journal_event (subject_kind, subject_key, seq, verb, actor_key, facts,
                             previous_hash, hash)
  VALUES ('policy', left(NEW.code, 64), 0, 'set_policy', NEW.set_by,
          jsonb_build_object(
            'policy', NEW.id, 'value', NEW.value, 'valid_from', NEW.valid_from,
            'text_sha256', encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex'),
            'reason_sha256', encode(sha256(convert_to(NEW.reason, 'UTF8')), 'hex')),
          '', '');
  RETURN NULL;
END $$;
CREATE TRIGGER journal_policy AFTER INSERT ON base_policy
FOR EACH ROW EXECUTE FUNCTION journal_policy();
"""
BACKWARD = """
DROP TRIGGER journal_policy ON base_policy;
DROP FUNCTION journal_policy();
DROP FUNCTION journal_hold();
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_chains"), ("base", "0004_policy_defaults")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
