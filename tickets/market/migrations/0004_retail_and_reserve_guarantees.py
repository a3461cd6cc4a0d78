"""Orders stay within their pool and listing; pools, contracts and premiums move by their tables."""

from django.db import migrations

FORWARD = """
-- What is on the list for it and neither a trade nor an order waits for.
CREATE OR REPLACE FUNCTION market_unbound_kg(listing uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(upper(kg) - lower(kg)), 0) FROM registry_block
          WHERE because_id = listing AND closed_by_id IS NULL AND state = 'listed')::bigint
       - (SELECT coalesce(sum(quantity_kg), 0) FROM market_trade
          WHERE listing_id = listing AND state = 'agreed')::bigint
       - (SELECT coalesce(sum(wanted.quantity_kg), 0) FROM market_retailorder AS wanted
          JOIN market_retailpool AS pool ON pool.id = wanted.pool_id
          WHERE pool.listing_id = listing AND wanted.state = 'waiting')::bigint
$$;

CREATE FUNCTION market_pool_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  offer market_listing;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT * INTO offer FROM market_listing WHERE cause_id = NEW.listing_id FOR UPDATE;
    IF offer.method <> 'retail' OR offer.state <> 'open' OR NEW.quantity_kg > offer.quantity_kg THEN
      RAISE EXCEPTION 'the pool does not fit its listing'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'pool_keeps_to_its_listing',
              TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.state <> 'prepared' THEN
      RAISE EXCEPTION 'a pool begins as prepared'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'pool_moves_by_the_table',
              TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.key, NEW.listing_id, NEW.title, NEW.quantity_kg, NEW.largest_kg, NEW.purposes,
      NEW.begins_on, NEW.ends_on, NEW.prepared_by_id) IS DISTINCT FROM
     (OLD.key, OLD.listing_id, OLD.title, OLD.quantity_kg, OLD.largest_kg, OLD.purposes,
      OLD.begins_on, OLD.ends_on, OLD.prepared_by_id) THEN
    RAISE EXCEPTION 'the terms of a pool are not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
       ('prepared', 'open'), ('prepared', 'refused'), ('open', 'closed')) THEN
    RAISE EXCEPTION 'a pool does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'pool_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER pool_moves_by_the_table BEFORE INSERT OR UPDATE ON market_retailpool
  FOR EACH ROW EXECUTE FUNCTION market_pool_moves();

CREATE FUNCTION market_order_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  pool market_retailpool;
  offer market_listing;
  smallest bigint;
  free bigint;
  day date;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT * INTO pool FROM market_retailpool WHERE id = NEW.pool_id;
    SELECT * INTO offer FROM market_listing WHERE cause_id = pool.listing_id FOR UPDATE;
    day := (portal_now() AT TIME ZONE 'Asia/Shanghai')::date;
    IF pool.state <> 'open' OR offer.state <> 'open' OR day NOT BETWEEN pool.begins_on AND pool.ends_on
       OR NEW.state <> 'waiting' OR NEW.ticket_id <> offer.ticket_id
       OR NEW.price_fen_per_tonne <> offer.price_fen_per_tonne THEN
      RAISE EXCEPTION 'the pool is not open for this order'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_is_of_an_open_pool',
              TABLE = TG_TABLE_NAME;
    END IF;
    smallest := policy_number('market.retail_min_kg')::bigint;
    IF NEW.quantity_kg NOT BETWEEN smallest AND pool.largest_kg OR NOT NEW.purpose = ANY(pool.purposes) THEN
      RAISE EXCEPTION 'the order is outside its pool'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_is_within_its_pool',
              TABLE = TG_TABLE_NAME,
              DETAIL = json_build_object('least', smallest, 'most', pool.largest_kg)::text;
    END IF;
    free := LEAST(market_unbound_kg(pool.listing_id), pool.quantity_kg - (
      SELECT coalesce(sum(quantity_kg), 0) FROM market_retailorder
      WHERE pool_id = pool.id AND state <> 'lapsed')::bigint);
    IF NEW.quantity_kg > free THEN
      RAISE EXCEPTION 'more than the pool has left'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'trades_stay_within_the_listing',
              TABLE = TG_TABLE_NAME,
              DETAIL = json_build_object('wanted', NEW.quantity_kg, 'free', free)::text;
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.key, NEW.code, NEW.number, NEW.pool_id, NEW.ticket_id, NEW.quantity_kg, NEW.amount_fen,
      NEW.price_fen_per_tonne, NEW.beneficiary_id, NEW.purpose) IS DISTINCT FROM
     (OLD.key, OLD.code, OLD.number, OLD.pool_id, OLD.ticket_id, OLD.quantity_kg, OLD.amount_fen,
      OLD.price_fen_per_tonne, OLD.beneficiary_id, OLD.purpose) THEN
    RAISE EXCEPTION 'what was ordered is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF OLD.state <> 'waiting' AND NEW.state <> OLD.state THEN
    RAISE EXCEPTION 'the order has ended'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'retail_order_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER retail_order_moves_by_the_table BEFORE INSERT OR UPDATE ON market_retailorder
  FOR EACH ROW EXECUTE FUNCTION market_order_moves();

CREATE FUNCTION market_contract_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF (NEW.key, NEW.body_id, NEW.owner_id, NEW.quantity_kg, NEW.floor_fen_per_tonne, NEW.share_bp,
      NEW.begins_on, NEW.ends_on, NEW.proposed_by_id) IS DISTINCT FROM
     (OLD.key, OLD.body_id, OLD.owner_id, OLD.quantity_kg, OLD.floor_fen_per_tonne, OLD.share_bp,
      OLD.begins_on, OLD.ends_on, OLD.proposed_by_id) THEN
    RAISE EXCEPTION 'the terms of a contract are not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
       ('proposed', 'active'), ('proposed', 'ended'), ('active', 'ended')) THEN
    RAISE EXCEPTION 'a contract does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reserve_contract_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reserve_contract_moves_by_the_table BEFORE UPDATE ON market_reservecontract
  FOR EACH ROW EXECUTE FUNCTION market_contract_moves();

CREATE FUNCTION market_premium_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF (NEW.key, NEW.purchase_id, NEW.trade_id, NEW.quantity_kg, NEW.amount_fen, NEW.premium_fen,
      NEW.owner_fen) IS DISTINCT FROM
     (OLD.key, OLD.purchase_id, OLD.trade_id, OLD.quantity_kg, OLD.amount_fen, OLD.premium_fen,
      OLD.owner_fen) THEN
    RAISE EXCEPTION 'what is owed is not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF (OLD.state, NEW.state) NOT IN (('due', 'paid'), ('paid', 'received'), ('paid', 'due')) THEN
    RAISE EXCEPTION 'a premium does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'premium_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER premium_moves_by_the_table BEFORE UPDATE ON market_premiumshare
  FOR EACH ROW EXECUTE FUNCTION market_premium_moves();
"""

