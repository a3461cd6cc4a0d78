"""Deposits move by their table and end after the bidding; a disputed trade waits for its decision."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION market_deposit_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  said text[] := ARRAY['state', 'decided_by_id', 'decided_at', 'reason', 'payment_number',
                       'ended_by_id', 'ended_at'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'waiting' THEN
      RAISE EXCEPTION 'a deposit begins as waiting'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'deposit_moves_by_the_table',
              TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
  END IF;
  IF to_jsonb(NEW) - said IS DISTINCT FROM to_jsonb(OLD) - said
     OR OLD.state = 'accepted' AND (NEW.decided_by_id, NEW.decided_at)
                                   IS DISTINCT FROM (OLD.decided_by_id, OLD.decided_at) THEN
    RAISE EXCEPTION 'what was shown is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (
       ('waiting', 'accepted'), ('waiting', 'refused'), ('accepted', 'returned'),
       ('accepted', 'forfeited')) THEN
    RAISE EXCEPTION 'a deposit does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deposit_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF OLD.state = 'accepted' THEN
    IF EXISTS (SELECT FROM market_listing WHERE cause_id = NEW.listing_id AND state = 'open')
       OR EXISTS (SELECT FROM market_trade WHERE listing_id = NEW.listing_id
                  AND buyer_id = NEW.bidder_id AND state = 'agreed') THEN
      RAISE EXCEPTION 'the bidding is not over for this bidder'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'deposit_stands_while_the_bidding_runs',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.state = 'forfeited' AND NOT EXISTS (
         SELECT FROM market_trade WHERE listing_id = NEW.listing_id
         AND buyer_id = NEW.bidder_id AND state = 'lapsed') THEN
      RAISE EXCEPTION 'the bidder owes nothing'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'only_who_won_and_did_not_pay_forfeits',
              TABLE = TG_TABLE_NAME;
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deposit_moves_by_the_table BEFORE INSERT OR UPDATE ON market_deposit
  FOR EACH ROW EXECUTE FUNCTION market_deposit_moves();
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON market_deposit
  FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();

CREATE FUNCTION market_disputed_trade_stands() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the dispute is not decided'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'disputed_trade_stands',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER disputed_trade_stands BEFORE UPDATE ON market_trade
  FOR EACH ROW WHEN (NEW.disputed_at IS NOT NULL AND NEW.state IN ('settled', 'lapsed'))
  EXECUTE FUNCTION market_disputed_trade_stands();
"""
BACKWARD = """
DROP TRIGGER disputed_trade_stands ON market_trade;
DROP FUNCTION market_disputed_trade_stands();
DROP TRIGGER nothing_is_rewritten ON market_deposit;
DROP TRIGGER deposit_moves_by_the_table ON market_deposit;
DROP FUNCTION market_deposit_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0007_deposits_returned_disputes_frozen")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
