"""Cases and their steps, verdicts, the working-day calendar, documents, comments and notices.

A case knows its subject by kind and key only; what the kinds are is said in ``subjects``.
"""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Department, Role
from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID
from portal.casework.moves import StepStatus, VerdictKind


class Regulation(models.Model):
    """A version of the regulation and the days on which it is in force (article 25)."""

    version = models.CharField(_("版本"), max_length=40, unique=True)
    title = models.CharField(_("名称"), max_length=200)
    announced_on = models.DateField(_("公布日期"))
    valid_from = models.DateField(_("施行日期"))
    valid_to = models.DateField(_("有效期至"))
    # The first version comes with days of its own: the announcement's are not known here.
    days_confirmed = models.BooleanField(
        _("日期已核定"),
        default=False,
        help_text=_(
            "按正式公布的文件核对三个日期后勾选；自公布之日起 30 日后施行，有效期 2 年（第二十五条）。"
        ),
    )

    class Meta:
        verbose_name = _("办法版本")
        verbose_name_plural = _("办法版本")
        ordering = ["valid_from"]
        constraints = [
            models.CheckConstraint(
                name="regulation_ends_after_it_begins",
                condition=Q(valid_to__gte=F("valid_from"), valid_from__gte=F("announced_on")),
                violation_error_message=_("有效期止日不得早于施行日期，施行日期不得早于公布日期。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


class CalendarYear(models.Model):
    """A year whose official table of working days is known; others make deadlines provisional."""

    year = models.SmallIntegerField(_("年度"), primary_key=True)
    source = models.CharField(_("依据"), max_length=200)

    class Meta:
        verbose_name = _("工作日历（年度）")
        verbose_name_plural = _("工作日历（年度）")
        ordering = ["-year"]

    def __str__(self) -> str:
        return str(self.year)


class WorkingDay(models.Model):
    """A day that differs from the plain week: a holiday, or a weekend that is worked."""

    day = models.DateField(_("日期"), primary_key=True)
    calendar = models.ForeignKey(
        CalendarYear, on_delete=models.CASCADE, related_name="days", verbose_name=_("年度")
    )
    works = models.BooleanField(_("上班"))
    name = models.CharField(_("名称"), max_length=40)

    class Meta:
        verbose_name = _("工作日历（调整日）")
        verbose_name_plural = _("工作日历（调整日）")
        ordering = ["day"]
        constraints = [
            models.CheckConstraint(
                name="calendar_day_lies_in_its_year",
                condition=Q(day__year=F("calendar")),
                violation_error_message=_("日期不在所属年度内。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class ReviewCase(models.Model):
    """案件: one matter on its way through the departments. Its state follows from its verdicts."""

    class State(models.TextChoices):
        OPEN = "open", _("办理中")
        STOPPED = "stopped", _("补正中")
        APPROVED = "approved", _("已办结")
        REJECTED = "rejected", _("不予通过")
        WITHDRAWN = "withdrawn", _("已撤回")
        DISQUALIFIED = "disqualified", _("已取消资格")
        ENDED = "ended", _("已依职权终止")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    number = models.CharField(_("案号"), max_length=24, unique=True)
    kind = models.CharField(_("案件种类"), max_length=40)
    title = models.CharField(_("事项"), max_length=200)
    subject_kind = models.CharField(max_length=40)
    subject_key = models.UUIDField()
    regulation = models.ForeignKey(Regulation, on_delete=models.PROTECT)
    state = models.CharField(
        _("状态"), max_length=12, choices=State, default=State.OPEN, editable=False
    )
    received_on = models.DateField(_("收件日期"))
    due_on = models.DateField(_("期限"), null=True, blank=True)
    due_provisional = models.BooleanField(_("期限暂定"), default=False)
    opened_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, related_name="cases_opened"
    )
    opened_at = models.DateTimeField(_("立案时间"), db_default=PortalNow(), editable=False)
    closed_at = models.DateTimeField(_("办结时间"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("案件")
        verbose_name_plural = _("案件")
        indexes = [
            models.Index(fields=["subject_kind", "subject_key"], name="case_by_subject"),
            models.Index(
                fields=["due_on"], name="cases_under_way", condition=Q(closed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.number


class CaseParty(models.Model):
    """Whose matter it is. Who acts for one of them decides nothing in the case."""

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="parties")
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    # The applicant, whose representatives answer and withdraw; the others are co-owners.
    applies = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_place_of_a_party_in_a_case", fields=["case", "party"])
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.party_id}"


class ReviewStep(models.Model):
    """环节: what one office does in a case. Steps of one ``order`` run side by side.

    ``status`` and who prepared and decided are written by the database alone, from the verdicts.
    ``pair`` steps are prepared by one person and decided by the department's approver.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(_("环节"), max_length=40)
    title = models.CharField(_("名称"), max_length=100)
    article = models.CharField(_("依据"), max_length=60, blank=True, default="")
    order = models.SmallIntegerField(_("次序"))
    department = models.CharField(_("部门"), max_length=20, choices=Department, blank=True)
    role = models.CharField(_("经办角色"), max_length=20, choices=Role, default=Role.CLERK)
    pair = models.BooleanField(_("须经审批"), default=True)
    # Receipt of complete materials is judged here: a return restarts the clock.
    intake = models.BooleanField(default=False)
    # Decides by a second factor of its own, asked before the act.
    second_factor = models.BooleanField(default=False)
    opinions_needed = models.SmallIntegerField(_("须有意见数"), default=0)
    days = models.SmallIntegerField(_("工作日"))
    days_from_receipt = models.BooleanField(default=True)
    status = models.CharField(
        _("状态"), max_length=10, choices=StepStatus, default=StepStatus.WAITING, editable=False
    )
    revision = models.IntegerField(default=0, editable=False)
    # Counts how often the step began: opinions of an earlier round do not count.
    round = models.SmallIntegerField(default=0, editable=False)
    opened_at = models.DateTimeField(_("开始时间"), null=True, blank=True, editable=False)
    due_on = models.DateField(_("期限"), null=True, blank=True)
    due_provisional = models.BooleanField(_("期限暂定"), default=False)
    # The deadline of whose passing the approver was told.
    overdue_told_of = models.DateField(null=True, editable=False)
    prepared_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    prepared_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    assigned_to = models.ForeignKey(
        "accounts.User",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="steps_assigned",
        verbose_name=_("指派给"),
    )
    # Given to a qualified third party (article 8), who must be a verifier then.
    entrusted = models.BooleanField(_("委托第三方"), default=False)

    class Meta:
        verbose_name = _("环节")
        verbose_name_plural = _("环节")
        ordering = ["case", "order", "pk"]
        indexes = [
            models.Index(
                fields=["department", "status"],
                name="steps_in_hand",
                condition=Q(status__in=["open", "prepared"]),
            )
        ]
        constraints = [
            models.UniqueConstraint(name="one_step_of_a_kind_in_a_case", fields=["case", "kind"]),
            models.CheckConstraint(
                name="entrusted_step_names_somebody",
                condition=Q(entrusted=False) | Q(assigned_to__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.kind}"


class Verdict(models.Model):
    """结论: what somebody said in a step, with reason and article. Append-only; moves the step."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    step = models.ForeignKey(ReviewStep, on_delete=models.PROTECT, related_name="verdicts")
    verdict = models.CharField(_("结论"), max_length=12, choices=VerdictKind)
    actor = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="verdicts")
    reason = models.TextField(_("理由"), blank=True, default="")
    article = models.CharField(_("依据"), max_length=60, blank=True, default="")
    facts = models.JSONField(default=dict)
    # The step's revision that the actor had before his eyes.
    seen = models.IntegerField()
    # With a resubmission: the order from which the steps are done again.
    rewind_to = models.SmallIntegerField(null=True)
    before = models.CharField(max_length=10, choices=StepStatus, editable=False)
    after = models.CharField(max_length=10, choices=StepStatus, editable=False)
    given_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("结论")
        verbose_name_plural = _("结论")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="weighty_verdict_has_a_reason",
                condition=~Q(verdict__in=["return", "reject", "send_back", "disqualify"])
                | ~Q(reason=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.step_id} {self.verdict}"


class ClockStop(models.Model):
    """The clock of article 8 stands still from a request for correction to its answer."""

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="stops")
    verdict = models.OneToOneField(Verdict, on_delete=models.PROTECT, related_name="stop")
    stopped_at = models.DateTimeField(_("停止"), db_default=PortalNow(), editable=False)
    resumed_at = models.DateTimeField(_("继续"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("期限中止")
        verbose_name_plural = _("期限中止")
        ordering = ["stopped_at"]

    def __str__(self) -> str:
        return f"{self.case_id} {self.stopped_at}"


class Recusal(models.Model):
    """回避: somebody who takes no part in a case, or in one of its steps."""

    class Because(models.TextChoices):
        APPLICANT = "applicant", _("申请人一方")
        WROTE_REPORT = "wrote_report", _("编制了监测核算报告")
        CONFLICT = "conflict", _("申报的利益冲突")

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="recusals")
    step = models.ForeignKey(ReviewStep, on_delete=models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    because = models.CharField(_("原因"), max_length=14, choices=Because)
    noted_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("回避")
        verbose_name_plural = _("回避")

    def __str__(self) -> str:
        return f"{self.case_id} {self.user_id}"


class Expert(models.Model):
    """The register of experts: qualification, term, declared conflicts."""

    user = models.OneToOneField(
        "accounts.User", on_delete=models.PROTECT, related_name="expert", verbose_name=_("用户")
    )
    speciality = models.CharField(_("专业"), max_length=100)
    qualification = models.CharField(_("职称或资格"), max_length=200)
    valid_from = models.DateField(_("聘期起"))
    valid_to = models.DateField(_("聘期止"))

    class Meta:
        verbose_name = _("评审专家")
        verbose_name_plural = _("评审专家库")
        constraints = [
            models.CheckConstraint(
                name="expert_term_ends_after_it_begins", condition=Q(valid_to__gte=F("valid_from"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.speciality}"


class ExpertConflict(models.Model):
    """A party in whose matters the expert gives no opinion, as declared."""

    expert = models.ForeignKey(Expert, on_delete=models.PROTECT, related_name="conflicts")
    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="+", verbose_name=_("权利主体")
    )
    declared = models.CharField(_("说明"), max_length=200)
    declared_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("利益冲突申报")
        verbose_name_plural = _("利益冲突申报")
        constraints = [
            models.UniqueConstraint(
                name="one_declaration_per_expert_and_party", fields=["expert", "party"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.expert_id} {self.party_id}"


class Opinion(models.Model):
    """An expert's own opinion in a step: asked for, then given once."""

    class Advice(models.TextChoices):
        PASS = "pass", _("同意")
        FAIL = "fail", _("不同意")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    step = models.ForeignKey(ReviewStep, on_delete=models.PROTECT, related_name="opinions")
    expert = models.ForeignKey(Expert, on_delete=models.PROTECT, related_name="opinions")
    round = models.SmallIntegerField(default=0, editable=False)
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    advice = models.CharField(_("意见"), max_length=4, choices=Advice, blank=True, default="")
    text = models.TextField(_("说明"), blank=True, default="")
    given_at = models.DateTimeField(_("时间"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("专家意见")
        verbose_name_plural = _("专家意见")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_opinion_per_expert_and_round", fields=["step", "expert", "round"]
            ),
            models.CheckConstraint(
                name="opinion_is_whole_or_absent",
                condition=Q(advice="", text="", given_at__isnull=True)
                | (Q(advice__in=["pass", "fail"], given_at__isnull=False) & ~Q(text="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_id} {self.expert_id}"


class Document(models.Model):
    """A file of a subject: typed, versioned, stored under its hash, read through a gate only."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject_kind = models.CharField(max_length=40)
    subject_key = models.UUIDField()
    kind = models.CharField(_("类型"), max_length=40)
    version = models.IntegerField(_("版本"))
    file_name = models.CharField(_("文件名"), max_length=200)
    media_type = models.CharField(_("格式"), max_length=80)
    size_bytes = models.BigIntegerField(_("大小"))
    sha256 = models.CharField("SHA-256", max_length=64)
    # None: sent in by somebody without an account, or who is not to be named.
    added_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    added_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("文件")
        verbose_name_plural = _("文件")
        indexes = [models.Index(fields=["sha256"], name="document_by_hash")]
        constraints = [
            models.UniqueConstraint(
                name="one_document_of_a_kind_and_version",
                fields=["subject_kind", "subject_key", "kind", "version"],
            ),
            models.CheckConstraint(name="document_is_not_empty", condition=Q(size_bytes__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} v{self.version}"


class Comment(models.Model):
    """A remark in a case, pinned to a place where it concerns one."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("内容"))
    place = models.PointField(_("位置"), srid=STORAGE_SRID, null=True, spatial_index=False)
    internal = models.BooleanField(_("仅内部可见"), default=True)
    attachments = models.ManyToManyField(Document, related_name="+")
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("意见")
        verbose_name_plural = _("意见")
        ordering = ["pk"]
        constraints = [models.CheckConstraint(name="comment_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return f"{self.case_id} {self.made_at}"


class Notice(models.Model):
    """公示、公告: what everyone may read from one day to another, both included."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("种类"), max_length=40)
    title = models.CharField(_("标题"), max_length=200)
    text = models.TextField(_("内容"))
    opens_on = models.DateField(_("起"))
    closes_on = models.DateField(_("止"))
    subject_kind = models.CharField(max_length=40)
    subject_key = models.UUIDField()
    # Generalised already: a notice is public.
    shape = models.MultiPolygonField(srid=STORAGE_SRID, null=True, spatial_index=False)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    withdrawn_at = models.DateTimeField(_("撤下时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("公示公告")
        verbose_name_plural = _("公示公告")
        ordering = ["-opens_on", "-pk"]
        indexes = [models.Index(fields=["subject_kind", "subject_key"], name="notice_by_subject")]
        constraints = [
            models.CheckConstraint(
                name="notice_ends_after_it_begins", condition=Q(closes_on__gte=F("opens_on"))
            )
        ]

    def __str__(self) -> str:
        return self.title


class NoticeObjection(models.Model):
    """异议: what anyone says against a notice while it is open; answered once, by an officer.

    One that was upheld stands in the way until an officer says, with a reason, what cured it.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(_("查询码"), max_length=26, unique=True)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="objections")
    name = models.CharField(_("姓名或名称"), max_length=100)
    contact = models.CharField(_("联系方式"), max_length=200)
    text = models.TextField(_("理由"))
    shape = models.GeometryField(
        _("争议地块"), srid=STORAGE_SRID, null=True, blank=True, spatial_index=False
    )
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)
    upheld = models.BooleanField(_("成立"), null=True)
    answer = models.TextField(_("答复"), blank=True, default="")
    answered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(_("答复时间"), null=True, blank=True)
    cure = models.TextField(_("已消除的理由"), blank=True, default="")
    cured_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    cured_at = models.DateTimeField(_("消除时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("异议")
        verbose_name_plural = _("异议")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="objection_is_answered_by_somebody",
                condition=Q(
                    upheld__isnull=True,
                    answer="",
                    answered_by__isnull=True,
                    answered_at__isnull=True,
                )
                | (
                    Q(
                        upheld__isnull=False,
                        answered_by__isnull=False,
                        answered_at__isnull=False,
                    )
                    & ~Q(answer="")
                ),
            ),
            models.CheckConstraint(
                name="upheld_objection_is_cured_by_somebody",
                condition=Q(cure="", cured_by__isnull=True, cured_at__isnull=True)
                | (Q(upheld=True, cured_by__isnull=False, cured_at__isnull=False) & ~Q(cure="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} {self.made_at}"


class Message(models.Model):
    """A note in a user's own inbox; a copy leaves by e-mail where an address is known."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, related_name="inbox_messages"
    )
    subject = models.CharField(_("标题"), max_length=200)
    body = models.TextField(_("内容"))
    link = models.CharField(max_length=300, blank=True, default="")
    made_at = models.DateTimeField(_("时间"), db_default=PortalNow(), editable=False)
    read_at = models.DateTimeField(_("阅读时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("站内消息")
        verbose_name_plural = _("站内消息")
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["user", "-made_at"],
                name="messages_unread",
                condition=Q(read_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.subject}"


class SigningKey(models.Model):
    """The public half of a key that signed something: anybody can check, after a rotation too."""

    key_id = models.CharField(_("密钥"), max_length=20, primary_key=True)
    algorithm = models.CharField(_("算法"), max_length=20)
    public_key = models.BinaryField()
    first_used_at = models.DateTimeField(_("启用时间"), db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("签名公钥")
        verbose_name_plural = _("签名公钥")

    def __str__(self) -> str:
        return f"{self.key_id} {self.algorithm}"