BACKWARD = """
DROP TRIGGER premium_moves_by_the_table ON market_premiumshare;
DROP FUNCTION market_premium_moves();
DROP TRIGGER reserve_contract_moves_by_the_table ON market_reservecontract;
DROP FUNCTION market_contract_moves();
DROP TRIGGER retail_order_moves_by_the_table ON market_retailorder;
DROP FUNCTION market_order_moves();
DROP TRIGGER pool_moves_by_the_table ON market_retailpool;
DROP FUNCTION market_pool_moves();
CREATE OR REPLACE FUNCTION market_unbound_kg(listing uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(upper(kg) - lower(kg)), 0) FROM registry_block
          WHERE because_id = listing AND closed_by_id IS NULL AND state = 'listed')::bigint
       - (SELECT coalesce(sum(quantity_kg), 0) FROM market_trade
          WHERE listing_id = listing AND state = 'agreed')::bigint
$$;
"""
POLICIES = [
    ("market.retail_min_kg", "10", "kg", "零售单笔最小数量", "第十二条"),
    ("market.retail_hours", "72", "h", "零售订单的付款期限", "第十二条"),
]


def insert(apps, schema_editor):
    policies = apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias)
    for code, value, unit, label, article in POLICIES:
        policies.create(code=code, value=value, unit=unit, label=label, article=article)


class Migration(migrations.Migration):
    dependencies = [("market", "0003_retail_and_reserve")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(insert, migrations.RunPython.noop),
    ]
