"""A bank's number pays for one trade or one order: the triggers of both keep one table."""

from django.db import migrations

FORWARD = """
SELECT portal_read_only('market_bankpayment');

-- A number that was refused, and an annulled trade's, may pay for something else.
CREATE FUNCTION market_note_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  said text := upper(NEW.payment_number);
BEGIN
  IF TG_TABLE_NAME = 'market_trade' THEN
    IF NEW.state NOT IN ('agreed', 'settled') THEN
      said := '';
    END IF;
    DELETE FROM market_bankpayment WHERE trade_id = NEW.id AND number <> said;
    INSERT INTO market_bankpayment (number, trade_id) SELECT said, NEW.id
    WHERE said <> '' AND NOT EXISTS (SELECT FROM market_bankpayment WHERE trade_id = NEW.id);
  ELSE
    DELETE FROM market_bankpayment WHERE order_id = NEW.id AND number <> said;
    INSERT INTO market_bankpayment (number, order_id) SELECT said, NEW.id
    WHERE said <> '' AND NOT EXISTS (SELECT FROM market_bankpayment WHERE order_id = NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER one_payment_for_one_deal AFTER INSERT OR UPDATE OF payment_number, state
ON market_trade FOR EACH ROW EXECUTE FUNCTION market_note_payment();
CREATE TRIGGER one_payment_for_one_deal AFTER INSERT OR UPDATE OF payment_number, state
ON market_retailorder FOR EACH ROW EXECUTE FUNCTION market_note_payment();

INSERT INTO market_bankpayment (number, trade_id)
SELECT DISTINCT ON (upper(payment_number)) upper(payment_number), id FROM market_trade
WHERE payment_number <> '' AND state IN ('agreed', 'settled') ORDER BY upper(payment_number), id;
INSERT INTO market_bankpayment (number, order_id)
SELECT DISTINCT ON (upper(payment_number)) upper(payment_number), id FROM market_retailorder
WHERE payment_number <> '' ORDER BY upper(payment_number), id ON CONFLICT DO NOTHING;
"""
BACKWARD = """
DROP TRIGGER one_payment_for_one_deal ON market_retailorder;
DROP TRIGGER one_payment_for_one_deal ON market_trade;
DROP FUNCTION market_note_payment();
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0013_bank_payments")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
