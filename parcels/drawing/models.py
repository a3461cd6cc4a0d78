"""What is kept while an area is drawn, and which whole parcels a saved version was made of."""

from __future__ import annotations

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow

STORAGE_SRID = 4490


class DrawingDraft(models.Model):
    """One user's unsaved drawing of one area; ``area`` is null for one that is not opened yet.

    The shape may be invalid: nothing that was drawn is lost because it crosses itself. It is no
    act of the register, so the journal does not hold it. ``revision`` grows with every autosave;
    a tab that saw an older one is told.
    """

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="drawings")
    area = models.ForeignKey(
        "parcels.ProjectArea", on_delete=models.CASCADE, null=True, related_name="drafts"
    )
    revision = models.IntegerField(default=1)
    seen_number = models.IntegerField(_("所依据的版本"), default=0)
    name = models.CharField(_("名称"), max_length=200, blank=True, default="")
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, null=True)
    period = DateRangeField(_("监测期"), null=True)
    expected_kg_per_ha = models.IntegerField(_("预计每公顷减排量（千克）"), null=True)
    picked = ArrayField(models.UUIDField(), verbose_name=_("点选的宗地"), default=list)
    geom = models.MultiPolygonField(srid=STORAGE_SRID, spatial_index=False, null=True)
    saved_at = models.DateTimeField(_("自动保存时间"), db_default=PortalNow())

    class Meta:
        verbose_name = _("绘制草稿")
        verbose_name_plural = _("绘制草稿")
        constraints = [
            models.UniqueConstraint(
                name="one_draft_per_user_and_area",
                fields=["user", "area"],
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="expected_kg_per_ha_is_sensible",
                condition=Q(expected_kg_per_ha__isnull=True)
                | Q(expected_kg_per_ha__gte=0, expected_kg_per_ha__lte=10_000_000),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.area_id} r{self.revision}"


class PickedParcel(models.Model):
    """A parcel that was picked whole for a saved version of a project area, which holds all of it
    or what later cuts left (article 5).

    Whoever works out the shares of several owners reads these; written once with the version.
    """

    area_version = models.ForeignKey(
        "parcels.ProjectAreaVersion", on_delete=models.PROTECT, related_name="picked"
    )
    parcel = models.ForeignKey("parcels.Parcel", on_delete=models.PROTECT, related_name="picked_in")

    class Meta:
        verbose_name = _("点选的宗地")
        verbose_name_plural = _("点选的宗地")
        constraints = [
            models.UniqueConstraint(
                name="parcel_is_picked_once_a_version", fields=["area_version", "parcel"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.area_version_id} {self.parcel_id}"
