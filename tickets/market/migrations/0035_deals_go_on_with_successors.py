"""A buyer who ceased before the registration: the ticket is opened for whoever is in its place."""

from django.db import migrations

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
       AND (share.party_id, share.numerator) = ({buyer}, bought.share_denominator)
      WHERE trade.entry_id = entry.id AND trade.state = 'settled' AND trade.listing_id = entry.cause
        AND trade.quantity_kg = (SELECT sum(upper(kg) - lower(kg)) FROM registry_block
                                 WHERE ticket_id = bought.key AND opened_by_id = entry.id))));
END $$;
"""
BEFORE = TRADES.replace("{buyer}", "trade.buyer_id")


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0034_what_is_listed_keeps_its_ticket"),
        ("registry", "0043_successions_are_registered"),
    ]
    operations = [
        migrations.RunSQL(
            TRADES.replace("{buyer}", "registry_successor(trade.buyer_id, entry.recorded_at)"),
            BEFORE,
        )
    ]
