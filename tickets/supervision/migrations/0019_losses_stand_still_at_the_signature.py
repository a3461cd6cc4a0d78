"""A loss that is signed stands still at once: what of the affected tonnes is live cannot be sold away."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_loss_stands_still() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  laid bigint := coalesce((
    SELECT registry_frozen_kg(order_id) FROM registry_registration
    WHERE id = NEW.freeze_id AND kind = 'freeze' AND freeze_kind = 'inspection'), 0);
  live bigint;
BEGIN
  SELECT coalesce(sum(upper(kg) - lower(kg)), 0) INTO live FROM registry_block
  WHERE ticket_id IN (SELECT registry_same_owners_tickets(NEW.ticket_id))
    AND closed_by_id IS NULL AND state IN ('held', 'listed', 'pledged');
  IF laid <> LEAST(NEW.affected_kg, live) THEN
    RAISE EXCEPTION 'of % kg that are affected % stand still', LEAST(NEW.affected_kg, live), laid
      USING ERRCODE = 'check_violation', CONSTRAINT = 'signed_loss_stands_still',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER signed_loss_stands_still BEFORE UPDATE ON supervision_inspection
FOR EACH ROW WHEN (OLD.state <> 'signed' AND NEW.state = 'signed')
EXECUTE FUNCTION supervision_loss_stands_still();
"""
BACKWARD = """
DROP TRIGGER signed_loss_stands_still ON supervision_inspection;
DROP FUNCTION supervision_loss_stands_still();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0018_overdue_is_told_once"),
        ("registry", "0035_found_losses_stand_still"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
