"""Orders that nobody pays for leave part of a retail pool to the others, however many ways to be reached
one has."""

from django.db import migrations

POLICIES = [
    ("market.retail_contact_share", "20", "%", "同一联系方式未付款订单最多占用零售池的比例", "第十二条"),
    ("market.retail_visitor_share", "50", "%", "未登录访客未付款订单合计最多占用零售池余量的比例", "第十二条"),
]  # fmt: skip

FORWARD = """
-- What somebody may still bind by an order that is not paid yet: a share of the pool for one way to be
-- reached, and for visitors without an account, who may have many, a share of what is not sold. One order
-- of the largest size is let through while none waits.
CREATE FUNCTION market_fair_kg(of_pool bigint, reached text, visitor boolean) RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT greatest(0, least(
    greatest(pool.largest_kg,
             floor(pool.quantity_kg * policy_number('market.retail_contact_share') / 100))
      - coalesce(sum(made.quantity_kg) FILTER (
          WHERE made.state = 'waiting' AND lower(made.contact) = lower(reached)), 0),
    CASE WHEN visitor THEN
      greatest(pool.largest_kg,
               floor((pool.quantity_kg - coalesce(sum(made.quantity_kg) FILTER (
                        WHERE made.state = 'settled'), 0))
                     * policy_number('market.retail_visitor_share') / 100))
      - coalesce(sum(made.quantity_kg) FILTER (
          WHERE made.state = 'waiting' AND made.ordered_by_id IS NULL), 0)
    END))::bigint
  FROM market_retailpool AS pool LEFT JOIN market_retailorder AS made ON made.pool_id = pool.id
  WHERE pool.id = of_pool GROUP BY pool.id
$$;

CREATE FUNCTION market_order_leaves_some() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  free bigint;
BEGIN
  -- Orders of a listing come one after the other.
  PERFORM FROM market_listing WHERE cause_id = NEW.listing_id FOR UPDATE;
  free := market_fair_kg(NEW.pool_id, NEW.contact, NEW.ordered_by_id IS NULL);
  IF NEW.quantity_kg > free THEN
    RAISE EXCEPTION 'unpaid orders bind too much of the pool'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'unpaid_orders_leave_some_to_others',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('free', free)::text;
  END IF;
  RETURN NEW;
END $$;
-- After the order's own trigger, which says what is offered at all.
CREATE TRIGGER unpaid_orders_leave_some_to_others BEFORE INSERT ON market_retailorder
FOR EACH ROW WHEN (NEW.pool_id IS NOT NULL AND NEW.purpose <> 'eco_justice')
EXECUTE FUNCTION market_order_leaves_some();
"""
BACKWARD = """
DROP TRIGGER unpaid_orders_leave_some_to_others ON market_retailorder;
DROP FUNCTION market_order_leaves_some();
DROP FUNCTION market_fair_kg(bigint, text, boolean);
"""


def insert(apps, schema_editor):
    policies = apps.get_model("base", "Policy").objects.using(schema_editor.connection.alias)
    for code, value, unit, label, article in POLICIES:
        policies.create(code=code, value=value, unit=unit, label=label, article=article)


class Migration(migrations.Migration):
    dependencies = [("market", "0026_premiums_of_the_whole_contract")]
    operations = [
        migrations.RunPython(insert, migrations.RunPython.noop),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
