"""What the bureau imports to watch issued forests by, and the policy news it publishes."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID


class WatchedShape(models.Model):
    """A fire point or a changed piece of land, as it was imported. Append-only."""

    class Kind(models.TextChoices):
        FIRE = "fire", _("火点")
        LAND_USE = "land_use", _("土地用途变化")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("类型"), max_length=8, choices=Kind)
    geom = models.GeometryField(srid=STORAGE_SRID, spatial_index=False)
    seen_on = models.DateField(_("日期"))
    source = models.CharField(_("来源"), max_length=200)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("导入时间"), db_default=PortalNow(), editable=False)
    # Written by the database, of kind, day, source and geometry: an identical shape is kept once.
    digest = models.CharField(max_length=64, null=True, editable=False)

    class Meta:
        verbose_name = _("监测图形")
        verbose_name_plural = _("监测图形")
        indexes = [GistIndex(fields=["geom"], name="watched_shape_geom")]
        constraints = [
            models.CheckConstraint(name="watched_shape_is_valid", condition=Q(geom__isvalid=True)),
            models.UniqueConstraint(name="shape_is_watched_once", fields=["digest"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.seen_on}"


class PolicyNews(models.Model):
    """政策动态 (article 23): what the state or the region changed, told by the forestry bureau."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    title = models.CharField(_("标题"), max_length=200)
    text = models.TextField(_("内容"))
    source = models.CharField(_("发文机关和文号"), max_length=200)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("发布时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("政策动态")
        verbose_name_plural = _("政策动态")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="news_says_something", condition=~Q(title="") & ~Q(text="") & ~Q(source="")
            )
        ]

    def __str__(self) -> str:
        return self.title
