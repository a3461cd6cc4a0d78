"""Forms of the register: one for each kind of registration, made of a few fields; they read, the
acts are operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.accounts.forms import PortalForm
from portal.accounts.models import Mandate, Party, Role
from portal.base.clock import today
from portal.base.errors import PortalError
from portal.base.secrets import fingerprint
from portal.casework.documents import Upload, read_upload
from tickets.registry.errors import InvalidShares, PartyNotFound
from tickets.registry.models import (
    Cancellation,
    FreezeOrder,
    LossNotice,
    LossObjection,
    Registration,
)
from tickets.registry.operations import Owners, Part
from tickets.registry.quantities import parse_tonnes

# A village's households and more; beyond it somebody pasted something else.
LINES_LIMIT = 2000
FEN_PER_YUAN = 100
UNKEPT = ("code", "identity_number")  # Used up, and sealed.
AMOUNT_LIMIT = 10**13


def day_input() -> forms.DateInput:
    """A day by the browser's calendar."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def find_parties(named: Sequence[tuple[str, str]]) -> list[Party]:
    """For each name with the last four of a number the one checked party that answers to it, all in
    one query; PartyNotFound."""
    found: dict[tuple[str, str], list[Party]] = {}
    for party in Party.objects.filter(
        name__in={name for name, _last4 in named}, checked_at__isnull=False
    ):
        found.setdefault((party.name, party.identity_last4.upper()), []).append(party)
    parties = []
    for name, last4 in named:
        answering = found.get((name, last4.upper()), [])
        if len(answering) != 1:
            raise PartyNotFound(name=name[:40], last4=last4[:4])
        parties.append(answering[0])
    return parties


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
        lines = [line for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > LINES_LIMIT:
            raise ValidationError(
                _("共 {count} 行，最多 {limit} 行；请分次登记。").format(
                    count=len(lines), limit=LINES_LIMIT
                ),
                code="too_many_lines",
            )
        rows = [[part.strip() for part in line.replace("，", ",").split(",")] for line in lines]
        if any(len(row) not in (2, 3) for row in rows):
            raise ValidationError(_("每行写：名称,证件号后四位,份额。"), code="invalid_line")
        try:
            parties = find_parties([(row[0], row[1]) for row in rows])
        except PortalError as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal
        return [(party, "".join(row[2:])) for party, row in zip(parties, rows, strict=True)]


class PartyField(PartiesField):
    """One line of them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.TextInput(), **kwargs)

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if len(found) != 1:
            raise ValidationError(_("只写一行。"), code="invalid_line")
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
    "former": lambda: PartyField(label=_("被承继的主体"), help_text=_("一行：名称,证件号后四位。")),
    "renumbered": lambda: PartiesField(
        label=_("变更号码的权利人"), help_text=_("一行：名称,原证件号后四位。")
    ),
    "identity_number": lambda: forms.CharField(
        label=_("新证件号码"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("身份证号或统一社会信用代码；加密保存。"),
    ),
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
        label=pgettext_lazy("register", "生效日期"), widget=day_input(), required=False
    ),
    "effective_on_required": lambda: forms.DateField(
        label=pgettext_lazy("register", "生效日期"), widget=day_input()
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
    "outcome": lambda: forms.ChoiceField(
        label=_("处理结果"), choices=LossObjection.Outcome.choices
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
    """The fields and materials of one kind; read again without files and what is not kept."""

    def __init__(
        self, fields: tuple[str, ...], slots: tuple[tuple[str, Any, bool], ...], *args: Any,
        with_files: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        for name in fields:
            if with_files or name not in UNKEPT:
                plain = name.removesuffix("_required").removesuffix("_optional")
                self.fields[plain] = FIELDS[name]()
        self.slots = slots if with_files else ()
        for slot, label, required in self.slots:
            self.fields[f"file_{slot}"] = SlotField(label=label, required=required)

    def typed(self) -> dict[str, Any]:
        """What was filled in, as texts, but what is not kept so: the same form reads it again."""
        return {
            name: self.data.get(name, "")
            for name in self.fields
            if name not in UNKEPT and not name.startswith("file_") and self.data.get(name)
        }

    def content(self) -> list[Any]:
        """By which a form that is sent again is known; a number goes in as its fingerprint."""
        number = self.data.get("identity_number") if "identity_number" in self.fields else ""
        files = [[slot, one.sha256] for slot, one in self.uploads()]
        return [self.typed(), files, *([fingerprint(number).hex()] if number else [])]

    def uploads(self) -> list[tuple[str, Upload]]:
        """The files that were sent, by their slots."""
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


class SuccessorForm(PortalForm):
    """For whom a succession is registered, as the clerk reads it from the papers."""

    successor = PartyField(
        label=_("承继者"),
        help_text=_("名称,证件号后四位。须为已核验的主体。"),
    )

    @property
    def party(self) -> Party:
        """Whom the line names."""
        [(found, _text)] = self.cleaned_data["successor"]
        party: Party = found
        return party


class LossObjectionForm(PortalForm):
    """Anyone's word against a loss notice."""

    objector = forms.CharField(label=_("姓名或单位"), max_length=100)
    contact = forms.CharField(
        label=_("联系方式"), max_length=100, help_text=_("仅用于答复，不公开。")
    )
    text = forms.CharField(
        label=_("异议内容"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4})
    )
