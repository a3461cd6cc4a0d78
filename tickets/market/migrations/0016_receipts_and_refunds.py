"""Deposits name their receipts, trades are refunded like orders, and each number serves once."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_ANYBODY = {
    "null": True,
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
    "to": settings.AUTH_USER_MODEL,
}


def _of(deal):
    return models.ForeignKey(
        null=True, on_delete=django.db.models.deletion.PROTECT, to=f"market.{deal}"
    )


def _refunds(what):
    """The constraints that ``refund_constraints`` makes, but the one that orders have already."""
    return [
        models.CheckConstraint(
            name=f"receipt_of_{what}_is_owed_back",
            condition=models.Q(found_by__isnull=True)
            | (models.Q(state__in=["refund", "refunded"]) & ~models.Q(payment_number="")),
        ),
        models.CheckConstraint(
            name=f"who_found_the_receipt_of_{what}_does_not_refund_it",
            condition=models.Q(refunded_by__isnull=True)
            | ~models.Q(refunded_by=models.F("found_by")),
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("market", "0015_refunds_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AlterModelOptions(
            name="bankpayment",
            options={"verbose_name": "银行流水", "verbose_name_plural": "银行流水"},
        ),
        migrations.RemoveConstraint("bankpayment", "bank_payment_is_for_one_deal"),
        migrations.RemoveConstraint("deposit", "ended_deposit_is_whole"),
        migrations.RemoveConstraint("retailorder", "receipt_found_is_owed_back"),
        migrations.RemoveConstraint("retailorder", "who_found_a_receipt_does_not_refund_it"),
        migrations.RemoveConstraint("retailorder", "one_refund_for_one_order"),
        # What a deposit named so far was the payment back.
        migrations.RenameField("deposit", "payment_number", "refund_number"),
        migrations.AddField(
            "deposit",
            "payment_number",
            models.CharField(blank=True, default="", max_length=60, verbose_name="银行流水号"),
        ),
        migrations.AddField("trade", "found_by", models.ForeignKey(**_ANYBODY)),
        migrations.AddField(
            "trade",
            "refund_number",
            models.CharField(blank=True, default="", max_length=60, verbose_name="退款流水号"),
        ),
        migrations.AddField("trade", "refunded_by", models.ForeignKey(**_ANYBODY)),
        migrations.AddField(
            "trade", "refunded_at", models.DateTimeField(null=True, verbose_name="退款时间")
        ),
        migrations.AlterField(
            "trade",
            "state",
            models.CharField(
                choices=[
                    ("agreed", "待结算"),
                    ("settled", "已登记"),
                    ("lapsed", "逾期失效"),
                    ("annulled", "已撤销"),
                    ("refund", "待退款"),
                    ("refunded", "已退款"),
                ],
                default="agreed",
                max_length=8,
                verbose_name="状态",
            ),
        ),
        migrations.AddIndex(
            "trade",
            models.Index(
                condition=models.Q(("state", "refund")), fields=["ended_at"], name="trades_refund"
            ),
        ),
        migrations.AddField(
            "bankpayment", "back", models.BooleanField(default=False, verbose_name="退款")
        ),
        migrations.AddField("bankpayment", "deposit", _of("deposit")),
        migrations.AlterField("bankpayment", "order", _of("retailorder")),
        migrations.AlterField("bankpayment", "trade", _of("trade")),
        migrations.AddConstraint(
            "bankpayment",
            models.CheckConstraint(
                name="bank_payment_is_for_one_deal",
                condition=models.Q(trade__isnull=False, order__isnull=True, deposit__isnull=True)
                | models.Q(trade__isnull=True, order__isnull=False, deposit__isnull=True)
                | models.Q(trade__isnull=True, order__isnull=True, deposit__isnull=False),
            ),
        ),
        *(
            migrations.AddConstraint(
                "bankpayment",
                models.UniqueConstraint(name=f"one_bank_payment_of_{deal}", fields=(deal, "back")),
            )
            for deal in ("trade", "order", "deposit")
        ),
        migrations.AddConstraint(
            "deposit",
            models.CheckConstraint(
                name="ended_deposit_is_whole",
                condition=(
                    models.Q(state="returned", ended_by__isnull=False, ended_at__isnull=False)
                    & ~models.Q(refund_number="")
                )
                | (
                    models.Q(state="forfeited", ended_by__isnull=False, ended_at__isnull=False)
                    & ~models.Q(reason="")
                )
                | (
                    models.Q(state__in=["waiting", "accepted", "refused"])
                    & models.Q(ended_by__isnull=True, ended_at__isnull=True, refund_number="")
                ),
            ),
        ),
        # What was refused and goes back later is no deposit of the bidder's beside another.
        migrations.RemoveConstraint("deposit", "one_deposit_of_a_bidder"),
        migrations.AddConstraint(
            "deposit",
            models.UniqueConstraint(
                name="one_deposit_of_a_bidder",
                fields=("listing", "bidder"),
                condition=~models.Q(state__in=["refused", "returned"]),
            ),
        ),
        *(migrations.AddConstraint("retailorder", one) for one in _refunds("order")),
        migrations.AddConstraint(
            "trade",
            models.CheckConstraint(
                name="refunded_trade_is_whole",
                condition=(
                    models.Q(state="refunded", found_by__isnull=False, refunded_by__isnull=False)
                    & models.Q(refunded_at__isnull=False)
                    & ~models.Q(refund_number="")
                )
                | (
                    ~models.Q(state="refunded")
                    & models.Q(refund_number="", refunded_by__isnull=True, refunded_at__isnull=True)
                ),
            ),
        ),
        *(migrations.AddConstraint("trade", one) for one in _refunds("trade")),
    ]
