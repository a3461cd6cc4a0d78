"""Who acts (User, RoleGrant) and for whom (Party, Mandate)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow


class Department(models.TextChoices):
    """The six departments of article 3."""

    FORESTRY = "forestry", _("林业主管部门")
    NATURAL_RESOURCES = "natural_resources", _("自然资源主管部门")
    ECOLOGY = "ecology", _("生态环境主管部门")
    DEVELOPMENT_REFORM = "development_reform", _("发改部门")
    FINANCE = "finance", _("金融管理部门")
    JUSTICE = "justice", _("司法部门")


class Role(models.TextChoices):
    """What a user may be, besides acting for parties by mandate."""

    CLERK = "clerk", _("经办")
    APPROVER = "approver", _("审批")
    TRADING_CLERK = "trading_clerk", _("交易中心经办")
    TRADING_APPROVER = "trading_approver", _("交易中心审批")
    VERIFIER = "verifier", _("第三方核算机构")
    EXPERT = "expert", _("评审专家")
    BANK = "bank", _("银行")
    INSURER = "insurer", _("保险机构")
    AUDITOR = "auditor", _("审计")
    ADMINISTRATOR = "administrator", _("系统管理员")


# The roles of people who serve the register; what they see is not what the public sees.
STAFF_ROLES = frozenset(
    {
        Role.CLERK,
        Role.APPROVER,
        Role.TRADING_CLERK,
        Role.TRADING_APPROVER,
        Role.AUDITOR,
        Role.ADMINISTRATOR,
    }
)


class User(AbstractUser):
    """A person who signs in. ``key`` is how journal and ledger know them, for ever."""

    key = models.UUIDField(_("标识"), default=uuid.uuid4, unique=True, editable=False)
    full_name = models.CharField(_("姓名"), max_length=100, blank=True, default="")
    phone = models.CharField(_("电话"), max_length=30, blank=True, default="")
    language = models.CharField(_("语言"), max_length=10, blank=True, default="")
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    objects: ClassVar[UserManager[User]] = UserManager()

    class Meta:
        verbose_name = _("用户")
        verbose_name_plural = _("用户")

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return self.get_full_name()


class RoleGrant(models.Model):
    """A role held from one moment to another; revoking closes it and is never undone."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="role_grants")
    role = models.CharField(_("角色"), max_length=20, choices=Role)
    department = models.CharField(
        _("部门"), max_length=20, choices=Department, blank=True, default=""
    )
    valid_from = models.DateTimeField(_("自"), db_default=PortalNow())
    valid_to = models.DateTimeField(_("至"), null=True, blank=True)
    granted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="roles_granted"
    )

    class Meta:
        verbose_name = _("角色授予")
        verbose_name_plural = _("角色授予")
        constraints = [
            models.UniqueConstraint(
                name="one_open_grant_of_a_role",
                fields=["user", "role", "department"],
                condition=Q(valid_to__isnull=True),
            ),
            models.CheckConstraint(
                name="clerks_and_approvers_belong_to_a_department",
                condition=~Q(role__in=["clerk", "approver"]) | ~Q(department=""),
            ),
            models.CheckConstraint(
                name="role_grant_ends_after_it_begins",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=models.F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.department}"


class Party(models.Model):
    """权利主体 (LADM LA_Party): who can hold rights. Imported holders are known by name only."""

    class Kind(models.TextChoices):
        PERSON = "person", _("自然人")
        LEGAL_BODY = "legal_body", _("法人")
        COLLECTIVE = "collective", _("集体")
        NAME_ONLY = "name_only", _("仅知名称")

    key = models.UUIDField(_("标识"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("类型"), max_length=12, choices=Kind)
    name = models.CharField(_("名称"), max_length=200)
    made_at = models.DateTimeField(db_default=PortalNow())

    class Meta:
        verbose_name = _("权利主体")
        verbose_name_plural = _("权利主体")
        indexes = [models.Index(fields=["name"], name="party_by_name")]
        constraints = [models.CheckConstraint(name="party_has_a_name", condition=~Q(name=""))]

    def __str__(self) -> str:
        return self.name
