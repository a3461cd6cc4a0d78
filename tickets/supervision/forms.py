"""Forms of supervision: they read and judge what was typed; the acts are operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.gis.geos import MultiPolygon
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm, ScansInput
from portal.accounts.models import Department, Role, User
from portal.accounts.queries import officers
from portal.base.errors import NotFound, PortalError
from portal.casework.documents import (
    JPEG,
    MIB,
    PNG,
    SCANS,
    Upload,
    limit_bytes,
    read_upload,
)
from portal.casework.forms import PlaceField, parse_patch
from tickets.market.models import Listing, RetailPool
from tickets.market.operations import pool_left_kg
from tickets.market.operations.dealing import unbound_kg
from tickets.market.prices import yuan
from tickets.market.queries import open_listings, open_pools
from tickets.offsets.models import Purpose
from tickets.registry.access import access_ticket
from tickets.registry.models import CarbonTicket
from tickets.registry.quantities import parse_tonnes, tonnes
from tickets.supervision.models import Complaint, Inspection, JusticeCase

FILES_MAX = 5
HOLDER = "holder"
NOBODY = [("", _("不涉及部门"))]


class EvidenceField(forms.FileField):
    """Several files, judged by content; cleaned to a list of ``Upload``."""

    widget: forms.FileInput = ScansInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"})

    def __init__(self, *, kinds: frozenset[str] = SCANS, **kwargs: Any) -> None:
        self.kinds = kinds
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        sent: Sequence[UploadedFile] = data if isinstance(data, list) else [data] if data else []
        if not sent and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        if len(sent) > FILES_MAX:
            raise ValidationError(_("最多 5 个文件。"), code="too_many_files")
        files: list[Upload] = []
        for one in sent:
            try:
                files.append(read_upload(one, kinds=self.kinds))
            except PortalError as refusal:
                raise ValidationError(str(refusal), code=refusal.code) from refusal
        return files


class TicketField(forms.CharField):
    """A ticket by its number; cleaned to the ticket or None."""

    def clean(self, value: Any) -> Any:
        number = str(super().clean(value)).strip()
        if not number:
            return None
        try:
            return access_ticket(number)
        except NotFound as refusal:
            raise ValidationError(_("没有这个编号的碳票，请核对。")) from refusal


class ComplaintForm(PortalForm):
    """What anyone may say, about whom, where, with what."""

    topic = forms.ChoiceField(label=_("举报事由"), choices=Complaint.Topic.choices)
    text = forms.CharField(
        label=_("举报内容"), max_length=4000, widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("何时、何地、何人、何事。请勿写入自己的姓名，除非愿意让办理人员看到。"),
    )  # fmt: skip
    place = PlaceField(
        label=_("位置"), required=False, max_length=60,
        widget=forms.TextInput(attrs={"data-ref": "place"}),
        help_text=_("在图上点一下，或填写：经度,纬度。"),
    )  # fmt: skip
    ticket = TicketField(
        label=_("涉及的碳票编号"), required=False, max_length=30,
        widget=forms.TextInput(attrs={"placeholder": "YN-2026-0000001-X"}),
    )  # fmt: skip
    accused = forms.ChoiceField(
        label=_("被举报的部门"), required=False, choices=[*NOBODY, *Department.choices],
        help_text=_("选择后，举报不会交给该部门办理，该部门也看不到。"),
    )  # fmt: skip
    name = forms.CharField(label=_("姓名或单位"), required=False, max_length=100)
    contact = forms.CharField(
        label=_("联系方式"), required=False, max_length=200,
        help_text=_("可以匿名。姓名和联系方式只有受理部门能看，每次查看都记录在案。"),
    )  # fmt: skip
    # The last: of a body that is too large the server reads what comes before its files.
    evidence = EvidenceField(
        label=_("证据材料"), required=False,
        help_text=_("PDF、JPEG 或 PNG，最多 5 个，每个不超过 50 MB。"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The browser keeps the text of who chose too much: the server refuses such a body unread.
        self.fields["evidence"].widget.attrs |= {
            "data-limit-mib": limit_bytes() // MIB,
            "data-files-max": FILES_MAX,
        }

    def clean_accused(self) -> Department | None:
        value = self.cleaned_data["accused"]
        return Department(value) if value else None

    def ticket_wanted(self) -> CarbonTicket | None:
        return self.cleaned_data["ticket"] or None


class PassOnForm(PortalForm):
    """To which department, and why."""

    to = forms.ChoiceField(label=_("移交至"), choices=Department.choices)
    reason = forms.CharField(label=_("理由"), max_length=500)


class AnswerForm(PortalForm):
    """The drafted answer."""

    upheld = forms.TypedChoiceField(
        label=_("结论"),
        choices=[("yes", _("属实")), ("no", _("不属实"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("答复"), max_length=4000, widget=forms.Textarea(attrs={"rows": 6})
    )


class ReasonForm(PortalForm):
    """Why something is sent back or looked at."""

    reason = forms.CharField(label=_("理由"), max_length=500)


# --- inspections --------------------------------------------------------------------------------
class PatchField(forms.CharField):
    """A polygon as GeoJSON or as lines of "longitude, latitude"; cleaned to it or to None."""

    widget = forms.Textarea(attrs={"rows": 3, "data-ref": "patch"})

    def clean(self, value: Any) -> Any:
        return parse_patch(str(super().clean(value)))


class DayField(forms.DateField):
    """A day, with the browser's own calendar."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ProposalForm(PortalForm):
    """Which ticket's land should be looked at, and why."""

    ticket = TicketField(label=_("碳票编号"), max_length=30)
    cause = forms.ChoiceField(
        label=_("起因"),
        choices=[one for one in Inspection.Cause.choices if one[0] != Inspection.Cause.FOLLOW_UP],
    )
    reason = forms.CharField(
        label=_("说明"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class HandOnForm(PortalForm):
    """Who goes, and by when."""

    inspector = forms.ModelChoiceField(label=_("检查人员"), queryset=User.objects.none())
    due_on = DayField(label=_("检查期限"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["inspector"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = officers(Role.CLERK, Department.FORESTRY)
        field.label_from_instance = User.get_full_name  # type: ignore[method-assign,assignment]


class OrderForm(HandOnForm):
    """Under which number as well."""

    number = forms.CharField(label=_("检查通知书文号"), max_length=120)


class PhotoForm(PortalForm):
    """Pictures of the visit; ``device`` is where the phone was."""

    pictures = EvidenceField(
        label=_("照片"),
        kinds=frozenset({JPEG, PNG}),
        widget=ScansInput(attrs={"accept": "image/jpeg,image/png", "capture": "environment"}),
    )
    device = PlaceField(required=False, widget=forms.HiddenInput(attrs={"data-ref": "device"}))


class VisitForm(PortalForm):
    """What was found; kept in the browser until it is signed."""

    visited_on = DayField(label=_("检查日期"))
    outcome = forms.ChoiceField(
        label=_("结论"), choices=Inspection.Outcome.choices, widget=forms.RadioSelect
    )
    findings = forms.CharField(
        label=_("检查情况"), max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )
    measures = forms.CharField(
        label=_("整改要求"), required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    measures_due_on = DayField(label=_("整改期限"), required=False)
    mended = forms.TypedChoiceField(
        label=_("前次整改要求"), required=False, empty_value=None,
        choices=[("yes", _("已落实")), ("no", _("未落实"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )  # fmt: skip
    affected = PatchField(
        label=_("受影响范围"), required=False,
        help_text=_("林木受损时标出：在图上依次点击角点，或每行填写一个点：经度,纬度。"),
    )  # fmt: skip

    def __init__(self, *args: Any, follows_measures: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not follows_measures:
            del self.fields["mended"]

    def affected_shape(self) -> MultiPolygon | None:
        return self.cleaned_data["affected"] or None


# --- eco-justice --------------------------------------------------------------------------------
class TonnesField(forms.CharField):
    """Tonnes with at most three places; cleaned to kilograms."""

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value)).strip()
        try:
            return parse_tonnes(text)
        except PortalError as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal


class PaperField(EvidenceField):
    """Exactly one file."""

    widget: forms.FileInput = forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        return super().clean([data] if data else [], initial)[0]


class JusticeForm(PortalForm):
    """The decision, the consent, the valuation, and whose tonnes."""

    organ = forms.ChoiceField(label=_("决定类型"), choices=JusticeCase.Organ.choices)
    authority = forms.CharField(label=_("决定机关"), max_length=120)
    document_number = forms.CharField(label=_("文号"), max_length=120)
    decided_on = DayField(label=_("决定日期"))
    obligation = forms.CharField(
        label=_("修复义务"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    decision = PaperField(label=_("决定书"))
    obligor = forms.CharField(
        label=_("责任人"), max_length=100, help_text=_("只供办案部门查看，不公开，不印在凭证上。")
    )
    consented_on = DayField(label=_("书面同意日期"))
    consent = PaperField(label=_("书面同意书"))
    valuation = forms.CharField(
        label=_("评估说明"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("修复义务怎样折算成减排量。"),
    )  # fmt: skip
    valuation_author = forms.CharField(label=_("评估人"), max_length=120)
    valuation_paper = PaperField(label=_("评估报告"))
    quantity_kg = TonnesField(label=_("认购数量（吨）"), max_length=20)
    source = forms.ChoiceField(label=_("减排量来源"), choices=())
    ticket = TicketField(
        label=_("碳票编号"), required=False, max_length=30,
        help_text=_("由持有人提供时填写；持有人同意后抵消。"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        listings = open_listings().filter(method=Listing.Method.OPEN)
        pools = open_pools().filter(purposes__contains=[Purpose.ECO_JUSTICE.value])
        self.offered: dict[str, Listing | RetailPool] = {
            **{one.number: one for one in listings},
            **{str(one.key): one for one in pools},
        }
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (HOLDER, _("由持有人提供")),
            *((key, _offer_line(one)) for key, one in self.offered.items()),
        ]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        chosen, ticket = given.get("source"), given.pop("ticket", None)
        if chosen == HOLDER:
            given["source"] = ticket
            if ticket is None and not self.has_error("ticket"):
                self.add_error("ticket", _("请填写持有人的碳票编号。"))
        elif chosen:
            given["source"] = self.offered[chosen]
        return given


def _offer_line(offer: Listing | RetailPool) -> str:
    """What is offered, at what price and how much is left, in one line."""
    if isinstance(offer, RetailPool):
        label, listing, left = offer.title, offer.listing, pool_left_kg(offer)
    else:
        label, listing, left = offer.number, offer, unbound_kg(offer)
    return str(_("市场：{label}，每吨 {price} 元，可认购 {left} 吨")).format(
        label=label, price=yuan(listing.price_fen_per_tonne), left=tonnes(left)
    )


# --- what is watched, what is told --------------------------------------------------------------
class FireForm(PortalForm):
    """Fire points, one a line."""

    text = forms.CharField(
        label=_("火点"), widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("每行一个：经度,纬度,日期，例如 81.30512,43.90711,2026-07-01。"),
    )  # fmt: skip
    source = forms.CharField(label=_("来源"), max_length=200)


class LandUseForm(PortalForm):
    """Changed land, in a file of any format that the portal reads."""

    file = forms.FileField(label=_("土地用途变化图形"))
    seen_on = DayField(label=_("日期"))
    source = forms.CharField(label=_("来源"), max_length=200)


class NewsForm(PortalForm):
    """What the state or the region changed."""

    title = forms.CharField(label=_("标题"), max_length=200)
    text = forms.CharField(
        label=_("内容"), max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )
    source = forms.CharField(label=_("发文机关和文号"), max_length=200)
