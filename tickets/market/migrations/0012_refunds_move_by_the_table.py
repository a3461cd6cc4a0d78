"""An order ends after its term alone, is refunded by the table, and frees its pool meanwhile."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION market_order_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  pool market_retailpool;
  offer market_listing;
  smallest bigint;
  largest bigint;
  free bigint;
  day date;
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
       OR OLD.state = 'waiting' AND NEW.state <> 'settled' AND OLD.pay_by >= portal_now()) THEN
    RAISE EXCEPTION 'an order does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0011_paid_orders_are_refunded")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
