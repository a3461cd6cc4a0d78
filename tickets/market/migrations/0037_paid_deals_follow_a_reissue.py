"""What was paid for passes on with a lost ticket that is reissued, since it cannot be settled while the
loss order lies; and a trade ends no ticket from which it takes nothing."""

from django.db import migrations

KEEPS = """
CREATE OR REPLACE FUNCTION market_listed_keeps_its_ticket() RETURNS trigger
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
                    WHERE listing_id = listing.cause_id AND state = 'agreed'{unpaid}))) THEN
    RAISE EXCEPTION 'kilograms of this ticket are offered'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'what_is_listed_keeps_its_ticket',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
"""
UNLESS_PAID = """
                      -- What was paid for is found by its listing on the new ticket, too.
                      AND (paid_at IS NULL OR NEW.kind <> 'reissue')"""
TRADES = """
CREATE OR REPLACE FUNCTION market_trades_otherwise(entry registry_ledgerentry) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN RETURN EXISTS (
  SELECT FROM registry_carbonticket AS bought
  WHERE bought.opened_by_id = entry.id AND (
    1 < (SELECT count(*) FROM registry_carbonticket WHERE opened_by_id = entry.id)
    OR NOT EXISTS (
      SELECT FROM market_trade AS trade
      JOIN registry_ticketshare AS share
        ON share.ticket_id = bought.key AND share.opened_by_id = entry.id
       AND (share.party_id, share.numerator) =
           (registry_successor(trade.buyer_id, entry.recorded_at), bought.share_denominator)
      WHERE trade.entry_id = entry.id AND trade.state = 'settled' AND trade.listing_id = entry.cause
        AND trade.quantity_kg = (SELECT sum(upper(kg) - lower(kg)) FROM registry_block
                                 WHERE ticket_id = bought.key AND opened_by_id = entry.id)))){ends};
END $$;
"""
NOTHING_TAKEN = """
  OR EXISTS (
  SELECT FROM registry_carbonticket AS ended
  WHERE ended.closed_by_id = entry.id
    AND NOT EXISTS (SELECT FROM registry_block
                    WHERE closed_by_id = entry.id AND ticket_id = ended.key))"""


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0036_the_list_moves_by_its_deals"),
        ("registry", "0043_successions_are_registered"),
    ]
    operations = [
        migrations.RunSQL(KEEPS.format(unpaid=UNLESS_PAID), KEEPS.format(unpaid="")),
        migrations.RunSQL(TRADES.format(ends=NOTHING_TAKEN), TRADES.format(ends="")),
    ]
