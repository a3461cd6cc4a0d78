"""A body's reserved tonnes go to eco-justice from the market, where their price is known."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_justice_takes_no_reserved() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF market_bought_under(NEW.ticket_id) IS NOT NULL THEN
    RAISE EXCEPTION 'the tonnes were bought under a reserve contract'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reserved_tonnes_are_resold_at_a_price',
            TABLE = TG_TABLE_NAME,
            DETAIL = (SELECT json_build_object('number', number) FROM registry_carbonticket
                      WHERE key = NEW.ticket_id)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reserved_tonnes_are_resold_at_a_price BEFORE INSERT ON supervision_justicecase
FOR EACH ROW WHEN (NEW.listing_id IS NULL)
EXECUTE FUNCTION supervision_justice_takes_no_reserved();
"""
BACKWARD = """
DROP TRIGGER reserved_tonnes_are_resold_at_a_price ON supervision_justicecase;
DROP FUNCTION supervision_justice_takes_no_reserved();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0012_mended_measures_guarantees"),
        ("market", "0010_resales_owe_their_premium"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
