"""An issuance is of one filing, at most what was signed, on land that is claimed for ever."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
-- Guarantee 6, whoever writes the row.
CREATE FUNCTION registry_issued_as_signed() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  signed_kg bigint;
  standing text;
BEGIN
  SELECT filing.quantity_kg,
         CASE WHEN claim.filed_at IS NOT NULL THEN claim.state END
  INTO signed_kg, standing
  FROM projects_filing AS filing
  JOIN projects_application AS application ON application.id = filing.application_id
  LEFT JOIN parcels_claim AS claim ON claim.id = application.claim_id
  WHERE filing.id = NEW.filing_id;
  IF NEW.quantity_kg > signed_kg THEN
    RAISE EXCEPTION '% kg are issued of % signed', NEW.quantity_kg, signed_kg
      USING ERRCODE = 'check_violation', CONSTRAINT = 'issued_at_most_what_was_signed',
            TABLE = TG_TABLE_NAME;
  END IF;
  IF standing IS DISTINCT FROM 'live' THEN
    RAISE EXCEPTION 'the land is not claimed for ever'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'issued_on_claimed_land',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER registry_issued_as_signed BEFORE INSERT ON registry_issuance
FOR EACH ROW EXECUTE FUNCTION registry_issued_as_signed();
"""
BACKWARD = """
DROP TRIGGER registry_issued_as_signed ON registry_issuance;
DROP FUNCTION registry_issued_as_signed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0002_guarantees"),
        ("projects", "0002_guarantees"),
    ]
    operations = [
        migrations.RemoveField("issuance", "filing_number"),
        migrations.RemoveField("issuance", "claim"),
        migrations.RemoveField("issuance", "period"),
        migrations.AddField(
            "issuance",
            "filing",
            models.OneToOneField(
                default=0,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="issuance",
                to="projects.filing",
                verbose_name="备案",
            ),
            preserve_default=False,
        ),
        migrations.RemoveField("registration", "filing_number"),
        migrations.RemoveField("registration", "claim"),
        migrations.RemoveField("registration", "uniqueness_report"),
        migrations.AddField(
            "registration",
            "filing",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, to="projects.filing"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
