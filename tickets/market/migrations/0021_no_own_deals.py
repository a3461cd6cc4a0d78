"""Nobody handles an own deal, no deal costs nothing, and no refused name is certified."""

from django.db import migrations

OWN_MATTERS = """
-- Whether a person acts today, in whatever matter, for a seller of the listing or for this party.
CREATE FUNCTION market_acts_in(person bigint, of_listing uuid, party bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT offsets_acted_in(person, (SELECT ticket_id FROM market_listing WHERE cause_id = of_listing),
                          portal_now())
    OR EXISTS (
      SELECT FROM accounts_mandate
      WHERE party_id = party AND user_id = person AND given_at <= portal_now()
        AND coalesce(ended_at, 'infinity') > portal_now()
        AND (portal_now() AT TIME ZONE 'Asia/Shanghai')::date
            BETWEEN valid_from AND coalesce(valid_to, 'infinity'))
$$;

-- The columns of the listing, of the other side, and of the officers whose acts they name.
CREATE FUNCTION market_no_own_matter() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  now_said jsonb := to_jsonb(NEW);
  before jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
BEGIN
  FOR at IN 2..TG_NARGS - 1 LOOP
    IF now_said ->> TG_ARGV[at] IS DISTINCT FROM before ->> TG_ARGV[at] AND market_acts_in(
         (now_said ->> TG_ARGV[at])::bigint, (now_said ->> TG_ARGV[0])::uuid,
         (now_said ->> TG_ARGV[1])::bigint) THEN
      RAISE EXCEPTION 'who acts for a party of the deal takes no part'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
              TABLE = TG_TABLE_NAME;
    END IF;
  END LOOP;
  RETURN NEW;
END $$;
CREATE TRIGGER nobody_decides_an_own_matter
BEFORE UPDATE OF prepared_by_id, decided_by_id ON market_listing FOR EACH ROW
EXECUTE FUNCTION market_no_own_matter('cause_id', 'buyer_id', 'prepared_by_id', 'decided_by_id');
CREATE TRIGGER nobody_decides_an_own_matter
BEFORE UPDATE OF settled_by_id, decided_by_id, found_by_id, refunded_by_id ON market_trade
FOR EACH ROW EXECUTE FUNCTION market_no_own_matter(
  'listing_id', 'buyer_id', 'settled_by_id', 'decided_by_id', 'found_by_id', 'refunded_by_id');
CREATE TRIGGER nobody_decides_an_own_matter
BEFORE UPDATE OF decided_by_id, ended_by_id ON market_deposit FOR EACH ROW
EXECUTE FUNCTION market_no_own_matter('listing_id', 'bidder_id', 'decided_by_id', 'ended_by_id');
CREATE TRIGGER nobody_decides_an_own_matter
BEFORE UPDATE OF settled_by_id, found_by_id, refunded_by_id ON market_retailorder FOR EACH ROW
EXECUTE FUNCTION market_no_own_matter(
  'listing_id', '', 'settled_by_id', 'found_by_id', 'refunded_by_id');
CREATE TRIGGER nobody_decides_an_own_matter
BEFORE INSERT OR UPDATE OF prepared_by_id, decided_by_id ON market_retailpool FOR EACH ROW
EXECUTE FUNCTION market_no_own_matter('listing_id', '', 'prepared_by_id', 'decided_by_id');

-- What ends an agreed trade, or its dispute, or sends its payment back, is an officer's decision.
CREATE FUNCTION market_trade_is_decided() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'nobody decided it'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_is_decided_by_somebody',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER trade_is_decided_by_somebody BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'agreed' AND NEW.decided_by_id IS NULL
      AND (NEW.state IN ('annulled', 'refund')
           OR OLD.paid_at IS NOT NULL AND NEW.paid_at IS NULL
           OR OLD.disputed_at IS NOT NULL AND NEW.disputed_at IS NULL))
EXECUTE FUNCTION market_trade_is_decided();
"""

AMOUNTS = """
CREATE FUNCTION market_costs_nothing() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the deal costs nothing'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'deal_costs_at_least_a_fen',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER deal_costs_at_least_a_fen BEFORE INSERT ON market_trade
FOR EACH ROW WHEN (NEW.amount_fen <= 0) EXECUTE FUNCTION market_costs_nothing();
CREATE TRIGGER deal_costs_at_least_a_fen BEFORE INSERT ON market_retailorder
FOR EACH ROW WHEN (NEW.amount_fen <= 0) EXECUTE FUNCTION market_costs_nothing();
"""

