"""A case whose order came to nothing may end, whether its money is owed back or not."""

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
             SELECT FROM market_retailorder WHERE id = OLD.order_id
               AND state IN ('lapsed', 'refund', 'refunded')))) THEN
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
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0013_reserved_tonnes_at_a_price"),
        ("market", "0012_refunds_move_by_the_table"),
    ]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
