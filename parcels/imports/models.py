"""Files taken in, what came of them, and registers taken over as they stand."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class ImportRecord(models.Model):
    """One file taken in: the original with its hash, what was chosen, and what came of it."""

    class Purpose(models.TextChoices):
        REGISTERED = "registered", _("登记")
        STOCK = "stock", _("接管既有登记")

    class State(models.TextChoices):
        DRAFT = "draft", _("待确认")
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("正在导入")
        DONE = "done", _("已完成")
        CANCELLED = "cancelled", _("已取消")
        FAILED = "failed", _("未能导入")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(_("用途"), max_length=12, choices=Purpose)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    file_name = models.CharField(_("文件名"), max_length=255)
    file_sha256 = models.CharField(_("SHA-256"), max_length=64)
    file_bytes = models.BigIntegerField(_("大小"))
    stored_path = models.CharField(max_length=300, blank=True, default="")
    choices = models.JSONField(_("读取选项"), default=dict)
    mapping = models.JSONField(_("字段对应"), default=dict)
    survey_year = models.SmallIntegerField(_("调查年度"), null=True, blank=True)
    right_kinds = models.JSONField(_("权利种类"), default=list)
    read = models.IntegerField(_("读取"), default=0)
    imported = models.IntegerField(_("新增"), default=0)
    changed = models.IntegerField(_("变更"), default=0)
    unchanged = models.IntegerField(_("未变"), default=0)
    rejected = models.IntegerField(_("拒绝"), default=0)
    warnings = models.IntegerField(_("提示"), default=0)
    total = models.IntegerField(_("总数"), null=True, blank=True)
    cancel_wanted = models.BooleanField(default=False)
    failure_code = models.CharField(max_length=80, blank=True, default="")
    failure_message = models.TextField(blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True)
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("导入记录")
        verbose_name_plural = _("导入记录")
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.file_name} {self.state}"


class ImportProblem(models.Model):
    """One feature that was rejected, or taken with a warning: row, place and reason."""

    class Severity(models.TextChoices):
        REJECTED = "rejected", _("拒绝")
        WARNING = "warning", _("提示")

    record = models.ForeignKey(ImportRecord, on_delete=models.CASCADE, related_name="problems")
    severity = models.CharField(max_length=10, choices=Severity)
    row = models.IntegerField(_("行"))
    feature_id = models.CharField(_("编号"), max_length=120, blank=True, default="")
    code = models.CharField(_("代码"), max_length=80)
    facts = models.JSONField(default=dict)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)

    class Meta:
        ordering = ["row", "id"]
        indexes = [models.Index(fields=["record", "row", "id"], name="import_problem_in_order")]

    def __str__(self) -> str:
        return f"{self.row}: {self.code}"


class Takeover(models.Model):
    """接管: an existing register's titles verified under one decision (guarantee 2).

    Written once, with its file, its document and both signatures. Titles that conflict with others
    were left registered: ``conflicts``.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    record = models.OneToOneField(ImportRecord, on_delete=models.PROTECT, related_name="takeover")
    decision_number = models.CharField(_("决定文号"), max_length=120)
    decided_on = models.DateField(_("决定日期"))
    document_name = models.CharField(_("依据文件"), max_length=255)
    document_path = models.CharField(max_length=300)
    document_sha256 = models.CharField(max_length=64)
    prepared_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    verified = models.IntegerField(_("通过的证书"))
    left_registered = models.IntegerField(_("因冲突保持登记的证书"))
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("登记接管")
        verbose_name_plural = _("登记接管")
        constraints = [
            models.CheckConstraint(
                name="takeover_is_signed_by_another", condition=~Q(prepared_by=F("approved_by"))
            ),
            models.CheckConstraint(
                name="takeover_has_a_decision",
                condition=~Q(decision_number="") & ~Q(document_sha256=""),
            ),
        ]

    def __str__(self) -> str:
        return self.decision_number


class TakeoverConflict(models.Model):
    """One reason why a certificate of a taken-over register stayed registered."""

    class Because(models.TextChoices):
        OVERLAP = "overlap", _("与另一权属重叠")
        CERTIFICATE_NUMBER = "certificate_number", _("证号重复")
        UNIT_NUMBER = "unit_number", _("不动产单元号重复")
        SAME_PARCEL = "same_parcel", _("同一宗地同种权利有两份证书")

    takeover = models.ForeignKey(Takeover, on_delete=models.PROTECT, related_name="conflicts")
    certificate = models.ForeignKey(
        "parcels.TitleCertificate", on_delete=models.PROTECT, related_name="takeover_conflicts"
    )
    parcel = models.ForeignKey("parcels.Parcel", on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(
        "parcels.TitleCertificate", on_delete=models.PROTECT, related_name="+"
    )
    because = models.CharField(_("原因"), max_length=20, choices=Because)
    area_m2 = models.FloatField(_("重叠面积"), null=True)
    shape = models.MultiPolygonField(srid=4490, null=True, spatial_index=False)

    class Meta:
        verbose_name = _("接管中的冲突")
        verbose_name_plural = _("接管中的冲突")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.because} {self.other_id}"
