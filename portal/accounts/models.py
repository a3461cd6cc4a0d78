"""Who acts (User, RoleGrant, SignedInSession) and for whom (Party, Mandate, IdentityCheck)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from portal.accounts.identity import masked, masked_name
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
    date_joined = models.DateTimeField(_("注册时间"), db_default=PortalNow(), editable=False)
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    objects: ClassVar[UserManager[User]] = UserManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("用户")
        verbose_name_plural = _("用户")
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="one_user_per_name",
                violation_error_message=_("这个用户名已被使用，请换一个。"),
            )
        ]

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
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="roles_granted"
    )
    revoked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="roles_revoked"
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
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
            ),
            models.CheckConstraint(
                name="nobody_grants_a_role_to_themselves",
                condition=Q(granted_by__isnull=True) | ~Q(granted_by=F("user")),
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
    made_at = models.DateTimeField(_("登记时间"), db_default=PortalNow(), editable=False)
    # The number itself, sealed and bound to ``key``; what finds it again; what people may see.
    # Database defaults, because parcels takes name-only holders in by SQL of its own.
    identity_key_id = models.CharField(max_length=8, db_default="", editable=False)
    identity_sealed = models.BinaryField(null=True, editable=False)
    identity_digest = models.BinaryField(max_length=32, null=True, editable=False)
    identity_prefix = models.CharField(max_length=6, db_default="", editable=False)
    identity_last4 = models.CharField(max_length=4, db_default="", editable=False)
    checked_at = models.DateTimeField(_("核验时间"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("权利主体")
        verbose_name_plural = _("权利主体")
        indexes = [models.Index(fields=["name"], name="party_by_name")]
        constraints = [
            models.CheckConstraint(name="party_has_a_name", condition=~Q(name="")),
            models.UniqueConstraint(
                name="one_party_per_identity_number",
                fields=["identity_digest"],
                condition=Q(identity_digest__isnull=False),
            ),
            models.CheckConstraint(
                name="identity_is_whole_or_absent",
                condition=Q(
                    identity_sealed__isnull=True,
                    identity_digest__isnull=True,
                    identity_key_id="",
                    identity_prefix="",
                    identity_last4="",
                )
                | (
                    Q(identity_sealed__isnull=False, identity_digest__isnull=False)
                    & ~Q(identity_key_id="")
                    & ~Q(identity_prefix="")
                    & ~Q(identity_last4="")
                ),
            ),
            models.CheckConstraint(
                name="checked_party_has_an_identity",
                condition=Q(checked_at__isnull=True) | Q(identity_digest__isnull=False),
            ),
            models.CheckConstraint(
                name="name_only_party_has_no_identity",
                condition=~Q(kind="name_only") | Q(identity_digest__isnull=True),
            ),
        ]

    @property
    def public_name(self) -> str:
        """As everyone may see it: 张* for natural persons, and for a bare name that may be one's."""
        if self.kind in (self.Kind.PERSON, self.Kind.NAME_ONLY):
            return masked_name(self.name)
        return self.name

    def __str__(self) -> str:
        return self.name

    @property
    def identity_masked(self) -> str:
        """``654002********1234``, or empty where no number is known."""
        return masked(self.identity_prefix, self.identity_last4)


