"""A merged body's successor owes its premiums, and reserved tonnes are not sold on paper (article 13)."""

from django.db import migrations

FORWARD = """
-- Whether ``holder`` is the contract's body, under any name linked to it, or what it merged into.
CREATE FUNCTION market_is_body(holder bigint, body bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  WITH RECURSIVE line (id) AS (
    SELECT coalesce((SELECT checked_id FROM accounts_partylink
                     WHERE name_only_id = body AND ended_at IS NULL), body)
    UNION
    SELECT successor_id FROM registry_partysuccession JOIN line ON former_id = line.id)
  SELECT EXISTS (SELECT FROM line WHERE id = holder)
$$;

-- The purchase under a contract that a ticket's kilograms come from, as long as they never left its
-- body: a merger takes them along, what was sold and bought back on the market is no more the
-- contract's.
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
      WHERE entry.id = opening AND wanted.kind = 'merger');
    holder := before;
  END LOOP;
  RETURN NULL;
END $$;

-- On paper the register learns no price: such tonnes are sold where the premium can be reckoned.
CREATE FUNCTION market_sells_no_reserved_on_paper() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF market_bought_under(NEW.ticket_id) IS NOT NULL THEN
    RAISE EXCEPTION 'the tonnes were bought under a reserve contract'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reserved_tonnes_are_resold_at_a_price',
            TABLE = TG_TABLE_NAME,
            DETAIL = (SELECT json_build_object('number', number) FROM registry_carbonticket
                      WHERE key = NEW.ticket_id)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reserved_tonnes_are_resold_at_a_price BEFORE INSERT ON registry_ticketrequest
FOR EACH ROW WHEN (NEW.kind = 'sale') EXECUTE FUNCTION market_sells_no_reserved_on_paper();
CREATE TRIGGER reserved_tonnes_are_resold_at_a_price BEFORE INSERT ON registry_registration
FOR EACH ROW WHEN (NEW.kind = 'sale') EXECUTE FUNCTION market_sells_no_reserved_on_paper();
"""
BACKWARD = """
DROP TRIGGER reserved_tonnes_are_resold_at_a_price ON registry_registration;
DROP TRIGGER reserved_tonnes_are_resold_at_a_price ON registry_ticketrequest;
DROP FUNCTION market_sells_no_reserved_on_paper();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0018_cashiers_have_a_term"),
        ("registry", "0022_judged_at_the_time"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
