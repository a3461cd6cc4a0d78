"""A deal whose number another deal bears in another spelling since long can still be paid back."""

import sys

from django.db import migrations

FORWARD = """
-- What was said for a deal of which no money is known may pay for something else; the rest stays. A
-- number that stays as it was is not noted anew: of two deals that bore one number in two spellings
-- before there was one spelling, the later has no row, and moves on all the same.
CREATE OR REPLACE FUNCTION market_note_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  deal text := TG_ARGV[0];
  numbers text[] := ARRAY[
    CASE WHEN NEW.state IN ('lapsed', 'annulled') THEN ''
         ELSE market_bank_key(NEW.payment_number) END,
    market_bank_key(NEW.refund_number)];
  before text[] := ARRAY['', ''];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    before := ARRAY[
      CASE WHEN OLD.state IN ('lapsed', 'annulled') THEN ''
           ELSE market_bank_key(OLD.payment_number) END,
      market_bank_key(OLD.refund_number)];
  END IF;
  FOR at IN 1..2 LOOP
    CONTINUE WHEN numbers[at] = before[at];
    EXECUTE format('DELETE FROM market_bankpayment WHERE %1$I = $1 AND back = $2', deal)
      USING NEW.id, at = 2;
    IF numbers[at] <> '' THEN
      EXECUTE format(
        'INSERT INTO market_bankpayment (number, %1$I, back) VALUES ($3, $1, $2)', deal)
        USING NEW.id, at = 2, numbers[at];
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION market_note_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  deal text := TG_ARGV[0];
  numbers text[] := ARRAY[
    CASE WHEN NEW.state IN ('lapsed', 'annulled') THEN ''
         ELSE market_bank_key(NEW.payment_number) END,
    market_bank_key(NEW.refund_number)];
BEGIN
  FOR at IN 1..2 LOOP
    EXECUTE format(
      'DELETE FROM market_bankpayment WHERE %1$I = $1 AND back = $2 AND number <> $3', deal)
      USING NEW.id, at = 2, numbers[at];
    EXECUTE format(
      'INSERT INTO market_bankpayment (number, %1$I, back) SELECT $3, $1, $2
       WHERE $3 <> '''' AND NOT EXISTS (
         SELECT FROM market_bankpayment WHERE %1$I = $1 AND back = $2)', deal)
      USING NEW.id, at = 2, numbers[at];
  END LOOP;
  RETURN NULL;
END $$;
"""
DOUBLE = """
SELECT deal.number, deal.payment_number
FROM (SELECT number, payment_number, id AS order_id, NULL::bigint AS trade_id
      FROM market_retailorder WHERE state IN ('settled', 'refund', 'refunded')
      UNION ALL
      SELECT number, payment_number, NULL, id
      FROM market_trade WHERE state NOT IN ('lapsed', 'annulled')) AS deal
WHERE deal.payment_number <> '' AND NOT EXISTS (
  SELECT FROM market_bankpayment AS noted
  WHERE NOT noted.back AND (noted.order_id = deal.order_id OR noted.trade_id = deal.trade_id))
"""


def tell(apps, schema_editor):
    """To whoever upgrades: the centre looks which of the two the money was for."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(DOUBLE)
        for number, bears in cursor.fetchall():
            sys.stderr.write(f"Deal {number} bears the payment number {bears} of another deal.\n")


class Migration(migrations.Migration):
    dependencies = [("market", "0027_pools_stay_open_to_all")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(tell, migrations.RunPython.noop),
    ]
