"""Whether a request was decided is asked of its one column, and who acts in it by a plan that is kept."""

from django.db import migrations

DECIDED = """
DROP TRIGGER decided_once ON registry_registration;
CREATE TRIGGER decided_once BEFORE UPDATE ON registry_registration
FOR EACH ROW WHEN (OLD.state <> 'prepared') EXECUTE FUNCTION refuse_rewriting();
DROP TRIGGER settled_once ON registry_lossobjection;
CREATE TRIGGER settled_once BEFORE UPDATE ON registry_lossobjection
FOR EACH ROW WHEN (OLD.settled_at IS NOT NULL) EXECUTE FUNCTION refuse_rewriting();
DROP FUNCTION registry_decided_once();
"""
# As in 0002.
DECIDED_BEFORE = """
CREATE FUNCTION registry_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(OLD) ->> 'state' IN ('approved', 'rejected')
     OR to_jsonb(OLD) ->> 'settled_at' IS NOT NULL THEN
    RAISE EXCEPTION '% on % refused: nothing is rewritten', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER decided_once ON registry_registration;
CREATE TRIGGER decided_once BEFORE UPDATE ON registry_registration
FOR EACH ROW EXECUTE FUNCTION registry_decided_once();
DROP TRIGGER settled_once ON registry_lossobjection;
CREATE TRIGGER settled_once BEFORE UPDATE ON registry_lossobjection
FOR EACH ROW EXECUTE FUNCTION registry_decided_once();
"""

# As before (0022): the SQL function was planned anew by every call.
ACTS_IN = """
CREATE OR REPLACE FUNCTION registry_acts_in(person bigint, of_registration bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN registry_acted_in(person, of_registration, portal_now());
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0047_consents_are_counted_once")]
    operations = [
        migrations.RunSQL(DECIDED, DECIDED_BEFORE),
        migrations.RunSQL(ACTS_IN, migrations.RunSQL.noop),
    ]
