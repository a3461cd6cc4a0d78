"""Who took which exact boundaries out, why, and with what proof."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class BoundaryExport(models.Model):
    """界线导出: one file of exact boundaries that left the register. Written once.

    Above the policy value ``export.exact_km2``, with what the person took on the same day, it is
    guarded (domain.md, "What the public may see"): a reason and a second factor. The database asks
    for both; ``area_m2`` null, of a file that was never measured, counts as above.
    """

    class What(models.TextChoices):
        TITLE = "title", _("一份权属证书")
        TOWNSHIP = "township", _("乡镇的宗地")
        SCREENING = "screening", _("批量筛查结果")
        ORIGINAL = "original", _("导入的原始文件")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    what = models.CharField(_("内容"), max_length=10, choices=What)
    subject = models.CharField(_("对象"), max_length=40)
    file_name = models.CharField(_("文件名"), max_length=255)
    file_sha256 = models.CharField(max_length=64)
    shapes = models.IntegerField(_("图形数"), null=True)
    area_m2 = models.FloatField(_("面积"), null=True)
    reason = models.CharField(_("理由"), max_length=500, blank=True, default="")
    by_code = models.BooleanField(_("已二次验证"), default=False)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("界线导出")
        verbose_name_plural = _("界线导出")
        ordering = ["-made_at", "-id"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def area_ha(self) -> float | None:
        """Hectares; None where nobody measured it."""
        return None if self.area_m2 is None else self.area_m2 / 10_000


class LandRead(models.Model):
    """An exact shape that a user read by program on a day; again on the same day it counts once."""

    user = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    day = models.DateField()
    shape = models.UUIDField()
    area_m2 = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="a_shape_counts_once_a_day", fields=["user", "day", "shape"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.shape}"
