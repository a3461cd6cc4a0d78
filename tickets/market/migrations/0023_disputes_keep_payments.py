"""A payment that was shown is not refused while its trade's dispute stands: its term stands still."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER disputed_payment_stands BEFORE UPDATE ON market_trade FOR EACH ROW
WHEN (OLD.state = 'agreed' AND NEW.disputed_at IS NOT NULL
      AND OLD.paid_at IS NOT NULL AND NEW.paid_at IS NULL)
EXECUTE FUNCTION market_disputed_trade_stands();
"""
BACKWARD = "DROP TRIGGER disputed_payment_stands ON market_trade;"


class Migration(migrations.Migration):
    dependencies = [("market", "0022_denied_by")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
