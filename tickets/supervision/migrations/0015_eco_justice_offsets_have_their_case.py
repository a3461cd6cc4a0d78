"""Tonnes are offset for eco-justice by a case alone, with its consent and valuation (article 14)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION supervision_offset_has_its_case() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
       SELECT FROM supervision_justicecase AS justice
       LEFT JOIN market_retailorder AS bought ON bought.id = justice.order_id
       WHERE justice.request_id = NEW.request_id OR bought.offset_id = NEW.cause_id) THEN
    RAISE EXCEPTION 'an offset for eco-justice without a case'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'eco_justice_offset_has_its_case',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER eco_justice_offset_has_its_case AFTER INSERT ON offsets_offset
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.purpose = 'eco_justice')
EXECUTE FUNCTION supervision_offset_has_its_case();
"""
BACKWARD = """
DROP TRIGGER eco_justice_offset_has_its_case ON offsets_offset;
DROP FUNCTION supervision_offset_has_its_case();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("supervision", "0014_refunded_orders_end_a_case"),
        ("offsets", "0001_offsets"),
        ("market", "0005_orders_from_listings"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
