"""A number of the bank's is one receipt or one refund, however it is written; trades are refunded."""

from django.db import migrations

NUMBERS = """
-- One spelling of a number, as ``bank_number`` writes it: letters and digits alone.
CREATE FUNCTION market_bank_key(said text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
  SELECT upper(regexp_replace(normalize(said, NFKC), '[^0-9A-Za-z一-鿿]', '', 'g'))
$$;

-- What was said for a deal of which no money is known may pay for something else; the rest stays.
CREATE OR REPLACE FUNCTION market_note_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  deal text := TG_ARGV[0];
  numbers text[] := ARRAY[
    CASE WHEN NEW.state IN ('lapsed', 'annulled') THEN ''
         ELSE market_bank_key(NEW.payment_number) END,
    market_bank_key(NEW.refund_number)];
BEGIN
  FOR at IN 1..2 LOOP
    EXECUTE format(
      'DELETE FROM market_bankpayment WHERE %1$I = $1 AND back = $2 AND number <> $3', deal)
      USING NEW.id, at = 2, numbers[at];
    EXECUTE format(
      'INSERT INTO market_bankpayment (number, %1$I, back) SELECT $3, $1, $2
       WHERE $3 <> '''' AND NOT EXISTS (
         SELECT FROM market_bankpayment WHERE %1$I = $1 AND back = $2)', deal)
      USING NEW.id, at = 2, numbers[at];
  END LOOP;
  RETURN NULL;
END $$;
DROP TRIGGER one_payment_for_one_deal ON market_trade;
DROP TRIGGER one_payment_for_one_deal ON market_retailorder;
CREATE TRIGGER one_payment_for_one_deal
AFTER INSERT OR UPDATE OF payment_number, refund_number, state ON market_trade
FOR EACH ROW EXECUTE FUNCTION market_note_payment('trade_id');
CREATE TRIGGER one_payment_for_one_deal
AFTER INSERT OR UPDATE OF payment_number, refund_number, state ON market_retailorder
FOR EACH ROW EXECUTE FUNCTION market_note_payment('order_id');
CREATE TRIGGER one_payment_for_one_deal
AFTER INSERT OR UPDATE OF payment_number, refund_number, state ON market_deposit
FOR EACH ROW EXECUTE FUNCTION market_note_payment('deposit_id');
"""

TRADES = """
CREATE OR REPLACE FUNCTION market_trade_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  offer market_listing;
  free bigint;
  moved text[] := ARRAY['state', 'payment_number', 'payment_sha256', 'paid_at', 'found_by_id',
    'refund_number', 'refunded_by_id', 'refunded_at', 'reason'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT * INTO offer FROM market_listing WHERE cause_id = NEW.listing_id FOR UPDATE;
    IF offer.state IS DISTINCT FROM 'open' THEN
      RAISE EXCEPTION 'the listing is not open'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_is_of_an_open_listing',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.state <> 'agreed' THEN
      RAISE EXCEPTION 'a trade begins as agreed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_moves_by_the_table',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF market_sells(NEW.listing_id, NEW.buyer_id) THEN
      RAISE EXCEPTION 'the buyer is the seller'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_buys_their_own',
              TABLE = TG_TABLE_NAME;
    END IF;
    free := market_unbound_kg(NEW.listing_id);
    IF NEW.quantity_kg > free THEN
      RAISE EXCEPTION 'more than is listed'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'trades_stay_within_the_listing',
              TABLE = TG_TABLE_NAME,
              DETAIL = json_build_object('wanted', NEW.quantity_kg, 'free', free)::text;
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.key, NEW.number, NEW.listing_id, NEW.buyer_id, NEW.bought_by_id, NEW.quantity_kg,
      NEW.price_fen_per_tonne, NEW.amount_fen, NEW.agreed_at) IS DISTINCT FROM
     (OLD.key, OLD.number, OLD.listing_id, OLD.buyer_id, OLD.bought_by_id, OLD.quantity_kg,
      OLD.price_fen_per_tonne, OLD.amount_fen, OLD.agreed_at)
     OR OLD.entry_id IS NOT NULL AND NEW.entry_id IS DISTINCT FROM OLD.entry_id THEN
    RAISE EXCEPTION 'what was agreed is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  -- The cashier confirms what he saw: it is shown anew only after it was refused.
  IF OLD.state = 'agreed' AND OLD.paid_at IS NOT NULL AND NEW.paid_at IS NOT NULL
     AND (NEW.paid_at, NEW.payment_number, NEW.payment_sha256)
         IS DISTINCT FROM (OLD.paid_at, OLD.payment_number, OLD.payment_sha256) THEN
    RAISE EXCEPTION 'the payment that was shown is not answered'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'shown_payment_stands',
            TABLE = TG_TABLE_NAME;
  END IF;
  -- After its end a trade moves for the money's sake alone, and says nothing else any more.
  IF OLD.state <> 'agreed' AND NEW IS DISTINCT FROM OLD AND (
       (OLD.state, NEW.state) NOT IN (
         ('lapsed', 'refund'), ('annulled', 'refund'), ('refund', 'refund'), ('refund', 'lapsed'),
         ('refund', 'annulled'), ('refund', 'refunded'))
       OR to_jsonb(NEW) - moved IS DISTINCT FROM to_jsonb(OLD) - moved)
     OR OLD.state = 'agreed' AND NEW.state = 'refunded' THEN
    RAISE EXCEPTION 'the trade has ended'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER a_found_receipt_stays BEFORE UPDATE OF found_by_id, payment_number
ON market_trade FOR EACH ROW
WHEN (OLD.found_by_id IS NOT NULL
      AND (NEW.found_by_id, NEW.payment_number)
          IS DISTINCT FROM (OLD.found_by_id, OLD.payment_number))
EXECUTE FUNCTION market_receipt_stays();
"""

