"""Listings and trades move by their tables, trades stay within what is listed, bids within the rules."""

from django.db import migrations

LISTINGS = """
CREATE FUNCTION market_listing_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'asked' THEN
      RAISE EXCEPTION 'a listing begins as asked'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'listing_moves_by_the_table',
              TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
  END IF;
  -- The closing of a bidding moves forward when a bid comes in the last minutes, never back.
  IF (NEW.cause_id, NEW.number, NEW.ticket_id, NEW.method, NEW.quantity_kg,
      NEW.price_fen_per_tonne, NEW.min_lot_kg, NEW.buyer_id, NEW.reserve_fen_per_tonne,
      NEW.step_fen_per_tonne, NEW.deposit_fen, NEW.opens_at, NEW.asked_by_id) IS DISTINCT FROM
     (OLD.cause_id, OLD.number, OLD.ticket_id, OLD.method, OLD.quantity_kg,
      OLD.price_fen_per_tonne, OLD.min_lot_kg, OLD.buyer_id, OLD.reserve_fen_per_tonne,
      OLD.step_fen_per_tonne, OLD.deposit_fen, OLD.opens_at, OLD.asked_by_id)
     OR NEW.closes_at < OLD.closes_at
     OR NEW.closes_at > OLD.closes_at AND (OLD.method <> 'bidding' OR OLD.state <> 'open') THEN
    RAISE EXCEPTION 'the terms of a listing are not changed'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
       ('asked', 'prepared'), ('asked', 'refused'), ('asked', 'retracted'),
       ('prepared', 'open'), ('prepared', 'refused'), ('prepared', 'retracted'),
       ('open', 'ended')) THEN
    RAISE EXCEPTION 'a listing does not move from % to %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'listing_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER listing_moves_by_the_table BEFORE INSERT OR UPDATE ON market_listing
  FOR EACH ROW EXECUTE FUNCTION market_listing_moves();

-- Whether a party, under any name linked to it, owns a share of the listing's ticket now.
CREATE FUNCTION market_sells(listing uuid, party bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM market_listing AS offer
    JOIN registry_ticketshare AS share ON share.ticket_id = offer.ticket_id
         AND share.closed_by_id IS NULL
    LEFT JOIN accounts_partylink AS link ON link.name_only_id = share.party_id
         AND link.ended_at IS NULL
    WHERE offer.cause_id = listing AND coalesce(link.checked_id, share.party_id) = party)
$$;

-- What is on the list for it and no trade waits for.
CREATE FUNCTION market_unbound_kg(listing uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = public, pg_temp AS $$
  SELECT (SELECT coalesce(sum(upper(kg) - lower(kg)), 0) FROM registry_block
          WHERE because_id = listing AND closed_by_id IS NULL AND state = 'listed')::bigint
       - (SELECT coalesce(sum(quantity_kg), 0) FROM market_trade
          WHERE listing_id = listing AND state = 'agreed')::bigint
$$;
"""

TRADES = """
CREATE FUNCTION market_trade_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  offer market_listing;
  free bigint;
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
  IF OLD.state <> 'agreed' AND NEW IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'the trade has ended'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_moves_by_the_table',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trade_moves_by_the_table BEFORE INSERT OR UPDATE ON market_trade
  FOR EACH ROW EXECUTE FUNCTION market_trade_moves();
"""

