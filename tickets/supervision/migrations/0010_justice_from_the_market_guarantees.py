"""What is ordered for a case is exactly the case's, and nothing is ordered for justice without one."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION supervision_justice_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'opened' THEN
      RAISE EXCEPTION 'a case begins as opened'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_case_moves_on_its_way',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.listing_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM market_listing WHERE cause_id = NEW.listing_id AND ticket_id = NEW.ticket_id)
       OR NEW.pool_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM market_retailpool WHERE id = NEW.pool_id AND listing_id = NEW.listing_id) THEN
      RAISE EXCEPTION 'ticket, listing and pool do not belong together'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_tonnes_come_from_one_place',
              TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - ARRAY['state', 'decided_by_id', 'reason', 'request_id', 'order_id']
     IS DISTINCT FROM
     to_jsonb(OLD) - ARRAY['state', 'decided_by_id', 'reason', 'request_id', 'order_id'] THEN
    RAISE EXCEPTION 'a case was to be rewritten'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (
       ('opened', 'confirmed'), ('opened', 'refused'), ('confirmed', 'subscribed'),
       ('confirmed', 'refused'), ('subscribed', 'refused'))
     OR (OLD.state = 'subscribed' AND (
           (NEW.request_id, NEW.order_id) IS DISTINCT FROM (OLD.request_id, OLD.order_id)
           OR NOT EXISTS (
             SELECT FROM offsets_offsetrequest
             WHERE id = OLD.request_id AND state IN ('refused', 'withdrawn')
             UNION ALL
             SELECT FROM market_retailorder WHERE id = OLD.order_id AND state = 'lapsed'))) THEN
    RAISE EXCEPTION 'a case goes from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_case_moves_on_its_way',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.request_id IS NOT NULL AND NOT EXISTS (
       SELECT FROM offsets_offsetrequest
       WHERE id = NEW.request_id AND purpose = 'eco_justice' AND ticket_id = NEW.ticket_id
         AND quantity_kg = NEW.quantity_kg AND authority = NEW.authority
         AND document_number = NEW.document_number)
     OR NEW.order_id IS NOT NULL AND NOT EXISTS (
       SELECT FROM market_retailorder
       WHERE id = NEW.order_id AND purpose = 'eco_justice' AND listing_id = NEW.listing_id
         AND pool_id IS NOT DISTINCT FROM NEW.pool_id
         AND quantity_kg = NEW.quantity_kg AND authority = NEW.authority
         AND document_number = NEW.document_number) THEN
    RAISE EXCEPTION 'what was asked for is not this case''s'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_offset_is_the_cases',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;

-- The market knows no case: at the end of the transaction an order for justice has one.
CREATE FUNCTION supervision_justice_order_has_a_case() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM supervision_justicecase WHERE order_id = NEW.id) THEN
    RAISE EXCEPTION 'an order for eco-justice without its case'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'justice_order_is_of_a_case',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER justice_order_is_of_a_case AFTER INSERT ON market_retailorder
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.purpose = 'eco_justice')
EXECUTE FUNCTION supervision_justice_order_has_a_case();
"""
BACKWARD = """
DROP TRIGGER justice_order_is_of_a_case ON market_retailorder;
DROP FUNCTION supervision_justice_order_has_a_case();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0009_justice_from_the_market"),
        ("market", "0006_orders_from_listings_guarantees"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
