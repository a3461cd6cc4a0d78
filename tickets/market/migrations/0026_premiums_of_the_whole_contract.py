"""A premium is reckoned over all resales under its contract, and reserved tonnes are not given away."""

from django.db import migrations

DUE = """
-- What a resale brings on top of those before it: floor and share are taken of their sums, so that
-- no fraction of a fen is lost lot by lot. Half a fen of the floor's price rounds up, the owner's
-- part of the whole down, as in prices.py.
CREATE FUNCTION market_premium_due(
  of_purchase bigint, kilograms bigint, paid_fen bigint, OUT premium bigint, OUT owners_part bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  contract market_reservecontract;
  above numeric;
  premiums numeric;
  parts numeric;
BEGIN
  SELECT agreed.* INTO contract FROM market_reservepurchase AS bought
  JOIN market_reservecontract AS agreed ON agreed.id = bought.contract_id
  WHERE bought.id = of_purchase;
  -- Resales under one contract are reckoned one after the other.
  PERFORM pg_advisory_xact_lock(hashtext('market_premium'), contract.id::int);
  SELECT coalesce(sum(greatest(
           share.amount_fen * 1000 - contract.floor_fen_per_tonne * share.quantity_kg, 0)), 0),
         coalesce(sum(share.premium_fen), 0), coalesce(sum(share.owner_fen), 0)
    INTO above, premiums, parts
  FROM market_premiumshare AS share
  JOIN market_reservepurchase AS bought ON bought.id = share.purchase_id
  WHERE bought.contract_id = contract.id;
  above := above + greatest(paid_fen * 1000 - contract.floor_fen_per_tonne * kilograms, 0);
  -- Lots of before this rule were rounded each: what they took too much is not given twice.
  premium := greatest(floor((above + 499) / 1000) - premiums, 0);
  owners_part := greatest(
    least(floor((premiums + premium) * contract.share_bp / 10000) - parts, premium), 0);
END $$;

CREATE OR REPLACE FUNCTION market_premium_enters() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  sale record;
  owed record;
BEGIN
  SELECT offer.ticket_id, dealt.state, dealt.quantity_kg, dealt.amount_fen INTO sale
  FROM (SELECT listing_id, state, quantity_kg, amount_fen FROM market_trade
        WHERE id = NEW.trade_id
        UNION ALL
        SELECT listing_id, state, quantity_kg, amount_fen FROM market_retailorder
        WHERE id = NEW.order_id) AS dealt
  JOIN market_listing AS offer ON offer.cause_id = dealt.listing_id;
  SELECT * INTO owed FROM market_premium_due(NEW.purchase_id, sale.quantity_kg, sale.amount_fen);
  -- Of a part of no fen nothing is to be paid.
  IF sale.state IS DISTINCT FROM 'settled'
     OR NEW.state <> (CASE WHEN NEW.owner_fen = 0 THEN 'received' ELSE 'due' END)
     OR (NEW.purchase_id, NEW.quantity_kg, NEW.amount_fen, NEW.premium_fen, NEW.owner_fen)
        IS DISTINCT FROM (market_bought_under(sale.ticket_id), sale.quantity_kg, sale.amount_fen,
                          owed.premium, owed.owners_part) THEN
    RAISE EXCEPTION 'the premium is not what the resale owes'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'premium_is_of_its_resale',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;

-- At the end of the transaction that settles it, whoever wrote it.
CREATE OR REPLACE FUNCTION market_resale_owes() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM market_listing AS offer
       JOIN market_reservepurchase AS bought ON bought.id = market_bought_under(offer.ticket_id)
       JOIN market_reservecontract AS contract ON contract.id = bought.contract_id
       WHERE offer.cause_id = NEW.listing_id AND contract.share_bp > 0
         AND NEW.amount_fen * 1000 > contract.floor_fen_per_tonne * NEW.quantity_kg)
     AND NOT EXISTS (
       SELECT FROM market_premiumshare
       WHERE CASE TG_TABLE_NAME WHEN 'market_trade' THEN trade_id ELSE order_id END = NEW.id) THEN
    RAISE EXCEPTION 'a resale is settled without its premium'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'resale_owes_its_premium',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
DROP FUNCTION market_premium_owed(uuid, bigint, bigint);
"""

