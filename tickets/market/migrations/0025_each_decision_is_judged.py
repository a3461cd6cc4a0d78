"""Each decision on a trade is judged by itself, a second one of the same officer too; and while a
dispute stands no payment is shown."""

from django.db import migrations

DECIDED = """
CREATE OR REPLACE FUNCTION market_trade_is_decided() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.decided_by_id IS NULL THEN
    RAISE EXCEPTION 'nobody decided it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_is_decided_by_somebody',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.decided_by_id IN (NEW.bought_by_id, NEW.disputed_by_id, (
       SELECT asked_by_id FROM market_listing WHERE cause_id = NEW.listing_id)) THEN
    RAISE EXCEPTION 'who decides it bought, sold or disputed it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'who_has_a_part_in_a_trade_does_not_decide_it',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF market_acts_in(NEW.decided_by_id, NEW.listing_id, NEW.buyer_id) THEN
    RAISE EXCEPTION 'who acts for a party of the deal takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
-- Whoever is named: the column may keep the officer of an earlier decision.
DROP TRIGGER trade_is_decided_by_somebody ON market_trade;
CREATE TRIGGER trade_is_decided_by_somebody BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'agreed'
      AND (NEW.state IN ('annulled', 'refund')
           OR OLD.paid_at IS NOT NULL AND NEW.paid_at IS NULL
           OR OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS NULL))
EXECUTE FUNCTION market_trade_is_decided();
"""
NOT_DECIDED = """
CREATE OR REPLACE FUNCTION market_trade_is_decided() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'nobody decided it'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_is_decided_by_somebody',
          TABLE = TG_TABLE_NAME;
END $$;
DROP TRIGGER trade_is_decided_by_somebody ON market_trade;
CREATE TRIGGER trade_is_decided_by_somebody BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'agreed' AND NEW.decided_by_id IS NULL
      AND (NEW.state IN ('annulled', 'refund')
           OR OLD.paid_at IS NOT NULL AND NEW.paid_at IS NULL
           OR OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS NULL))
EXECUTE FUNCTION market_trade_is_decided();
"""
SHOWN = """
DROP TRIGGER disputed_payment_stands ON market_trade;
CREATE TRIGGER disputed_payment_stands BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'agreed' AND OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS NOT NULL
      AND OLD.paid_at IS DISTINCT FROM NEW.paid_at)
EXECUTE FUNCTION market_disputed_trade_stands();
"""
NOT_SHOWN = """
DROP TRIGGER disputed_payment_stands ON market_trade;
CREATE TRIGGER disputed_payment_stands BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'agreed' AND NEW.disputed_at IS NOT NULL
      AND OLD.paid_at IS NOT NULL AND NEW.paid_at IS NULL)
EXECUTE FUNCTION market_disputed_trade_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0024_every_owner_asks_for_a_listing")]
    operations = [migrations.RunSQL(DECIDED, NOT_DECIDED), migrations.RunSQL(SHOWN, NOT_SHOWN)]
