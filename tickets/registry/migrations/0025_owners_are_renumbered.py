"""An owner's new identity number is registered by an act of its own (article 10)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_numbers_change"),
        ("casework", "0007_objections_are_cured"),
        ("projects", "0011_publicity_is_over"),
        ("registry", "0024_issued_to_the_applicants"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="registration",
            name="who_is_renamed_has_a_new_name",
        ),
        migrations.AddField(
            model_name="registration",
            name="new_number",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="registrations",
                to="accounts.partynumber",
            ),
        ),
        migrations.AddField(
            model_name="ticketrequest",
            name="new_number",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.partynumber",
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
                    models.Q(("new_name", ""), ("renamed__isnull", True)),
                    models.Q(
                        ("kind", "change"),
                        ("renamed__isnull", False),
                        models.Q(("new_name", ""), _negated=True),
                    ),
                    models.Q(("kind", "renumber"), ("new_name", ""), ("renamed__isnull", False)),
                    _connector="OR",
                ),
                name="who_is_renamed_has_a_new_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="registration",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind", "renumber"),
                        ("new_number__isnull", False),
                        ("renamed__isnull", False),
                    ),
                    models.Q(
                        models.Q(("kind", "renumber"), _negated=True), ("new_number__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="who_is_renumbered_has_a_new_number",
            ),
        ),
    ]
