"""No resale of a carbon-service body is settled without the premium that it owes (article 13)."""

from django.db import migrations

FORWARD = """
-- Whoever alone owns a ticket, under the name that was checked; NULL when several do.
CREATE FUNCTION market_sole_owner(of_ticket uuid) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN count(*) = 1 THEN min(coalesce(link.checked_id, share.party_id)) END
  FROM registry_ticketshare AS share
  LEFT JOIN accounts_partylink AS link ON link.name_only_id = share.party_id
       AND link.ended_at IS NULL
  WHERE share.ticket_id = of_ticket AND share.closed_by_id IS NULL
$$;

-- The purchase under a contract that a ticket's kilograms come from, as long as they never left
-- its body: what was sold and bought back on the market is no more the contract's.
CREATE FUNCTION market_bought_under(sold uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
  seller bigint := market_sole_owner(sold);
  at uuid := sold;
  purchase bigint;
BEGIN
  WHILE at IS NOT NULL AND market_sole_owner(at) = seller LOOP
    SELECT bought.id INTO purchase
    FROM registry_carbonticket AS ticket
    JOIN market_trade AS trade ON trade.entry_id = ticket.opened_by_id
    JOIN market_reservepurchase AS bought ON bought.listing_id = trade.listing_id
    JOIN market_reservecontract AS contract ON contract.id = bought.contract_id
    LEFT JOIN accounts_partylink AS link ON link.name_only_id = contract.body_id
         AND link.ended_at IS NULL
    WHERE ticket.key = at AND coalesce(link.checked_id, contract.body_id) = seller;
    IF FOUND THEN
      RETURN purchase;
    END IF;
    SELECT parent_id INTO at FROM registry_carbonticket WHERE key = at;
  END LOOP;
  RETURN NULL;
END $$;

-- What a resale of so much for so much owes: half a fen of the floor's price rounds up, the
-- owner's part down, as in prices.py.
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

CREATE FUNCTION market_premium_enters() RETURNS trigger
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
CREATE TRIGGER premium_is_of_its_resale BEFORE INSERT ON market_premiumshare
  FOR EACH ROW EXECUTE FUNCTION market_premium_enters();

-- At the end of the transaction that settles it, whoever wrote it.
CREATE FUNCTION market_resale_owes() RETURNS trigger
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
CREATE CONSTRAINT TRIGGER resale_owes_its_premium AFTER UPDATE ON market_trade
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.state = 'settled' AND OLD.state <> 'settled') EXECUTE FUNCTION market_resale_owes();
CREATE CONSTRAINT TRIGGER resale_owes_its_premium AFTER UPDATE ON market_retailorder
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.state = 'settled' AND OLD.state <> 'settled') EXECUTE FUNCTION market_resale_owes();

CREATE OR REPLACE FUNCTION market_premium_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  said text[] := ARRAY['state', 'payment_number', 'paid_by_id', 'received_by_id'];
BEGIN
  IF to_jsonb(NEW) - said IS DISTINCT FROM to_jsonb(OLD) - said THEN
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
CREATE TRIGGER nothing_is_rewritten BEFORE DELETE ON market_premiumshare
  FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
"""
BACKWARD = """
DROP TRIGGER nothing_is_rewritten ON market_premiumshare;
DROP TRIGGER resale_owes_its_premium ON market_retailorder;
DROP TRIGGER resale_owes_its_premium ON market_trade;
DROP FUNCTION market_resale_owes();
DROP TRIGGER premium_is_of_its_resale ON market_premiumshare;
DROP FUNCTION market_premium_enters();
DROP FUNCTION market_premium_owed(uuid, bigint, bigint);
DROP FUNCTION market_bought_under(uuid);
DROP FUNCTION market_sole_owner(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0009_premiums_of_orders")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
