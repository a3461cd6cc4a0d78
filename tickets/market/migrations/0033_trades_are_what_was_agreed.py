"""A buyer's ticket is opened by a trade of that listing that was settled: as much, to the buyer alone,
whoever writes the entry."""

from django.db import migrations

FORWARD = """
-- Whether an entry opens other tickets than the one that a settled trade of its listing agreed on.
CREATE FUNCTION market_trades_otherwise(entry registry_ledgerentry) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN RETURN EXISTS (
  SELECT FROM registry_carbonticket AS bought
  WHERE bought.opened_by_id = entry.id AND (
    1 < (SELECT count(*) FROM registry_carbonticket WHERE opened_by_id = entry.id)
    OR NOT EXISTS (
      SELECT FROM market_trade AS trade
      JOIN registry_ticketshare AS share
        ON share.ticket_id = bought.key AND share.opened_by_id = entry.id
       AND (share.party_id, share.numerator) = (trade.buyer_id, bought.share_denominator)
      WHERE trade.entry_id = entry.id AND trade.state = 'settled' AND trade.listing_id = entry.cause
        AND trade.quantity_kg = (SELECT sum(upper(kg) - lower(kg)) FROM registry_block
                                 WHERE ticket_id = bought.key AND opened_by_id = entry.id))));
END $$;

CREATE FUNCTION market_traded_is_agreed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF market_trades_otherwise(NEW) THEN
    RAISE EXCEPTION 'no such deal was settled'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_is_what_was_agreed',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
-- At the end of the transaction, when the deal says that it is settled.
CREATE CONSTRAINT TRIGGER trade_is_what_was_agreed AFTER INSERT ON registry_ledgerentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'trade')
EXECUTE FUNCTION market_traded_is_agreed();
"""
BACKWARD = """
DROP TRIGGER trade_is_what_was_agreed ON registry_ledgerentry;
DROP FUNCTION market_traded_is_agreed();
DROP FUNCTION market_trades_otherwise(registry_ledgerentry);
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0032_nothing_is_listed_without_a_listing")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
