"""A register taken over as it stands: one decision, and the conflicts that it left open."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class Takeover(models.Model):
    """接管: an existing register's titles verified under one decision (guarantee 2).

    Written once, with its file, its document and both signatures. Titles that conflict with others
    were left registered: ``conflicts``.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    record = models.OneToOneField(
        "parcels.ImportRecord", on_delete=models.PROTECT, related_name="takeover"
    )
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
