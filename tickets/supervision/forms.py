"""Forms of supervision: they read and judge what was typed; the acts are operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm, ScansInput
from portal.accounts.models import Department
from portal.base.errors import NotFound, PortalError
from portal.casework.documents import SCANS, Upload, read_upload
from portal.casework.forms import CodeForm, PlaceField
from tickets.registry.access import access_ticket
from tickets.registry.models import CarbonTicket
from tickets.supervision.models import Complaint

__all__ = ["AnswerForm", "CodeForm", "ComplaintForm", "PassOnForm", "ReasonForm"]
FILES_MAX = 5
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
    evidence = EvidenceField(
        label=_("证据材料"), required=False,
        help_text=_("PDF、JPEG 或 PNG，最多 5 个，每个不超过 50 MB。"),
    )  # fmt: skip
    name = forms.CharField(label=_("姓名或单位"), required=False, max_length=100)
    contact = forms.CharField(
        label=_("联系方式"), required=False, max_length=200,
        help_text=_("可以匿名。姓名和联系方式只有受理部门能看，每次查看都记录在案。"),
    )  # fmt: skip

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
