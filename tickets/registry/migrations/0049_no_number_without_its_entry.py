"""What an entry takes of the chain and of the tickets' numbers is an entry's that was written."""

from django.db import migrations

FORWARD = """
-- Place, hash and numbers are taken before the row is written; an insertion that gives way to another row
-- (ON CONFLICT DO NOTHING) writes none after it.
CREATE FUNCTION registry_head_is_an_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM registry_ledgerentry
                 WHERE issuance_id = NEW.issuance_id AND seq = NEW.seq AND hash = NEW.hash) THEN
    PERFORM registry_refuse('heads_are_the_last_entries', '23514', 'the entry was not written');
  END IF;
  RETURN NULL;
END $$;
-- At the end of the transaction: the head goes before its entry.
CREATE CONSTRAINT TRIGGER heads_are_the_last_entries AFTER UPDATE ON registry_ledgerhead
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_head_is_an_entry();
"""
BACKWARD = """
DROP TRIGGER heads_are_the_last_entries ON registry_ledgerhead;
DROP FUNCTION registry_head_is_an_entry();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0048_decided_in_fewer_steps")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
