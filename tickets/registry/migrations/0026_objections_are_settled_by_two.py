"""An objection to a loss is settled by clerk and approver, for a reason and on a document."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION registry_settled_by_two() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM registry_registration
                 WHERE objection_id = NEW.id AND kind = 'settle' AND state = 'prepared'
                   AND outcome = NEW.outcome AND prepared_by_id <> NEW.settled_by_id) THEN
    PERFORM registry_refuse('objection_is_settled_by_two', '23514', 'settled by one alone');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER objection_is_settled_by_two BEFORE UPDATE ON registry_lossobjection
FOR EACH ROW WHEN (OLD.outcome = '' AND NEW.outcome <> '')
EXECUTE FUNCTION registry_settled_by_two();
"""
BACKWARD = """
DROP TRIGGER objection_is_settled_by_two ON registry_lossobjection;
DROP FUNCTION registry_settled_by_two();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_numbers_change"),
        ("casework", "0007_objections_are_cured"),
        ("projects", "0011_publicity_is_over"),
        ("registry", "0025_owners_are_renumbered"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="registration",
            name="objection",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="registrations",
                to="registry.lossobjection",
            ),
        ),
        migrations.AddField(
            model_name="registration",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[("upheld", "异议成立"), ("dismissed", "异议不成立")],
                default="",
                max_length=9,
                verbose_name="异议处理结果",
            ),
        ),
        migrations.AddField(
            model_name="ticketrequest",
            name="objection",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, to="registry.lossobjection"
            ),
        ),
        migrations.AlterField(
            model_name="registration",
            name="kind",
            field=models.CharField(
                choices=[
                    ("issue", "制发碳票"),
                    ("sale", "买卖转移"),
                    ("gift", "赠与转移"),
                    ("inheritance", "继承转移"),
                    ("merger", "公司合并转移"),
                    ("company_division", "公司分立转移"),
                    ("court", "司法裁判转移"),
                    ("divide", "碳票分割"),
                    ("pledge", "质押登记"),
                    ("release", "解押登记"),
                    ("enforce", "实现质权"),
                    ("freeze", "冻结"),
                    ("lift", "解冻"),
                    ("cancel", "核减注销"),
                    ("loss", "挂失"),
                    ("settle", "挂失异议处理"),
                    ("reissue", "补发"),
                    ("correct", "更正"),
                    ("change", "权利人信息或共有性质变更"),
                    ("renumber", "权利人证件号码变更"),
                    ("close", "用尽注销"),
                    ("end_claim", "终止土地占用"),
                ],
                max_length=16,
                verbose_name="事项",
            ),
        ),
        migrations.AlterField(
            model_name="ticketrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("issue", "制发碳票"),
                    ("sale", "买卖转移"),
                    ("gift", "赠与转移"),
                    ("inheritance", "继承转移"),
                    ("merger", "公司合并转移"),
                    ("company_division", "公司分立转移"),
                    ("court", "司法裁判转移"),
                    ("divide", "碳票分割"),
                    ("pledge", "质押登记"),
                    ("release", "解押登记"),
                    ("enforce", "实现质权"),
                    ("freeze", "冻结"),
                    ("lift", "解冻"),
                    ("cancel", "核减注销"),
                    ("loss", "挂失"),
                    ("settle", "挂失异议处理"),
                    ("reissue", "补发"),
                    ("correct", "更正"),
                    ("change", "权利人信息或共有性质变更"),
                    ("renumber", "权利人证件号码变更"),
                    ("close", "用尽注销"),
                    ("end_claim", "终止土地占用"),
                ],
                max_length=16,
                verbose_name="事项",
            ),
        ),
        migrations.AddConstraint(
            model_name="registration",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("document_sha256__isnull", False),
                        ("kind", "settle"),
                        ("objection__isnull", False),
                        models.Q(("outcome", ""), _negated=True),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("kind", "settle"), _negated=True),
                        ("objection__isnull", True),
                        ("outcome", ""),
                    ),
                    _connector="OR",
                ),
                name="objection_is_settled_for_a_reason",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
