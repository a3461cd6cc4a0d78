"""What stands still for a signed loss stands still on that ticket: no other ticket's freeze counts."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION supervision_loss_stands_still() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  laid bigint := coalesce((
    SELECT registry_frozen_kg(order_id) FROM registry_registration
    WHERE id = NEW.freeze_id AND kind = 'freeze' AND freeze_kind = 'inspection'{own}), 0);
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
"""


class Migration(migrations.Migration):
    dependencies = [("supervision", "0021_a_shape_is_watched_once")]
    operations = [
        migrations.RunSQL(
            FUNCTION.format(own=" AND ticket_id = NEW.ticket_id"), FUNCTION.format(own="")
        )
    ]
