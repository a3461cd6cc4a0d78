"""Unpaid orders of one buyer are counted together: by account, and by contact however it is written. An
account that acts for nobody whose identity was checked is a visitor's: anyone may have many. What an
eco-justice case waits for is nobody's order: an office asked for it (article 14)."""

from django.db import migrations

LEAVES_SOME = """
CREATE OR REPLACE FUNCTION market_order_leaves_some() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  free bigint;
BEGIN
  -- Orders of a listing come one after the other.
  PERFORM FROM market_listing WHERE cause_id = NEW.listing_id FOR UPDATE;
  free := market_fair_kg(NEW.pool_id, NEW.contact, {orderer});
  IF NEW.quantity_kg > free THEN
    RAISE EXCEPTION 'unpaid orders bind too much of the pool'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'unpaid_orders_leave_some_to_others',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('free', free)::text;
  END IF;
  RETURN NEW;
END $$;
"""
FAIR = """
-- What somebody may still bind by an order that is not paid yet: a share of the pool for one {who}, and
-- for {visitors}, who may have many, a share of what is not sold. One order of the largest size is
-- let through while none waits.
CREATE FUNCTION market_fair_kg(of_pool bigint, reached text, {orderer}) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT greatest(0, least(
    greatest(pool.largest_kg,
             floor(pool.quantity_kg * policy_number('market.retail_contact_share') / 100))
      - coalesce(sum(made.quantity_kg) FILTER (
          WHERE made.state = 'waiting' AND {same}), 0),
    CASE WHEN {visitor} THEN
      greatest(pool.largest_kg,
               floor((pool.quantity_kg - coalesce(sum(made.quantity_kg) FILTER (
                        WHERE made.state = 'settled'), 0))
                     * policy_number('market.retail_visitor_share') / 100))
      - coalesce(sum(made.quantity_kg) FILTER (
          WHERE made.state = 'waiting' AND {visitors_order}), 0)
    END))::bigint
  FROM market_retailpool AS pool LEFT JOIN market_retailorder AS made ON made.pool_id = pool.id
  WHERE pool.id = of_pool GROUP BY pool.id
$$;
"""
KEY = """
-- One spelling of a contact: a telephone number without what stands between its digits and without the
-- country's, an address without what its owner may add before the @.
CREATE FUNCTION market_contact_key(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN plain LIKE '%@%' THEN regexp_replace(plain, '\\+[^@]*@', '@')
         ELSE regexp_replace(regexp_replace(plain, '[()-]', '', 'g'),
                             '^(\\+|00)?86(?=1[0-9]{10}$)', '') END
  FROM lower(regexp_replace(normalize(said, NFKC), '\\s', '', 'g')) AS plain
$$;
-- Whether an account acts for somebody whose identity was checked; nobody's does not.
CREATE FUNCTION market_buyer_is_known(person bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM accounts_mandate AS mandate JOIN accounts_party AS party ON party.id = mandate.party_id
    WHERE mandate.user_id = person AND mandate.ended_at IS NULL AND party.checked_at IS NOT NULL)
$$;
"""
FORWARD = (
    "DROP FUNCTION market_fair_kg(bigint, text, boolean);"
    + KEY
    + FAIR.format(
        who="buyer, known by account or contact",
        orderer="orderer bigint",
        same="made.purpose <> 'eco_justice'\n            AND (made.ordered_by_id = orderer\n"
        "            OR market_contact_key(made.contact) = market_contact_key(reached))",
        visitors="all whose identity nobody checked",
        visitor="NOT market_buyer_is_known(orderer)",
        visitors_order="made.purpose <> 'eco_justice'\n"
        "            AND NOT market_buyer_is_known(made.ordered_by_id)",
    )
    + LEAVES_SOME.format(orderer="NEW.ordered_by_id")
)
BACKWARD = (
    "DROP FUNCTION market_fair_kg(bigint, text, bigint);"
    + FAIR.format(
        who="way to be reached",
        orderer="visitor boolean",
        same="lower(made.contact) = lower(reached)",
        visitors="visitors without an account",
        visitor="visitor",
        visitors_order="made.ordered_by_id IS NULL",
    )
    + LEAVES_SOME.format(orderer="NEW.ordered_by_id IS NULL")
    + "DROP FUNCTION market_contact_key(text);"
    + "DROP FUNCTION market_buyer_is_known(bigint);"
)


class Migration(migrations.Migration):
    dependencies = [("market", "0028_numbers_are_noted_when_they_change")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
