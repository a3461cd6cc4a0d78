"""A filed claim ends by forestry's own decision, and only with its whole issuance (guarantee 1)."""

from django.db import migrations, models

KINDS = [
    ("issue", "制发碳票"), ("sale", "买卖转移"), ("gift", "赠与转移"), ("inheritance", "继承转移"),
    ("merger", "公司合并转移"), ("company_division", "公司分立转移"), ("court", "司法裁判转移"),
    ("divide", "碳票分割"), ("pledge", "质押登记"), ("release", "解押登记"), ("enforce", "实现质权"),
    ("freeze", "冻结"), ("lift", "解冻"), ("cancel", "核减注销"), ("loss", "挂失"),
    ("reissue", "补发"), ("correct", "更正"), ("change", "权利人信息或共有性质变更"),
    ("close", "用尽注销"), ("end_claim", "终止土地占用"),
]  # fmt: skip

# Cancelled and offset kilograms never move again, so what is read here as committed stays true.
FORWARD = """
CREATE FUNCTION registry_claim_ends() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  issued bigint;
BEGIN
  SELECT issuance.id INTO issued FROM registry_issuance AS issuance
  JOIN projects_filing AS filing ON filing.id = issuance.filing_id
  JOIN projects_application AS application ON application.id = filing.application_id
  WHERE application.claim_id = NEW.id;
  IF issued IS NULL
     OR EXISTS (SELECT FROM registry_block WHERE issuance_id = issued AND closed_by_id IS NULL
                  AND state <> 'cancelled')
     OR NOT EXISTS (SELECT FROM registry_block WHERE issuance_id = issued AND closed_by_id IS NULL)
     OR NOT EXISTS (SELECT FROM registry_registration
                    WHERE kind = 'end_claim' AND state = 'approved' AND issuance_id = issued
                      AND document_number = NEW.ended_decision) THEN
    RAISE EXCEPTION 'the issuance of claim % is not cancelled whole', NEW.number
      USING ERRCODE = 'check_violation', CONSTRAINT = 'filed_claim_ends_with_its_whole_issuance',
            TABLE = TG_TABLE_NAME, DETAIL = json_build_object('number', NEW.number)::text;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER filed_claim_ends_with_its_whole_issuance BEFORE UPDATE ON parcels_claim
FOR EACH ROW WHEN (OLD.filed_at IS NOT NULL AND OLD.state <> 'ended' AND NEW.state = 'ended')
EXECUTE FUNCTION registry_claim_ends();
"""
BACKWARD = """
DROP TRIGGER filed_claim_ends_with_its_whole_issuance ON parcels_claim;
DROP FUNCTION registry_claim_ends();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0006_pledge_reminders"),
        ("projects", "0003_fixed_notice"),
        ("parcels", "0004_claim_guarantees"),
    ]
    operations = [
        migrations.AlterField(
            model,
            "kind",
            models.CharField(choices=KINDS, max_length=16, verbose_name="事项"),
        )
        for model in ("registration", "ticketrequest")
    ] + [
        migrations.AddConstraint(
            model_name="registration",
            constraint=models.CheckConstraint(
                condition=~models.Q(kind="end_claim")
                | (models.Q(issuance__isnull=False) & ~models.Q(document_number="")),
                name="claim_ends_by_a_numbered_decision",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
