"""A sale stands on a confirmation of its own; a pledge begins soon."""

from django.db import migrations, models
from django.db.models import Q

FORWARD = """
CREATE FUNCTION registry_one_sale_per_confirmation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- One after the other, so that each sees the one before.
  PERFORM pg_advisory_xact_lock(hashtextextended('registry_sale:' || NEW.document_number, 0));
  IF EXISTS (SELECT FROM registry_registration
             WHERE kind = 'sale' AND document_number = NEW.document_number
               AND state <> 'rejected' AND id <> NEW.id) THEN
    PERFORM registry_refuse('one_sale_per_confirmation', '23505', 'sold by it already');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER one_sale_per_confirmation AFTER INSERT ON registry_registration
FOR EACH ROW WHEN (NEW.kind = 'sale') EXECUTE FUNCTION registry_one_sale_per_confirmation();

INSERT INTO base_policy (code, value, text, unit, label, article, reason) VALUES
  ('registry.pledge_begins_days', 90, '', '日', '质押起日最迟在登记后', '第十八条', '');
"""
BACKWARD = """
DROP TRIGGER one_sale_per_confirmation ON registry_registration;
DROP FUNCTION registry_one_sale_per_confirmation();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0027_papers_are_taken_in")]
    operations = [
        migrations.AddIndex(
            "registration",
            models.Index(
                fields=["document_number"],
                name="registration_by_confirmation",
                condition=Q(kind="sale"),
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
