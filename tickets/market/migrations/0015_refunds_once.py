"""A receipt that was found stays found, and one payment of the bank gives one order its money back."""

import django.db.models.functions.text
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION market_receipt_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the receipt of order % was found already', OLD.number
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'nothing_is_rewritten',
          TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER a_found_receipt_stays BEFORE UPDATE OF found_by_id, payment_number
ON market_retailorder FOR EACH ROW
WHEN (OLD.found_by_id IS NOT NULL
      AND (NEW.found_by_id, NEW.payment_number)
          IS DISTINCT FROM (OLD.found_by_id, OLD.payment_number))
EXECUTE FUNCTION market_receipt_stays();
"""
BACKWARD = """
DROP TRIGGER a_found_receipt_stays ON market_retailorder;
DROP FUNCTION market_receipt_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0014_one_payment_for_one_deal")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddConstraint(
            model_name="retailorder",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Upper("refund_number"),
                condition=models.Q(("refund_number", ""), _negated=True),
                name="one_refund_for_one_order",
            ),
        ),
    ]
