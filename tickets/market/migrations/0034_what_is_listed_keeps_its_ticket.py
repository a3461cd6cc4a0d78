"""A correction or reissue passes on nothing that the list still offers or that somebody waits for."""

from django.db import migrations

FORWARD = """
-- Listing and orders name the ticket that was offered: its owners answer, its certificate is printed.
CREATE FUNCTION market_listed_keeps_its_ticket() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM registry_block AS passed
       JOIN market_listing AS listing ON listing.cause_id = passed.because_id
       WHERE passed.opened_by_id = NEW.id AND (
         listing.state = 'open'
         OR EXISTS (SELECT FROM market_retailorder
                    WHERE listing_id = listing.cause_id AND state = 'waiting')
         OR EXISTS (SELECT FROM market_trade
                    WHERE listing_id = listing.cause_id AND state = 'agreed'))) THEN
    RAISE EXCEPTION 'kilograms of this ticket are offered'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'what_is_listed_keeps_its_ticket',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
-- After the entry has opened its blocks: triggers of one table fire by name.
CREATE TRIGGER what_is_listed_keeps_its_ticket AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ('correct', 'reissue'))
EXECUTE FUNCTION market_listed_keeps_its_ticket();
"""
BACKWARD = """
DROP TRIGGER what_is_listed_keeps_its_ticket ON registry_ledgerentry;
DROP FUNCTION market_listed_keeps_its_ticket();
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0033_trades_are_what_was_agreed")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
