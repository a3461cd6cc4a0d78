"""An entry answers for all its blocks at once, and is compared field by field: less work for each act."""

from django.db import migrations

FORWARD = """
-- The sum of guarantee 4, per entry and issuance.
CREATE FUNCTION registry_require_sum(entry bigint, of_issuance bigint) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  opened int8multirange;
  closed int8multirange;
BEGIN
  SELECT range_agg(kg) INTO opened FROM registry_block
  WHERE opened_by_id = entry AND issuance_id = of_issuance;
  SELECT range_agg(kg) INTO closed FROM registry_block
  WHERE closed_by_id = entry AND issuance_id = of_issuance;
  IF closed IS NULL THEN
    SELECT CASE WHEN first.seq = 1
             THEN int8multirange(int8range(0, issuance.quantity_kg)) END INTO closed
    FROM registry_ledgerentry AS first
    JOIN registry_issuance AS issuance ON issuance.id = first.issuance_id
    WHERE first.id = entry AND issuance.id = of_issuance;
  END IF;
  IF opened IS DISTINCT FROM closed THEN
    RAISE EXCEPTION 'entry % closed % and opened %', entry, closed, opened
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_lost_nothing_made',
            TABLE = 'registry_block',
            DETAIL = json_build_object('entry', entry, 'closed', closed::text,
                                       'opened', opened::text)::text;
  END IF;
END $$;

-- At the end of the entry's own transaction, once for all of its blocks.
CREATE FUNCTION registry_entry_sums() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.seq = 1 OR NEW.content ? 'opens' OR NEW.content ? 'closes' THEN
    PERFORM registry_require_sum(NEW.id, NEW.issuance_id);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER nothing_lost_nothing_made AFTER INSERT ON registry_ledgerentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_entry_sums();

-- A block that is written to an entry of another transaction is judged by itself: no operation does
-- so, a hand might.
CREATE OR REPLACE FUNCTION registry_nothing_lost() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  entry bigint := CASE TG_OP WHEN 'INSERT' THEN NEW.opened_by_id ELSE NEW.closed_by_id END;
BEGIN
  IF EXISTS (SELECT FROM registry_ledgerentry WHERE id = entry AND recorded_at >=
               transaction_timestamp() + (SELECT clock_offset FROM base_installation)) THEN
    RETURN NULL;
  END IF;
  PERFORM registry_require_sum(entry, NEW.issuance_id);
  RETURN NULL;
END $$;

-- A block closes once; field by field, because every act closes some.
CREATE FUNCTION registry_block_closes_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_by_id IS NOT NULL OR NEW.closed_by_id IS NULL
     OR (NEW.id, NEW.issuance_id, NEW.kg, NEW.ticket_id, NEW.state, NEW.because_id, NEW.freezes,
         NEW.opened_by_id, NEW.opened_at)
        IS DISTINCT FROM
        (OLD.id, OLD.issuance_id, OLD.kg, OLD.ticket_id, OLD.state, OLD.because_id, OLD.freezes,
         OLD.opened_by_id, OLD.opened_at) THEN
    RAISE EXCEPTION '% on % refused: nothing is rewritten', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER closes_once ON registry_block;
CREATE TRIGGER closes_once BEFORE UPDATE ON registry_block
FOR EACH ROW EXECUTE FUNCTION registry_block_closes_once();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_ticket_requests")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