ORDERS = """
CREATE OR REPLACE FUNCTION market_order_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  pool market_retailpool;
  offer market_listing;
  smallest bigint;
  largest bigint;
  free bigint;
  day date;
  refused_name boolean;
  said text[] := ARRAY['state', 'contact', 'payment_number', 'settled_by_id', 'ended_at',
    'offset_id', 'said_number', 'said_at', 'found_by_id', 'refund_number', 'refunded_by_id',
    'refunded_at', 'reason'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT * INTO offer FROM market_listing WHERE cause_id = NEW.listing_id FOR UPDATE;
    SELECT * INTO pool FROM market_retailpool WHERE id = NEW.pool_id;
    day := (portal_now() AT TIME ZONE 'Asia/Shanghai')::date;
    IF offer.state <> 'open' OR NEW.state <> 'waiting' OR NEW.ticket_id <> offer.ticket_id
       OR NEW.price_fen_per_tonne <> offer.price_fen_per_tonne
       OR (CASE WHEN NEW.pool_id IS NULL THEN offer.method <> 'open'
          ELSE pool.listing_id <> NEW.listing_id OR pool.state <> 'open'
               OR day NOT BETWEEN pool.begins_on AND pool.ends_on END) THEN
      RAISE EXCEPTION 'nothing is open for this order'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_is_of_an_open_pool',
              TABLE = TG_TABLE_NAME;
    END IF;
    free := market_unbound_kg(NEW.listing_id);
    IF NEW.pool_id IS NULL THEN
      -- What is left of a listing may be less than its smallest lot; then it goes whole.
      smallest := LEAST(offer.min_lot_kg, free);
      largest := NEW.quantity_kg;
    ELSE
      smallest := policy_number('market.retail_min_kg')::bigint;
      largest := pool.largest_kg;
      free := LEAST(free, pool.quantity_kg - (
        SELECT coalesce(sum(quantity_kg), 0) FROM market_retailorder
        WHERE pool_id = pool.id AND state IN ('waiting', 'settled'))::bigint);
    END IF;
    IF NEW.quantity_kg NOT BETWEEN smallest AND largest OR NOT NEW.purpose = ANY(pool.purposes) THEN
      RAISE EXCEPTION 'the order is outside what is offered'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_is_within_its_pool',
              TABLE = TG_TABLE_NAME,
              DETAIL = json_build_object('least', smallest, 'most', largest)::text;
    END IF;
    IF NEW.quantity_kg > free THEN
      RAISE EXCEPTION 'more than is left'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'trades_stay_within_the_listing',
              TABLE = TG_TABLE_NAME,
              DETAIL = json_build_object('wanted', NEW.quantity_kg, 'free', free)::text;
    END IF;
    RETURN NEW;
  END IF;
  -- What ecology refused to print is not certified: its money goes back before the term, too.
  SELECT state = 'refused' INTO refused_name FROM offsets_beneficiary WHERE id = NEW.beneficiary_id;
  -- Of what is done only the way to reach the buyer may be forgotten.
  IF to_jsonb(NEW) - said IS DISTINCT FROM to_jsonb(OLD) - said
     OR OLD.state IN ('settled', 'refunded') AND NEW.state = OLD.state
        AND to_jsonb(NEW) - 'contact' IS DISTINCT FROM to_jsonb(OLD) - 'contact' THEN
    RAISE EXCEPTION 'what was ordered is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state <> OLD.state AND (
       (OLD.state, NEW.state) NOT IN (
         ('waiting', 'settled'), ('waiting', 'lapsed'), ('waiting', 'refund'),
         ('lapsed', 'refund'), ('refund', 'lapsed'), ('refund', 'refunded'))
       OR OLD.state = 'waiting' AND NEW.state <> 'settled' AND OLD.pay_by >= portal_now()
          AND NOT (NEW.state = 'refund' AND refused_name)
       OR NEW.state = 'settled' AND refused_name) THEN
    RAISE EXCEPTION 'an order does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""

BACKWARD = """
DROP TRIGGER deal_costs_at_least_a_fen ON market_retailorder;
DROP TRIGGER deal_costs_at_least_a_fen ON market_trade;
DROP FUNCTION market_costs_nothing();
DROP TRIGGER trade_is_decided_by_somebody ON market_trade;
DROP FUNCTION market_trade_is_decided();
DROP TRIGGER nobody_decides_an_own_matter ON market_retailpool;
DROP TRIGGER nobody_decides_an_own_matter ON market_retailorder;
DROP TRIGGER nobody_decides_an_own_matter ON market_deposit;
DROP TRIGGER nobody_decides_an_own_matter ON market_trade;
DROP TRIGGER nobody_decides_an_own_matter ON market_listing;
DROP FUNCTION market_no_own_matter();
DROP FUNCTION market_acts_in(bigint, uuid, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0020_decided_by"),
        ("offsets", "0006_consents_given_anew"),
    ]
    operations = [migrations.RunSQL(OWN_MATTERS + AMOUNTS + ORDERS, BACKWARD)]
