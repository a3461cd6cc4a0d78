"""Forms of the register: one for each kind of registration, made of a few fields; they read, the
acts are operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm
from portal.accounts.models import Mandate, Party, Role
from portal.base.clock import today
from portal.base.errors import PortalError
from portal.casework.documents import Upload, read_upload
from tickets.registry.errors import InvalidShares, PartyNotFound
from tickets.registry.models import Cancellation, FreezeOrder, LossNotice, Registration
from tickets.registry.operations import Owners, Part
from tickets.registry.quantities import parse_tonnes

# A village's households and more; beyond it somebody pasted something else.
LINES_LIMIT = 2000
FEN_PER_YUAN = 100
AMOUNT_LIMIT = 10**13


def day_input() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def find_party(name: str, last4: str) -> Party:
    """The one checked party of that name whose number ends so; PartyNotFound."""
    found = list(
        Party.objects.filter(
            name=name.strip(), identity_last4__iexact=last4.strip(), checked_at__isnull=False
        )[:2]
    )
    if len(found) != 1:
        raise PartyNotFound(name=name.strip()[:40], last4=last4.strip()[:4])
    return found[0]


class TonnesField(forms.CharField):
    """Tonnes as text, cleaned to kilograms; None when left out."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=40, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_tonnes(text)
        except PortalError as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal


