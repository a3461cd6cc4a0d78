"""Tables that every app stands on: the installation's clock, policy, counters, keys, outbox, base map."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.gis.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from portal.base.language import reads_english

STORAGE_SRID = 4490  # CGCS2000; frozen by the migrations, not a setting.


class Installation(models.Model):
    """One row, written by the owner alone: what kind of database this is, and its clock's offset."""

    class Kind(models.TextChoices):
        PRODUCTION = "production", _("正式")
        EMBEDDED = "embedded", _("演示")
        TEST = "test", _("测试")

    id = models.SmallIntegerField(primary_key=True, default=1)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PRODUCTION)
    clock_offset = models.DurationField()
    app_role = models.CharField(max_length=63)

    class Meta:
        constraints = [
            models.CheckConstraint(name="one_installation_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="production_clock_has_no_offset",
                condition=~Q(kind="production") | Q(clock_offset="0"),
            ),
        ]

    def __str__(self) -> str:
        return self.kind


class Policy(models.Model):
    """One value of one policy from one moment on. A change is a newer row, never an edit.

    ``code`` is read alike by SQL (``policy_number``), rules, triggers and Python.
    """

    code = models.CharField(_("代码"), max_length=80)
    value = models.DecimalField(_("数值"), max_digits=18, decimal_places=6, null=True, blank=True)
    text = models.TextField(_("文本"), blank=True, default="")
    unit = models.CharField(_("单位"), max_length=20, blank=True, default="")
    label = models.CharField(_("含义"), max_length=200)
    article = models.CharField(_("依据"), max_length=200, blank=True, default="")
    valid_from = models.DateTimeField(_("生效时间"), db_default=PortalNow())
    set_by = models.UUIDField(null=True, editable=False)
    reason = models.TextField(_("理由"), blank=True, default="")

    class Meta:
        verbose_name = _("政策参数")
        verbose_name_plural = _("政策参数")
        indexes = [models.Index(fields=["code", "-valid_from"], name="policy_by_code")]
        constraints = [
            models.CheckConstraint(
                name="policy_has_a_number_or_a_text",
                condition=Q(value__isnull=False) | ~Q(text=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} = {self.value if self.value is not None else self.text} {self.unit}"


class NumberCounter(models.Model):
    """The last serial drawn of a kind and year; its row lock makes numbers gapless."""

    kind = models.CharField(max_length=1, blank=True)
    year = models.SmallIntegerField()
    last = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_counter_per_kind_and_year", fields=["kind", "year"])
        ]

    def __str__(self) -> str:
        return f"{self.kind}-{self.year}: {self.last}"


class IdempotencyKey(models.Model):
    """The first answer to a request that may be sent twice (design.md, guarantee 8)."""

    user_key = models.UUIDField()
    operation = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    content_sha256 = models.BinaryField(max_length=32)
    answer = models.JSONField(null=True)
    made_at = models.DateTimeField(db_default=PortalNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_answer_per_request_key", fields=["user_key", "operation", "key"]
            )
        ]
        indexes = [models.Index(fields=["made_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.operation}:{self.key}"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    """Reads of webhooks."""

    def in_use(self) -> WebhookQuerySet:
        return self.filter(ended_at__isnull=True)


class Webhook(models.Model):
    """Where a program takes the messages of somebody, known here by key; its secret is sealed."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner_key = models.UUIDField()
    address = models.CharField(_("接收地址"), max_length=254)
    secret = models.BinaryField()
    secret_key_id = models.CharField(max_length=20)
    # In a row, since it last took a message.
    refusals = models.IntegerField(_("连续拒收"), default=0)
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    ended_at = models.DateTimeField(null=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("系统对接")
        verbose_name_plural = _("系统对接")
        constraints = [
            models.UniqueConstraint(
                name="one_webhook_of_an_owner",
                fields=["owner_key"],
                condition=Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.address


class OutboxMessage(models.Model):
    """A message that leaves the portal at least once, with an id that stays the same."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("电子邮件")
        WEBHOOK = "webhook", _("系统对接")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.CharField(max_length=10, choices=Channel)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow())
    delivered_at = models.DateTimeField(null=True, blank=True)
    attempts = models.SmallIntegerField(default=0)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("发件箱")
        verbose_name_plural = _("发件箱")
        indexes = [
            models.Index(
                fields=["made_at"], name="outbox_waiting", condition=Q(delivered_at__isnull=True)
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="a_webhooks_message_names_it",
                condition=Q(channel="webhook", webhook__isnull=False)
                | (~Q(channel="webhook") & Q(webhook__isnull=True)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.recipient}: {self.subject}"


class BaseMapFeature(models.Model):
    """One shape of the schematic base map. 示意，非法定界线: never used to refuse anything."""

    class Layer(models.TextChoices):
        COUNTY = "county", _("县市")
        CITY = "city", _("伊宁市")
        NATURAL = "natural", _("自然要素")

    layer = models.CharField(max_length=10, choices=Layer)
    code = models.CharField(max_length=12, blank=True, default="")
    name = models.CharField(max_length=100, blank=True, default="")
    properties = models.JSONField(default=dict)
    geom = models.GeometryField(srid=STORAGE_SRID)

    class Meta:
        indexes = [models.Index(fields=["layer"], name="base_map_by_layer")]

    def __str__(self) -> str:
        return f"{self.layer} {self.name}"

    @property
    def label(self) -> str:
        """Its name in the reader's language."""
        return str(self.properties.get("name_en", self.name)) if reads_english() else self.name


class TownshipQuerySet(models.QuerySet["Township"]):
    """Townships as they are looked for and named."""

    def names(self) -> dict[str, str]:
        """Code → name, in the reader's language."""
        return {township.code: str(township) for township in self}

    def named(self, text: str) -> Self:
        """Those in whose name the text stands, in either language."""
        return self.filter(Q(name__contains=text) | Q(name_en__icontains=text))


class Township(models.Model):
    """A subdistrict, town or township of the city (fixtures/basemap/townships.csv)."""

    code = models.CharField(primary_key=True, max_length=9)
    name = models.CharField(max_length=50)
    name_en = models.CharField(max_length=60, blank=True, default="")

    objects = TownshipQuerySet.as_manager()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name_en if self.name_en and reads_english() else self.name
