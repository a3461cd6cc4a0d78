"""Runs of the rules that are kept, and what they found."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.postgres.fields import DateRangeField
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from parcels.claims.models import ProjectAreaVersion
from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID


class RuleRun(models.Model):
    """A kept run of the spatial rules; numbered, it is the uniqueness report (唯一性核查报告).

    Written once with its findings. The database hashes both together when the run is written and
    takes no finding afterwards.
    """

    class Subject(models.TextChoices):
        TITLE = "title", _("权属")
        PROJECT = "project", _("项目")

    class Stage(models.TextChoices):
        DRAW = "draw", _("绘制")
        SUBMIT = "submit", _("提交")
        REVIEW = "review", _("审核")
        ISSUE = "issue", _("制发")

    class Verdict(models.TextChoices):
        CLEAR = "clear", _("通过")
        WARNING = "warning", _("提示")
        CONFLICT = "conflict", _("冲突")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("报告编号"), max_length=24, blank=True, default="")
    subject = models.CharField(_("对象"), max_length=8, choices=Subject)
    stage = models.CharField(_("环节"), max_length=8, choices=Stage)
    certificate = models.ForeignKey(
        "parcels.TitleCertificate", on_delete=models.PROTECT, null=True, related_name="rule_runs"
    )
    area_version = models.ForeignKey(
        ProjectAreaVersion, on_delete=models.PROTECT, null=True, related_name="rule_runs"
    )
    period = DateRangeField(_("监测期"), null=True)
    # What was looked at: reference and SHA-256 of each exact shape (EWKB).
    candidates = models.JSONField(default=list)
    policy_values = models.JSONField(_("政策参数"), default=dict)
    rules_sha256 = models.CharField(max_length=64)
    verdict = models.CharField(_("结论"), max_length=8, choices=Verdict)
    finding_count = models.IntegerField(_("检查发现数"))
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(_("检查时间"), db_default=PortalNow(), editable=False)
    content_sha256 = models.BinaryField(max_length=32, editable=False)

    class Meta:
        verbose_name = _("规则检查")
        verbose_name_plural = _("规则检查")
        constraints = [
            models.UniqueConstraint(
                name="one_uniqueness_report_of_a_number",
                fields=["number"],
                condition=~Q(number=""),
            ),
            models.CheckConstraint(
                name="rule_run_has_one_subject",
                condition=Q(subject="title", certificate__isnull=False, area_version__isnull=True)
                | Q(subject="project", certificate__isnull=True, area_version__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.number or str(self.key)


class Finding(models.Model):
    """检查发现: one thing that a spatial rule found, with its shape and the other side."""

    class Severity(models.TextChoices):
        INFO = "info", _("说明")
        WARNING = "warning", _("提示")
        CONFLICT = "conflict", _("冲突")

    class OtherKind(models.TextChoices):
        NONE = "", _("无")
        PARCEL = "parcel", _("宗地")
        CERTIFICATE = "certificate", _("权属证书")
        CLAIM = "claim", _("占用")
        EXCLUSION = "exclusion", _("排除范围")

    run = models.ForeignKey(RuleRun, on_delete=models.PROTECT, related_name="findings")
    candidate = models.CharField(_("检查对象"), max_length=120)
    rule = models.CharField(_("规则"), max_length=40)
    level = models.CharField(max_length=40)
    severity = models.CharField(_("程度"), max_length=8, choices=Severity)
    shape = models.GeometryField(srid=STORAGE_SRID, null=True, spatial_index=False)
    area_m2 = models.FloatField(_("面积"), null=True)
    mean_width_m = models.FloatField(_("平均宽度"), null=True)
    other_kind = models.CharField(max_length=12, choices=OtherKind, blank=True, default="")
    other_key = models.UUIDField(null=True)
    other_number = models.CharField(_("对方编号"), max_length=120, blank=True, default="")
    facts = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("检查发现")
        verbose_name_plural = _("检查发现")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.rule} {self.severity} {self.other_number}"