class PartiesField(forms.CharField):
    """Lines of "name, last four of the number, share or tonnes", cleaned to (party, text)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 3}))
        super().__init__(max_length=200_000, **kwargs)

    def clean(self, value: Any) -> Any:
        found: list[tuple[Party, str]] = []
        lines = [line for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > LINES_LIMIT:
            raise ValidationError(
                _("共 {count} 行，最多 {limit} 行；请分次登记。").format(
                    count=len(lines), limit=LINES_LIMIT
                ),
                code="too_many_lines",
            )
        for line in lines:
            parts = [part.strip() for part in line.replace("，", ",").split(",")]
            if len(parts) not in (2, 3):
                raise ValidationError(_("每行写：名称,证件号后四位,份额。"), code="invalid_line")
            try:
                found.append((find_party(*parts[:2]), parts[2] if len(parts) == 3 else ""))
            except PortalError as refusal:
                raise ValidationError(str(refusal), code=refusal.code) from refusal
        return found


class YuanField(forms.IntegerField):
    """Whole yuan, cleaned to fen."""

    def clean(self, value: Any) -> Any:
        yuan = super().clean(value)
        return None if yuan is None else yuan * FEN_PER_YUAN


def _tonnes(*, required: bool = False) -> TonnesField:
    all_of_it = "" if required else _("不填为全部。")
    return TonnesField(label=_("数量（吨）"), required=required, help_text=all_of_it)


FIELDS: dict[str, Callable[[], forms.Field]] = {
    "quantity": _tonnes,
    "quantity_required": lambda: _tonnes(required=True),
    "separately": lambda: forms.BooleanField(
        label=_("按份额分别制发，每位共有人一张"), required=False
    ),
    "to": lambda: PartiesField(
        label=_("受让方"),
        help_text=_("每行一位：名称,证件号后四位,份额。一位时份额可不写。"),
    ),
    "parts": lambda: PartiesField(
        label=_("分割方案"),
        required=False,
        help_text=_("不填则按份额每人一张；约定分割时每行一位：名称,证件号后四位,吨数。"),
    ),
    "renamed": lambda: PartiesField(
        label=_("更名的权利人"),
        required=False,
        help_text=_("一行：原名称,证件号后四位。"),
    ),
    "new_name": lambda: forms.CharField(label=_("新名称"), max_length=200, required=False),
    "shares": lambda: PartiesField(
        label=_("变更后的份额"),
        required=False,
        help_text=_("每行一位：名称,证件号后四位,份额；份额合计即分母，与原分母不同的换发新票。"),
    ),
    "authority": lambda: forms.CharField(label=_("出具机关"), max_length=120),
    "authority_optional": lambda: forms.CharField(
        label=_("出具机关"), max_length=120, required=False
    ),
    "number": lambda: forms.CharField(label=_("文号"), max_length=120),
    "number_optional": lambda: forms.CharField(label=_("文号"), max_length=120, required=False),
    "effective_on": lambda: forms.DateField(
        label=_("生效日期"), widget=day_input(), required=False
    ),
    "paper": lambda: forms.ChoiceField(
        label=_("纸质碳票"), choices=Registration.Paper.choices, required=False
    ),
    "reason": lambda: forms.CharField(
        label=_("理由"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    ),
    "pledgee": lambda: forms.ModelChoiceField(
        queryset=banks(), label=_("质权人"), to_field_name="key", empty_label=_("请选择")
    ),
    "amount": lambda: YuanField(label=_("担保金额（元）"), min_value=1, max_value=AMOUNT_LIMIT),
    "begins_on": lambda: forms.DateField(label=_("起"), widget=day_input(), initial=today),
    "ends_on": lambda: forms.DateField(label=_("止"), widget=day_input()),
    "external_number": lambda: forms.CharField(label=_("中登网登记编号"), max_length=60),
    "later_rank": lambda: forms.BooleanField(label=_("排在已有质押之后（后顺位）"), required=False),
    "freeze_kind": lambda: forms.ChoiceField(
        label=_("冻结类型"),
        choices=[one for one in FreezeOrder.Kind.choices if one[0] != FreezeOrder.Kind.LOSS],
    ),
    "cancel_reason": lambda: forms.ChoiceField(
        label=_("注销原因"), choices=Cancellation.Reason.choices
    ),
    "loss_reason": lambda: forms.ChoiceField(
        label=_("挂失原因"), choices=LossNotice.Reason.choices
    ),
    "code": lambda: forms.CharField(
        label=_("验证码"),
        max_length=10,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        help_text=_("首次转让给该受让方时，须填写身份验证器的验证码。"),
    ),
    "paper_consents": lambda: PartiesField(
        label=_("已附书面同意的共有人"),
        required=False,
        help_text=_("每行一位：名称,证件号后四位；同意书作为材料上传。未列出的须在门户中同意。"),
    ),
}


def banks() -> Any:
    """Checked parties for whom somebody acts as a bank."""
    return (
        Party.objects.filter(
            checked_at__isnull=False,
            mandates__ended_at__isnull=True,
            mandates__scope__in=[Mandate.Scope.ALL, Mandate.Scope.APPLY],
            mandates__user__role_grants__role=Role.BANK,
        )
        .distinct()
        .order_by("name")
    )


class SlotField(forms.FileField):
    """One scan of a material, judged by content; cleaned to an ``Upload``."""

    widget: forms.FileInput = forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        sent: UploadedFile | None = super().clean(data, initial)
        if not sent:
            return None
        return read_upload(sent)


class RegistrationForm(PortalForm):
    """The fields and materials of one kind."""

    def __init__(
        self, fields: tuple[str, ...], slots: tuple[tuple[str, Any, bool], ...], *args: Any,
        with_files: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        for name in fields:
            self.fields[name.removesuffix("_required").removesuffix("_optional")] = FIELDS[name]()
        self.slots = slots if with_files else ()
        for slot, label, required in self.slots:
            self.fields[f"file_{slot}"] = SlotField(label=label, required=required)

    def typed(self) -> dict[str, Any]:
        """What was filled in, as texts: the same form reads it again."""
        return {
            name: self.data.get(name, "")
            for name in self.fields
            if name != "code" and not name.startswith("file_") and self.data.get(name)
        }

    def uploads(self) -> list[tuple[str, Upload]]:
        found = [(slot, self.cleaned_data.get(f"file_{slot}")) for slot, _l, _r in self.slots]
        return [(slot, upload) for slot, upload in found if upload is not None]


def owners_from(rows: list[tuple[Party, str]], denominator: int | None = None) -> Owners:
    """Parties with their shares; one alone needs no share."""
    if len(rows) == 1 and not rows[0][1]:
        return Owners.sole(rows[0][0])
    shares = []
    for party, text in rows:
        if not (text.isascii() and text.isdecimal() and len(text) < 9):
            raise InvalidShares(found=0, wanted=denominator or 0)
        shares.append((party, int(text)))
    return Owners(tuple(shares), denominator or sum(share for _party, share in shares))


def parts_from(rows: list[tuple[Party, str]]) -> list[Part]:
    """Parties with the tonnes that each gets."""
    return [Part(Owners.sole(party), parse_tonnes(text)) for party, text in rows]


class LossObjectionForm(PortalForm):
    """Anyone's word against a loss notice."""

    objector = forms.CharField(label=_("姓名或单位"), max_length=100)
    contact = forms.CharField(
        label=_("联系方式"), max_length=100, help_text=_("仅用于答复，不公开。")
    )
    text = forms.CharField(
        label=_("异议内容"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4})
    )