# Whose resale it is: a company that came out of the body's division sells what is the contract's.
BOUGHT_UNDER = """
CREATE OR REPLACE FUNCTION market_bought_under(sold uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
  holder bigint := market_sole_owner(sold);
  at uuid := sold;
  before bigint;
  opening bigint;
  purchase bigint;
BEGIN
  WHILE holder IS NOT NULL LOOP
    SELECT bought.id INTO purchase
    FROM registry_carbonticket AS ticket
    JOIN market_trade AS trade ON trade.entry_id = ticket.opened_by_id
    JOIN market_reservepurchase AS bought ON bought.listing_id = trade.listing_id
    JOIN market_reservecontract AS contract ON contract.id = bought.contract_id
    WHERE ticket.key = at AND market_is_body(holder, contract.body_id);
    IF FOUND THEN
      RETURN purchase;
    END IF;
    SELECT parent_id, opened_by_id INTO at, opening FROM registry_carbonticket WHERE key = at;
    EXIT WHEN at IS NULL;
    before := market_sole_owner(at);
    EXIT WHEN before IS DISTINCT FROM holder AND NOT EXISTS (
      SELECT FROM registry_ledgerentry AS entry
      JOIN registry_registration AS wanted ON wanted.key = entry.registration
      WHERE entry.id = opening AND wanted.kind {of});
    holder := before;
  END LOOP;
  RETURN NULL;
END $$;
"""

# As 0010 and 0019 had them.
BACKWARD = """
CREATE FUNCTION market_premium_owed(
  sold uuid, kilograms bigint, paid_fen bigint,
  OUT purchase bigint, OUT premium bigint, OUT owners_part bigint)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
  purchase := market_bought_under(sold);
  SELECT greatest(paid_fen - (contract.floor_fen_per_tonne * kilograms + 500) / 1000, 0),
         greatest(paid_fen - (contract.floor_fen_per_tonne * kilograms + 500) / 1000, 0)
           * contract.share_bp / 10000
    INTO premium, owners_part
  FROM market_reservepurchase AS bought
  JOIN market_reservecontract AS contract ON contract.id = bought.contract_id
  WHERE bought.id = purchase;
END $$;
CREATE OR REPLACE FUNCTION market_premium_enters() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  sale record;
  owed record;
BEGIN
  SELECT offer.ticket_id, dealt.state, dealt.quantity_kg, dealt.amount_fen INTO sale
  FROM (SELECT listing_id, state, quantity_kg, amount_fen FROM market_trade
        WHERE id = NEW.trade_id
        UNION ALL
        SELECT listing_id, state, quantity_kg, amount_fen FROM market_retailorder
        WHERE id = NEW.order_id) AS dealt
  JOIN market_listing AS offer ON offer.cause_id = dealt.listing_id;
  SELECT * INTO owed FROM market_premium_owed(sale.ticket_id, sale.quantity_kg, sale.amount_fen);
  IF sale.state IS DISTINCT FROM 'settled' OR NEW.state <> 'due'
     OR (NEW.purchase_id, NEW.quantity_kg, NEW.amount_fen, NEW.premium_fen, NEW.owner_fen)
        IS DISTINCT FROM
        (owed.purchase, sale.quantity_kg, sale.amount_fen, owed.premium, owed.owners_part) THEN
    RAISE EXCEPTION 'the premium is not what the resale owes'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'premium_is_of_its_resale',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION market_resale_owes() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  owed record;
BEGIN
  SELECT due.* INTO owed FROM market_listing AS offer,
    LATERAL market_premium_owed(offer.ticket_id, NEW.quantity_kg, NEW.amount_fen) AS due
  WHERE offer.cause_id = NEW.listing_id;
  IF owed.owners_part > 0 AND NOT EXISTS (
       SELECT FROM market_premiumshare
       WHERE CASE TG_TABLE_NAME WHEN 'market_trade' THEN trade_id ELSE order_id END = NEW.id) THEN
    RAISE EXCEPTION 'a resale is settled without its premium'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'resale_owes_its_premium',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END $$;
DROP FUNCTION market_premium_due(bigint, bigint, bigint);
"""

NOT_GIVEN = """
DROP TRIGGER reserved_tonnes_are_resold_at_a_price ON registry_registration;
DROP TRIGGER reserved_tonnes_are_resold_at_a_price ON registry_ticketrequest;
CREATE TRIGGER reserved_tonnes_are_resold_at_a_price BEFORE INSERT ON registry_ticketrequest
FOR EACH ROW WHEN (NEW.kind IN ({kinds})) EXECUTE FUNCTION market_sells_no_reserved_on_paper();
CREATE TRIGGER reserved_tonnes_are_resold_at_a_price BEFORE INSERT ON registry_registration
FOR EACH ROW WHEN (NEW.kind IN ({kinds})) EXECUTE FUNCTION market_sells_no_reserved_on_paper();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0025_each_decision_is_judged"),
        ("registry", "0034_numbers_not_registered_are_erased"),
    ]
    operations = [
        migrations.RunSQL(
            DUE + BOUGHT_UNDER.format(of="IN ('merger', 'company_division')"),
            BACKWARD + BOUGHT_UNDER.format(of="= 'merger'"),
        ),
        migrations.RunSQL(
            NOT_GIVEN.format(kinds="'sale', 'gift'"), NOT_GIVEN.format(kinds="'sale'")
        ),
    ]
