"""逾期提醒: that a term has passed was told to those who answer for it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class OverdueTold(models.Model):
    """One term of a complaint, a visit or measures of which the approvers have been told. Append-only."""

    class Matter(models.TextChoices):
        COMPLAINT = "complaint", _("举报答复")
        VISIT = "visit", _("现场检查")
        MEASURES = "measures", _("整改")

    matter = models.CharField(_("事项"), max_length=9, choices=Matter)
    subject_key = models.UUIDField()
    due_on = models.DateField(_("期限"))
    told_at = models.DateTimeField(_("提醒时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("逾期提醒")
        verbose_name_plural = _("逾期提醒")
        constraints = [
            models.UniqueConstraint(
                name="overdue_is_told_once_for_a_term", fields=["matter", "subject_key", "due_on"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.matter} {self.due_on}"
