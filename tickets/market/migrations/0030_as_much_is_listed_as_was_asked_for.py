"""Of what several own as much goes onto the list as their listing says, whoever writes the entry."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION market_listed_is_asked_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM registry_block AS listed
       WHERE listed.opened_by_id = NEW.id AND listed.because_id = NEW.cause
         AND 1 < (SELECT count(*) FROM registry_ticketshare
                  WHERE ticket_id = listed.ticket_id AND closed_by_id IS NULL)
         AND NOT EXISTS (SELECT FROM market_listing
                         WHERE cause_id = NEW.cause AND ticket_id = listed.ticket_id
                           AND state = 'open'{as_much})) THEN
    RAISE EXCEPTION 'listed without a listing of its owners'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'every_owner_agreed', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
"""
AS_MUCH = """
                           AND quantity_kg = (
                             SELECT sum(upper(kg) - lower(kg)) FROM registry_block
                             WHERE opened_by_id = NEW.id AND because_id = NEW.cause)"""


class Migration(migrations.Migration):
    dependencies = [("market", "0029_one_buyer_holds_a_share_of_a_pool")]
    operations = [migrations.RunSQL(FUNCTION.format(as_much=AS_MUCH), FUNCTION.format(as_much=""))]
