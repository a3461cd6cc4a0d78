"""One bulk screening: the file, how it is asked, how far it is, what it came to."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import DateRangeField
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class BulkScreening(models.Model):
    """批量筛查: a file of candidates against the register; its results are files beside it."""

    class Subject(models.TextChoices):
        TITLE = "title", _("作为权属")
        PROJECT = "project", _("作为项目范围")

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("正在筛查")
        DONE = "done", _("已完成")
        CANCELLED = "cancelled", _("已取消")
        FAILED = "failed", _("未能完成")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.QUEUED)
    subject = models.CharField(_("对象"), max_length=8, choices=Subject)
    period = DateRangeField(_("监测期"), null=True)
    id_field = models.CharField(_("编号字段"), max_length=120, blank=True, default="")
    file_name = models.CharField(_("文件名"), max_length=255)
    file_sha256 = models.CharField(max_length=64)
    stored_path = models.CharField(max_length=300)
    choices = models.JSONField(default=dict)
    reading = models.JSONField(default=dict)  # How the file was read; ``imports.reading``.
    language = models.CharField(max_length=10, default="zh-hans")  # Of whoever asked: the sheets'.
    total = models.IntegerField(_("总数"), null=True)
    done = models.IntegerField(_("已筛查"), default=0)
    counts = models.JSONField(_("结果"), default=dict)
    cancel_wanted = models.BooleanField(default=False)
    failure_code = models.CharField(max_length=80, blank=True, default="")
    failure_message = models.TextField(blank=True, default="")
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("批量筛查")
        verbose_name_plural = _("批量筛查")
        ordering = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"{self.file_name} {self.state}"