BIDS = """
SELECT portal_append_only('market_bid');

CREATE FUNCTION market_bid_refused(rule text, facts json DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the bid is refused: %', rule
    USING ERRCODE = 'check_violation', CONSTRAINT = rule, TABLE = 'market_bid',
          DETAIL = facts::text;
END $$;

CREATE FUNCTION market_bid_enters() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  offer market_listing;
  top bigint;
  own bigint;
  last integer;
  span interval;
BEGIN
  -- Bids of one listing come one after the other: time and number are drawn under its lock.
  SELECT * INTO offer FROM market_listing WHERE cause_id = NEW.listing_id FOR UPDATE;
  NEW.at := portal_now();
  IF offer.method IS DISTINCT FROM 'bidding' OR NEW.at < offer.opens_at
     OR offer.state IN ('asked', 'prepared', 'refused', 'retracted') THEN
    PERFORM market_bid_refused('bidding_has_begun');
  END IF;
  IF offer.state <> 'open' OR NEW.at >= offer.closes_at THEN
    PERFORM market_bid_refused('no_bid_after_the_close');
  END IF;
  IF market_sells(NEW.listing_id, NEW.bidder_id) THEN
    PERFORM market_bid_refused('nobody_buys_their_own');
  END IF;
  IF NOT EXISTS (SELECT FROM market_deposit WHERE listing_id = NEW.listing_id
                 AND bidder_id = NEW.bidder_id AND state = 'accepted') THEN
    PERFORM market_bid_refused('bid_has_its_deposit');
  END IF;
  IF NEW.price_fen_per_tonne < offer.price_fen_per_tonne THEN
    PERFORM market_bid_refused('bid_reaches_the_start');
  END IF;
  IF (NEW.price_fen_per_tonne - offer.price_fen_per_tonne) % offer.step_fen_per_tonne <> 0 THEN
    PERFORM market_bid_refused('bid_is_on_the_step');
  END IF;
  SELECT coalesce(max(price_fen_per_tonne), 0),
         coalesce(max(price_fen_per_tonne) FILTER (WHERE bidder_id = NEW.bidder_id), 0),
         coalesce(max(number), 0)
    INTO top, own, last FROM market_bid WHERE listing_id = NEW.listing_id;
  IF NEW.price_fen_per_tonne < top THEN
    PERFORM market_bid_refused('bid_is_not_below_the_top');
  END IF;
  IF NEW.price_fen_per_tonne <= own THEN
    PERFORM market_bid_refused('bid_is_above_ones_own');
  END IF;
  NEW.number := last + 1;
  span := policy_number('market.extension_minutes') * interval '1 minute';
  IF offer.closes_at - NEW.at < span THEN
    UPDATE market_listing SET closes_at = NEW.at + span, extensions = extensions + 1
    WHERE cause_id = NEW.listing_id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER bid_keeps_the_rules BEFORE INSERT ON market_bid
  FOR EACH ROW EXECUTE FUNCTION market_bid_enters();
"""

BACKWARD = """
DROP TRIGGER bid_keeps_the_rules ON market_bid;
DROP FUNCTION market_bid_enters();
DROP FUNCTION market_bid_refused(text, json);
DROP TRIGGER nothing_is_rewritten ON market_bid;
DROP TRIGGER nothing_is_truncated ON market_bid;
DROP TRIGGER trade_moves_by_the_table ON market_trade;
DROP FUNCTION market_trade_moves();
DROP FUNCTION market_unbound_kg(uuid);
DROP FUNCTION market_sells(uuid, bigint);
DROP TRIGGER listing_moves_by_the_table ON market_listing;
DROP FUNCTION market_listing_moves();
"""

POLICIES = [
    ("market.extension_minutes", "3", "min", "竞价截止前有新报价时的延时", "第十五条"),
    ("market.payment_hours", "72", "h", "成交后的付款期限", "第十五条"),
    ("market.listing_days_max", "90", "d", "挂牌的最长期限", "第十五条"),
]


def insert(apps, schema_editor):
    policies = apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias)
    for code, value, unit, label, article in POLICIES:
        policies.create(code=code, value=value, unit=unit, label=label, article=article)


class Migration(migrations.Migration):
    dependencies = [("market", "0001_listings_and_trades"), ("base", "0005_base_map")]
    operations = [
        migrations.RunSQL(LISTINGS + TRADES + BIDS, BACKWARD),
        migrations.RunPython(insert, migrations.RunPython.noop),
    ]