class PartyMember(models.Model):
    """A member of a collective with its share; the open rows of a collective are its list.

    Shares are numerators over the list's common denominator and sum to it (a deferred trigger).
    """

    collective = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="memberships")
    member = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="member_of")
    share_numerator = models.IntegerField(_("份额"))
    share_denominator = models.IntegerField(_("份额分母"))
    valid_from = models.DateTimeField(_("自"), db_default=PortalNow(), editable=False)
    ended_at = models.DateTimeField(_("至"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("集体成员")
        verbose_name_plural = _("集体成员")
        constraints = [
            models.UniqueConstraint(
                name="one_standing_membership",
                fields=["collective", "member"],
                condition=Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(
                name="member_is_not_the_collective_itself",
                condition=~Q(collective=F("member")),
            ),
            models.CheckConstraint(
                name="member_share_is_a_fraction",
                condition=Q(share_numerator__gt=0) & Q(share_numerator__lte=F("share_denominator")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.share_numerator}/{self.share_denominator}"


class PartyNumber(models.Model):
    """证件号码: one that a party is to have, has or had, from its first change on (article 10).

    The party's own columns say the present one, and it stays the same party. Sealed as there; erased
    where it was never registered.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="numbers")
    identity_key_id = models.CharField(max_length=8, editable=False)
    identity_sealed = models.BinaryField(null=True, editable=False)
    identity_digest = models.BinaryField(max_length=32, null=True, editable=False)
    identity_prefix = models.CharField(max_length=6, editable=False)
    identity_last4 = models.CharField(max_length=4, editable=False)
    doubtful = models.BooleanField(_("号码存疑"), default=False)
    made_at = models.DateTimeField(_("提交时间"), db_default=PortalNow(), editable=False)
    valid_from = models.DateTimeField(_("自"), null=True, editable=False)
    ended_at = models.DateTimeField(_("至"), null=True, editable=False)

    class Meta:
        verbose_name = _("证件号码")
        verbose_name_plural = _("证件号码")
        constraints = [
            models.UniqueConstraint(
                name="one_present_number_per_party",
                fields=["party"],
                condition=Q(valid_from__isnull=False, ended_at__isnull=True),
            ),
            models.CheckConstraint(
                name="number_ends_after_it_begins",
                condition=Q(ended_at__isnull=True)
                | Q(valid_from__isnull=False, ended_at__gte=F("valid_from")),
            ),
            models.CheckConstraint(
                name="number_is_whole_or_erased",
                condition=Q(identity_sealed__isnull=False, identity_digest__isnull=False)
                | Q(
                    valid_from__isnull=True,
                    identity_key_id="",
                    identity_sealed__isnull=True,
                    identity_digest__isnull=True,
                    identity_prefix="",
                    identity_last4="",
                ),
            ),
        ]

    @property
    def masked(self) -> str:
        """``654002********1234``."""
        return masked(self.identity_prefix, self.identity_last4)

    def __str__(self) -> str:
        return self.masked


class IdentityCheck(models.Model):
    """A clerk's decision whether a party is who its applicant says; decided once."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待核验")
        ACCEPTED = "accepted", _("已通过")
        REFUSED = "refused", _("未通过")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="identity_checks")
    applicant = models.ForeignKey(User, on_delete=models.PROTECT, related_name="identity_checks")
    number_doubtful = models.BooleanField(_("号码存疑"), default=False)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField(_("提交时间"), db_default=PortalNow(), editable=False)
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="identities_decided"
    )
    reason = models.TextField(_("理由"), blank=True, default="")

    class Meta:
        verbose_name = _("身份核验")
        verbose_name_plural = _("身份核验")
        indexes = [
            models.Index(
                fields=["asked_at"], name="identity_checks_waiting", condition=Q(state="waiting")
            )
        ]
        constraints = [
            models.UniqueConstraint(
                name="one_waiting_check_per_party",
                fields=["party"],
                condition=Q(state="waiting"),
            ),
            models.CheckConstraint(
                name="nobody_decides_on_an_own_identity",
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("applicant")),
            ),
            models.CheckConstraint(
                name="identity_check_is_decided_by_somebody",
                condition=Q(state="waiting", decided_at__isnull=True, decided_by__isnull=True)
                | (~Q(state="waiting") & Q(decided_at__isnull=False) & Q(decided_by__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party}: {self.state}"


class IdentityDocument(models.Model):
    """A scan that somebody brought. The row stands for ever; the file is erased when it may be.

    ``stored_path`` is relative to MEDIA_ROOT and holds no name; served through a gate only.
    """

    class Kind(models.TextChoices):
        IDENTITY = "identity", _("身份证件")
        MANDATE = "mandate", _("授权委托书")
        EVIDENCE = "evidence", _("关联依据")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="documents")
    # "check" is Django's own name for a model's system checks.
    identity_check = models.ForeignKey(
        IdentityCheck, on_delete=models.PROTECT, null=True, related_name="documents"
    )
    kind = models.CharField(_("类型"), max_length=10, choices=Kind)
    sha256 = models.BinaryField(max_length=32)
    size_bytes = models.IntegerField()
    media_type = models.CharField(max_length=40)
    stored_path = models.CharField(max_length=120, unique=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="documents_added")
    added_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("证件材料")
        verbose_name_plural = _("证件材料")

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Mandate(models.Model):
    """委托: a user acts for a party, in a matter, from one day to another (both included)."""

    class Scope(models.TextChoices):
        ALL = "all", _("全部事项（含再委托）")
        APPLY = "apply", _("申报与补正")
        DISPOSE = "dispose", _("转让、质押、抵消等处分")
        VIEW = "view", _("查看")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="mandates")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="mandates")
    scope = models.CharField(_("事项"), max_length=10, choices=Scope)
    valid_from = models.DateField(_("起"))
    valid_to = models.DateField(_("止"), null=True, blank=True)
    # What a representative may dispose of; empty means without limit.
    quantity_kg_max = models.BigIntegerField(_("处分上限（千克）"), null=True, blank=True)
    price_fen_per_tonne_min = models.BigIntegerField(_("最低价（分/吨）"), null=True, blank=True)
    document = models.ForeignKey(
        IdentityDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="mandates"
    )
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="mandates_given")
    given_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    ended_at = models.DateTimeField(_("终止时间"), null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="mandates_ended"
    )

    class Meta:
        verbose_name = _("委托")
        verbose_name_plural = _("委托")
        indexes = [
            models.Index(
                fields=["user", "party"], name="mandates_open", condition=Q(ended_at__isnull=True)
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="mandate_ends_after_it_begins",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
            ),
            models.CheckConstraint(
                name="mandate_limits_are_positive",
                condition=(Q(quantity_kg_max__isnull=True) | Q(quantity_kg_max__gt=0))
                & (Q(price_fen_per_tonne_min__isnull=True) | Q(price_fen_per_tonne_min__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} → {self.party} ({self.scope})"


class PartyLink(models.Model):
    """A holder known by name only is this checked party, says a clerk on evidence.

    Equal names link nobody; neither row is changed, so a wrong link is ended and leaves no trace
    in the titles.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name_only = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="links")
    checked = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="linked_names")
    evidence = models.TextField(_("依据"))
    document = models.ForeignKey(
        IdentityDocument, on_delete=models.PROTECT, null=True, blank=True, related_name="links"
    )
    linked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="parties_linked")
    linked_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="parties_unlinked"
    )

    class Meta:
        verbose_name = _("主体关联")
        verbose_name_plural = _("主体关联")
        constraints = [
            models.UniqueConstraint(
                name="one_standing_link_per_name",
                fields=["name_only"],
                condition=Q(ended_at__isnull=True),
            ),
            models.CheckConstraint(name="link_has_evidence", condition=~Q(evidence="")),
        ]

    def __str__(self) -> str:
        return f"{self.name_only} = {self.checked}"


class Unmasking(models.Model):
    """Somebody saw a full identity number, and why. The journal holds the reason's hash."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="unmaskings")
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="unmaskings")
    reason = models.TextField(_("理由"))
    seen_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("查看完整号码")
        verbose_name_plural = _("查看完整号码")
        constraints = [
            models.CheckConstraint(name="unmasking_has_a_reason", condition=~Q(reason=""))
        ]

    def __str__(self) -> str:
        return f"{self.actor} → {self.party}"


class SignedInSession(models.Model):
    """A browser in which a user is signed in; revoking ends it at its next request."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="signed_in_sessions")
    # SHA-256 of the session's key: who reads this table cannot take a session over.
    session_key_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    agent = models.CharField(_("浏览器"), max_length=200, blank=True, default="")
    ip = models.GenericIPAddressField(_("网络地址"), null=True, blank=True)
    signed_in_at = models.DateTimeField(_("登录时间"), db_default=PortalNow(), editable=False)
    seen_at = models.DateTimeField(_("最近使用"), db_default=PortalNow())
    revoked_at = models.DateTimeField(_("结束时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("登录会话")
        verbose_name_plural = _("登录会话")
        indexes = [models.Index(fields=["user", "-seen_at"], name="sessions_of_a_user")]

    def __str__(self) -> str:
        return f"{self.user} {self.agent}"


class RequestCount(models.Model):
    """REST requests of a user's browsers within one minute: what the throttle counts.

    Tokens are counted in their own rows.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    minute = models.DateTimeField()
    requests = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.user} {self.requests}"


class ApiToken(models.Model):
    """令牌: a program acts for its user, within scopes, until a day. Its secret is shown once.

    What was made stands: only its use is noted, and its end; a trigger keeps that.
    """

    class Scope(models.TextChoices):
        TITLES = "titles:read", _("查看我的权属")
        TICKETS = "tickets:read", _("查看我的碳票")
        OFFSETS = "offsets:ask", _("申请抵消")
        INBOX = "inbox", _("读取站内消息并标为已读")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(_("名称"), max_length=60)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope), verbose_name=_("权限"))
    # SHA-256 of 256 random bits: who reads this table cannot use a token.
    secret_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    begins_with = models.CharField(_("开头"), max_length=12, editable=False)
    made_at = models.DateTimeField(_("创建时间"), db_default=PortalNow(), editable=False)
    expires_at = models.DateTimeField(_("到期时间"))
    revoked_at = models.DateTimeField(_("撤销时间"), null=True, blank=True)
    used_at = models.DateTimeField(_("最近使用"), null=True, blank=True)
    # Requests within the minute of ``used_at``: what the throttle counts, for every worker alike.
    used_in_minute = models.IntegerField(default=0)

    class Meta:
        verbose_name = _("令牌")
        verbose_name_plural = _("令牌")
        indexes = [models.Index(fields=["user", "-made_at"], name="tokens_of_a_user")]
        constraints = [
            models.UniqueConstraint(
                name="one_standing_token_of_a_name",
                fields=["user", "name"],
                condition=Q(revoked_at__isnull=True),
            ),
            models.CheckConstraint(name="token_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="token_has_known_scopes",
                condition=Q(
                    scopes__len__gt=0,
                    scopes__contained_by=["titles:read", "tickets:read", "offsets:ask", "inbox"],
                ),
            ),
            models.CheckConstraint(
                name="token_lasts_at_most_a_year",
                condition=Q(expires_at__gt=F("made_at"))
                & Q(expires_at__lte=F("made_at") + timedelta(days=366)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.name}"


class Attempt(models.Model):
    """A try that is counted against its source (a keyed hash of an address); kept a day."""

    class Kind(models.TextChoices):
        SIGN_UP = "sign_up", _("注册")
        PASSWORD_RESET = "password_reset", _("重设密码")
        LAND_QUESTION = "land_question", _("查询“这里有什么”")
        OBJECTION = "objection", _("提出异议")
        SCAN = "scan", _("扫码查验")
        COMPLAINT = "complaint", _("举报")
        RETAIL = "retail", _("零售订购")
        CO_OWNER = "co_owner", _("查找共有人")

    kind = models.CharField(max_length=20, choices=Kind)
    source = models.BinaryField(max_length=32)
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["kind", "source", "made_at"], name="attempts_of_a_source")]

    def __str__(self) -> str:
        return f"{self.kind} {self.made_at}"
