"""Who found no receipt of a deal's money: named, with no part in the deal, and kept."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TRADES = """
CREATE OR REPLACE FUNCTION market_trade_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  offer market_listing;
  free bigint;
  moved text[] := ARRAY['state', 'payment_number', 'payment_sha256', 'paid_at', 'found_by_id',
    'denied_by_id', 'refund_number', 'refunded_by_id', 'refunded_at', 'reason'];
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
    'refunded_at', 'denied_by_id', 'reason'];
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

DENIALS = """
-- The buyer's claim to his money ends by somebody's word, who takes no part in the deal.
CREATE FUNCTION market_refund_is_denied() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF OLD.state <> 'refund' OR NEW.state NOT IN ('lapsed', 'annulled') THEN
    RAISE EXCEPTION 'who denied a refund stays named'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.denied_by_id IS NULL THEN
    RAISE EXCEPTION 'nobody denied the refund'
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0], TABLE = TG_TABLE_NAME;
  END IF;
  IF market_acts_in(NEW.denied_by_id, NEW.listing_id, (to_jsonb(NEW) ->> 'buyer_id')::bigint) THEN
    RAISE EXCEPTION 'who acts for a party of the deal takes no part'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'nobody_decides_an_own_matter',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refund_is_denied_by_somebody BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'refund' AND NEW.state IN ('lapsed', 'annulled')
      OR NEW.denied_by_id IS DISTINCT FROM OLD.denied_by_id)
EXECUTE FUNCTION market_refund_is_denied('refund_of_trade_is_denied_by_somebody');
CREATE TRIGGER refund_is_denied_by_somebody BEFORE UPDATE ON market_retailorder FOR EACH ROW
WHEN (OLD.state = 'refund' AND NEW.state = 'lapsed'
      OR NEW.denied_by_id IS DISTINCT FROM OLD.denied_by_id)
EXECUTE FUNCTION market_refund_is_denied('refund_of_order_is_denied_by_somebody');
"""

BACKWARD = """
DROP TRIGGER refund_is_denied_by_somebody ON market_retailorder;
DROP TRIGGER refund_is_denied_by_somebody ON market_trade;
DROP FUNCTION market_refund_is_denied();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0021_no_own_deals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="trade",
            name="denied_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="retailorder",
            name="denied_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunSQL(TRADES + ORDERS + DENIALS, BACKWARD),
    ]