DEPOSITS = """
CREATE OR REPLACE FUNCTION market_deposit_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  said text[] := ARRAY['state', 'decided_by_id', 'decided_at', 'reason', 'payment_number',
                       'refund_number', 'ended_by_id', 'ended_at'];
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
     OR (OLD.state = 'accepted' OR OLD.payment_number <> '')
        AND (NEW.decided_by_id, NEW.decided_at, NEW.payment_number)
            IS DISTINCT FROM (OLD.decided_by_id, OLD.decided_at, OLD.payment_number) THEN
    RAISE EXCEPTION 'what was shown is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  -- What was refused by mistake, or before the money came, is found later and goes back.
  IF (OLD.state, NEW.state) NOT IN (
       ('waiting', 'accepted'), ('waiting', 'refused'), ('accepted', 'returned'),
       ('accepted', 'forfeited'), ('refused', 'refused'), ('refused', 'returned'))
     OR OLD.state = 'refused' AND (NEW.state = 'refused') = (OLD.payment_number <> '') THEN
    RAISE EXCEPTION 'a deposit does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deposit_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF (NEW.state = 'accepted' AND NEW.amount_fen > 0 OR OLD.state = 'refused')
     AND market_bank_key(NEW.payment_number) = '' THEN
    RAISE EXCEPTION 'the receipt is not named'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'accepted_deposit_names_its_receipt',
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
    -- Who paid too late did not pay in time: the price goes back, the deposit need not.
    IF NEW.state = 'forfeited' AND NOT EXISTS (
         SELECT FROM market_trade WHERE listing_id = NEW.listing_id
         AND buyer_id = NEW.bidder_id AND disputed_at IS NULL
         AND state IN ('lapsed', 'refund', 'refunded')) THEN
      RAISE EXCEPTION 'the bidder owes nothing'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'only_who_won_and_did_not_pay_forfeits',
              TABLE = TG_TABLE_NAME;
    END IF;
  END IF;
  RETURN NEW;
END $$;
"""

# Numbers of before, under their one spelling; where two deals named one, the first one keeps it.
# Trades that were annulled though a payment was shown wait for the centre to look for it.
KNOWN = """
DELETE FROM market_bankpayment;
INSERT INTO market_bankpayment (number, trade_id, back)
SELECT market_bank_key(payment_number), id, false FROM market_trade
WHERE state IN ('agreed', 'settled') AND market_bank_key(payment_number) <> ''
ORDER BY id ON CONFLICT DO NOTHING;
INSERT INTO market_bankpayment (number, order_id, back)
SELECT market_bank_key(payment_number), id, false FROM market_retailorder
WHERE market_bank_key(payment_number) <> '' ORDER BY id ON CONFLICT DO NOTHING;
INSERT INTO market_bankpayment (number, order_id, back)
SELECT market_bank_key(refund_number), id, true FROM market_retailorder
WHERE market_bank_key(refund_number) <> '' ORDER BY id ON CONFLICT DO NOTHING;
INSERT INTO market_bankpayment (number, deposit_id, back)
SELECT market_bank_key(refund_number), id, true FROM market_deposit
WHERE market_bank_key(refund_number) <> '' ORDER BY id ON CONFLICT DO NOTHING;
UPDATE market_trade SET state = 'refund' WHERE id IN (
  SELECT DISTINCT ON (market_bank_key(payment_number)) id FROM market_trade
  WHERE state = 'annulled' AND paid_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM market_bankpayment WHERE number = market_bank_key(payment_number))
  ORDER BY market_bank_key(payment_number), id);
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0016_receipts_and_refunds")]
    operations = [
        migrations.RunSQL(NUMBERS + TRADES + DEPOSITS, migrations.RunSQL.noop),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
