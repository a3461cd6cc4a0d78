"""Whoever owns a ticket, alone too: as much goes onto the list as an open listing of it says."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION market_listed_is_asked_for() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM registry_block AS listed
       WHERE listed.opened_by_id = NEW.id AND listed.because_id = NEW.cause{of_several}
         AND NOT EXISTS (SELECT FROM market_listing
                         WHERE cause_id = NEW.cause AND ticket_id = listed.ticket_id
                           AND state = 'open'
                           AND quantity_kg = (
                             SELECT sum(upper(kg) - lower(kg)) FROM registry_block
                             WHERE opened_by_id = NEW.id AND because_id = NEW.cause))) THEN
    RAISE EXCEPTION 'listed without a listing of its owners'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'every_owner_agreed', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
"""
OF_SEVERAL = """
         AND 1 < (SELECT count(*) FROM registry_ticketshare
                  WHERE ticket_id = listed.ticket_id AND closed_by_id IS NULL)"""


class Migration(migrations.Migration):
    dependencies = [("market", "0031_what_a_buyer_s_share_counts")]
    operations = [
        migrations.RunSQL(FUNCTION.format(of_several=""), FUNCTION.format(of_several=OF_SEVERAL))
    ]
