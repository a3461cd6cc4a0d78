"""What no request asks for is asked of the market's own rows, whoever writes the entry: a dispute's freeze
and its lifting, and what leaves the list unsold."""

from django.db import migrations

FORWARD = """
-- Whether the machine freezes or frees kilograms otherwise than a dispute of their trade says: the trade's
-- own, until the centre's approver has decided it.
CREATE FUNCTION market_disputes_otherwise(entry registry_ledgerentry) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN RETURN EXISTS (
  SELECT FROM registry_freezeorder WHERE key = entry.freeze_order AND kind = 'dispute'
) AND NOT EXISTS (
  SELECT FROM market_trade AS trade
  WHERE trade.freeze_id = entry.freeze_order AND trade.disputed_by_id IS NOT NULL
    AND CASE entry.kind
      WHEN 'freeze' THEN trade.quantity_kg >= (
        SELECT sum(upper(kg) - lower(kg)) FROM registry_block
        WHERE opened_by_id = entry.id AND entry.freeze_order = ANY (freezes)
        HAVING bool_and(because_id IS NOT DISTINCT FROM trade.listing_id))
      ELSE trade.decided_by_id IS NOT NULL
        AND NOT (trade.state = 'agreed' AND trade.disputed_at IS NOT NULL) END);
END $$;

CREATE FUNCTION market_list_moves_by_its_deals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.kind = 'unlist' AND market_unbound_kg(NEW.cause) < 0  -- Deals and orders wait for it.
     OR NEW.kind IN ('freeze', 'lift') AND market_disputes_otherwise(NEW) THEN
    RAISE EXCEPTION 'no deal says so'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'list_moves_by_its_deals', TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
-- At the end of the transaction, when the deal says what became of it.
CREATE CONSTRAINT TRIGGER list_moves_by_its_deals AFTER INSERT ON registry_ledgerentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.kind = 'unlist' OR NEW.kind IN ('freeze', 'lift') AND NEW.registration IS NULL)
EXECUTE FUNCTION market_list_moves_by_its_deals();
"""
BACKWARD = """
DROP TRIGGER list_moves_by_its_deals ON registry_ledgerentry;
DROP FUNCTION market_list_moves_by_its_deals();
DROP FUNCTION market_disputes_otherwise(registry_ledgerentry);
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0035_deals_go_on_with_successors")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
