"""What the bench writes: reviews, the versions they are about, four sides, messages."""

from __future__ import annotations

import uuid

from django.contrib.gis.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.base.clock import PortalNow
from portal.base.models import STORAGE_SRID


class Outcome(models.TextChoices):
    """What a clerk proposes and an approver signs."""

    VERIFIED = "verified", _("审核通过")
    VERIFIED_WITH_DIFFERENCE = "verified_difference", _("面积差异说明后通过")
    REJECTED = "rejected", _("不予通过")
    CANCELLED = "cancelled", _("注销原证书")

    @property
    def upholds(self) -> bool:
        """Whether the reviewed certificate stands by it."""
        return self in (Outcome.VERIFIED, Outcome.VERIFIED_WITH_DIFFERENCE)


class Side(models.TextChoices):
    """四至, in the order in which they are read."""

    EAST = "east", _("东至")
    SOUTH = "south", _("南至")
    WEST = "west", _("西至")
    NORTH = "north", _("北至")


class TitleReview(models.Model):
    """权属审核: the natural-resources bureau's decision on one certificate's boundary.

    The case (clock, steps, verdicts) comes with the submission. ``proposal`` is the clerk's, with
    the run of the rules it was made on; the approver's signature makes it the decision. A review
    that ended stays as it is; a change is a newer certificate with a review of its own.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("待提交")
        PREPARING = "preparing", _("待审核")
        RETURNED = "returned", _("退回补正")
        APPROVING = "approving", _("待审批")
        VERIFIED = "verified", _("已通过")
        REJECTED = "rejected", _("不予通过")
        WITHDRAWN = "withdrawn", _("已撤回")

    class Because(models.TextChoices):
        REGISTRATION = "registration", _("首次登记")
        CHANGE = "change", _("变更")
        TAKEOVER = "takeover", _("接管中的冲突")
        OFFICE = "office", _("依职权变更")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    certificate = models.ForeignKey(
        "parcels.TitleCertificate", on_delete=models.PROTECT, related_name="reviews"
    )
    case = models.OneToOneField(
        "casework.ReviewCase", on_delete=models.PROTECT, null=True, related_name="+"
    )
    because = models.CharField(_("缘由"), max_length=12, choices=Because)
    request_reason = models.TextField(_("变更理由"), blank=True, default="")
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("登记时间"), db_default=PortalNow(), editable=False)
    state_changed_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    taken_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    asked = models.TextField(_("补正要求"), blank=True, default="")
    run = models.ForeignKey(
        "parcels.RuleRun", on_delete=models.PROTECT, null=True, related_name="+"
    )
    proposal = models.CharField(
        _("拟定结论"), max_length=20, choices=Outcome, blank=True, default=""
    )
    reason = models.TextField(_("理由"), blank=True, default="")
    article = models.CharField(_("依据条款"), max_length=60, blank=True, default="")
    prepared_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    prepared_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("决定时间"), null=True)

    OPEN = (State.DRAFT, State.PREPARING, State.RETURNED, State.APPROVING)
    WITH_OWNER = (State.DRAFT, State.RETURNED)
    # Opened by an officer: nobody applied, and perhaps nobody acts for a holder.
    BY_OFFICE = (Because.TAKEOVER, Because.OFFICE)
    # What goes on whether its owner acts or not.
    GOES_ON = Q(state__in=(State.PREPARING, State.APPROVING)) | Q(
        state__in=OPEN, because__in=BY_OFFICE
    )

    class Meta:
        verbose_name = _("权属审核")
        verbose_name_plural = _("权属审核")
        indexes = [models.Index(fields=["state", "state_changed_at"], name="title_review_by_state")]
        constraints = [
            models.UniqueConstraint(
                name="one_open_review_per_certificate",
                fields=["certificate"],
                condition=Q(state__in=["draft", "preparing", "returned", "approving"]),
            ),
            models.CheckConstraint(
                name="title_review_is_signed_by_another",
                condition=Q(decided_by__isnull=True)
                | (Q(prepared_by__isnull=False) & ~Q(decided_by=F("prepared_by"))),
            ),
            models.CheckConstraint(
                name="title_review_is_decided_by_somebody",
                condition=Q(state__in=["verified", "rejected"], decided_by__isnull=False,
                            decided_at__isnull=False)
                | Q(state__in=["draft", "preparing", "returned", "approving", "withdrawn"],
                    decided_by__isnull=True, decided_at__isnull=True),
            ),
            models.CheckConstraint(
                name="title_proposal_is_whole",
                condition=~Q(state__in=["approving", "verified", "rejected"])
                | (~Q(proposal="") & Q(prepared_by__isnull=False, prepared_at__isnull=False,
                                       run__isnull=False)),
            ),
            models.CheckConstraint(
                name="title_proposal_gives_its_reason",
                condition=Q(proposal__in=["", "verified"])
                | (Q(proposal="verified_difference") & ~Q(reason=""))
                | (Q(proposal__in=["rejected", "cancelled"]) & ~Q(reason="") & ~Q(article="")),
            ),
            models.CheckConstraint(
                name="an_office_alone_cancels_a_title",
                condition=~Q(proposal="cancelled")
                | (Q(because="office") & ~Q(state="verified")),
            ),
            models.CheckConstraint(
                name="submitted_review_has_a_case",
                condition=Q(state__in=["draft", "withdrawn"]) | Q(case__isnull=False),
            ),
            models.CheckConstraint(
                name="returned_review_says_what_is_asked",
                condition=~Q(state="returned") | ~Q(asked=""),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.state}"

    @property
    def by_office(self) -> bool:
        return self.because in self.BY_OFFICE

    @property
    def cancels(self) -> bool:
        """Whether what is proposed, or was signed, ends the title itself."""
        return self.proposal == Outcome.CANCELLED

    @property
    def state_in_words(self) -> str:
        """Its state; of a title that was cancelled by it, what became of that."""
        if self.cancels and self.state == self.State.REJECTED:
            return gettext("已注销")
        return str(self.get_state_display())

    @property
    def because_in_words(self) -> str:
        """Why it was opened; an error that somebody reported is no conflict of a takeover."""
        if self.because == self.Because.TAKEOVER and self.request_reason:
            return gettext("报告的错误")
        return str(self.get_because_display())

    @property
    def lies_with_owner(self) -> bool:
        """Nothing goes on until its owner acts, and nobody makes him."""
        return self.state in self.WITH_OWNER and not self.by_office


class ReviewShape(models.Model):
    """A version that a review is or was about; the newest row of a parcel counts.

    Written once. A parcel that a split or merge took away has a row that ``leaves``.
    """

    review = models.ForeignKey(TitleReview, on_delete=models.PROTECT, related_name="shapes")
    parcel = models.ForeignKey("parcels.Parcel", on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey("parcels.ParcelVersion", on_delete=models.PROTECT, related_name="+")
    leaves = models.BooleanField(default=False)
    # What the repair was and by how much, for the history: {"kind": "snap", "metres": 0.5}.
    facts = models.JSONField(default=dict)
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("审核所据图形")
        verbose_name_plural = _("审核所据图形")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.review_id} {self.version_id}"


class ParcelLineage(models.Model):
    """A parcel that came from another by a split or a merge; written once."""

    parent = models.ForeignKey("parcels.Parcel", on_delete=models.PROTECT, related_name="children")
    child = models.ForeignKey("parcels.Parcel", on_delete=models.PROTECT, related_name="parents")
    because = models.CharField(max_length=6, choices=[("split", _("分割")), ("merge", _("合并"))])
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("宗地沿革")
        verbose_name_plural = _("宗地沿革")
        constraints = [
            models.UniqueConstraint(name="one_descent_of_two_parcels", fields=["parent", "child"]),
            models.CheckConstraint(
                name="parcel_descends_from_another", condition=~Q(parent=F("child"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parent_id} → {self.child_id}"


class SideCheck(models.Model):
    """One of the four sides compared by an officer: what the paper says, what the map shows.

    It was made on what the review was about then, up to the row ``shape``: a newer one needs a new
    comparison, and the database verifies nothing without four.
    """

    review = models.ForeignKey(TitleReview, on_delete=models.PROTECT, related_name="side_checks")
    shape = models.ForeignKey(ReviewShape, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=5, choices=Side)
    on_paper = models.CharField(_("证载"), max_length=200, blank=True, default="")
    on_map = models.CharField(_("图上"), max_length=400, blank=True, default="")
    agrees = models.BooleanField(_("相符"))
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)

    class Meta:
        verbose_name = _("四至核对")
        verbose_name_plural = _("四至核对")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.review_id} {self.side}"


class BoundaryMessage(models.Model):
    """A way out of a conflict: the neighbour is asked, or an error of his title is reported.

    ``patch`` is the land in question; the neighbour sees it, and nothing else of the asking title.
    """

    class Kind(models.TextChoices):
        ASK_NEIGHBOUR = "ask_neighbour", _("与邻界协商")
        REPORT_ERROR = "report_error", _("报告对方权属有误")

    class Answer(models.TextChoices):
        NONE = "", _("待答复")
        AGREED = "agreed", _("同意")
        DECLINED = "declined", _("不同意")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("种类"), max_length=14, choices=Kind)
    review = models.ForeignKey(TitleReview, on_delete=models.PROTECT, related_name="messages")
    parcel = models.ForeignKey("parcels.Parcel", on_delete=models.PROTECT, related_name="+")
    patch = models.GeometryField(srid=STORAGE_SRID, spatial_index=False)
    area_m2 = models.FloatField(null=True)
    text = models.TextField(_("内容"))
    made_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    answer = models.CharField(
        _("答复"), max_length=8, choices=Answer, blank=True, default=Answer.NONE
    )
    answer_text = models.TextField(_("答复内容"), blank=True, default="")
    answered_by = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("界线协商")
        verbose_name_plural = _("界线协商")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="boundary_message_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="boundary_message_is_answered_whole",
                condition=Q(answer="", answered_by__isnull=True, answered_at__isnull=True)
                | (~Q(answer="") & Q(answered_by__isnull=False, answered_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
