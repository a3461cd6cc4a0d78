"""Forms of the market: they read and judge what was typed; the acts are operations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm
from portal.accounts.models import Party
from portal.base.clock import CITY_TIME, now, today
from portal.base.errors import PortalError
from portal.casework.documents import Upload, read_upload
from tickets.market.access import buying_parties
from tickets.market.errors import ContractTermsWrong
from tickets.market.models import Listing
from tickets.market.operations import POOL_PURPOSES, RETAIL_PURPOSES
from tickets.market.prices import BASIS_POINTS, parse_yuan
from tickets.market.queries import tickets_to_offer
from tickets.offsets.models import Purpose
from tickets.registry.quantities import parse_kilograms, parse_tonnes

MOMENT = "%Y-%m-%dT%H:%M"


class ReadField(forms.CharField):
    """A text that one parser reads; what it refuses is said beside the field."""

    read: Callable[[str], int]

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return self.read(text)
        except PortalError as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal


class TonnesField(ReadField):
    """Tonnes with up to three places → kilograms."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=20, **options)
        self.read = parse_tonnes


class KilogramsField(ReadField):
    """Whole kilograms."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "numeric"}))
        super().__init__(max_length=15, **options)
        self.read = parse_kilograms


class YuanField(ReadField):
    """Yuan with up to two places → fen."""

    def __init__(self, *, zero: bool = False, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=20, **options)
        self.read = lambda text: parse_yuan(text, zero=zero)


class SlipField(forms.FileField):
    """A scan or picture, judged by its content."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        sent = super().clean(data, initial)
        if not isinstance(sent, UploadedFile):
            return None
        try:
            upload: Upload = read_upload(sent)
        except PortalError as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal
        return upload


def moment_field(label: Any, days: int, **options: Any) -> forms.DateTimeField:
    """A moment in Asia/Shanghai, offered some days from now."""
    return forms.DateTimeField(
        label=label,
        input_formats=[MOMENT],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT),
        initial=lambda: (now() + timedelta(days=days)).astimezone(CITY_TIME),
        **options,
    )


def code_field() -> forms.CharField:
    return forms.CharField(
        label=_("第二因素验证码"),
        max_length=10,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        help_text=_("与对方首次交易时填写。"),
    )


def named_party(name: str, last4: str) -> Party | None:
    """The one checked party of this full name and end of its identity number."""
    found = Party.objects.filter(
        name=name.strip(), identity_last4=last4.upper(), checked_at__isnull=False
    )
    return found[0] if len(found) == 1 else None


class OfferForm(PortalForm):
    """What every offer says."""

    quantity = TonnesField(label=_("数量（吨）"), help_text=_("可写到三位小数：0.010 即 10 千克。"))
    price = YuanField(label=_("价格（元/吨）"))
    closes_at = moment_field(_("有效期至"), 30)


class AgreementForm(OfferForm):
    """With whom; named exactly, so that the register of persons cannot be searched."""

    buyer_name = forms.CharField(label=_("受让方全称"), max_length=200)
    buyer_last4 = forms.CharField(
        label=_("受让方证件号后四位"), min_length=4, max_length=4, help_text=_("用于核对同名主体。")
    )
    code = code_field()

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "buyer_name" in given and "buyer_last4" in given:
            given["buyer"] = named_party(given["buyer_name"], given["buyer_last4"])
            if given["buyer"] is None:
                self.add_error("buyer_name", _("没有这个名称和证件号的已核验主体。"))
        return given


class LotForm(OfferForm):
    """Taken in parts."""

    min_lot = TonnesField(label=_("最小成交量（吨）"), initial="1")


class RetailForm(LotForm):
    """Feeds a pool of small amounts, which ecology approves."""

    min_lot = TonnesField(label=_("最小成交量（吨）"), initial="0.01")


class BiddingForm(OfferForm):
    """One-way bidding for the whole quantity."""

    price = YuanField(label=_("起始价（元/吨）"))
    step = YuanField(label=_("加价幅度（元/吨）"), initial="0.50")
    reserve = YuanField(label=_("保留价（元/吨）"), required=False, help_text=_("不公开；可不填。"))
    deposit = YuanField(label=_("保证金（元）"), zero=True, initial="1000")
    opens_at = moment_field(_("竞价开始"), 1)
    closes_at = moment_field(_("竞价截止"), 2)
    field_order = ("quantity", "price", "step", "reserve", "deposit", "opens_at", "closes_at")


OFFER_FORMS: dict[str, type[OfferForm]] = {
    Listing.Method.AGREEMENT: AgreementForm,
    Listing.Method.OPEN: LotForm,
    Listing.Method.BIDDING: BiddingForm,
    Listing.Method.RETAIL: RetailForm,
}


class BuyerForm(PortalForm):
    """For whom."""

    party = forms.ChoiceField(label=_("购买主体"))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parties = {str(party.key): party for party in buying_parties(user)}
        field = self.fields["party"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(key, party.name) for key, party in self.parties.items()]

    @property
    def buyer(self) -> Party:
        return self.parties[self.cleaned_data["party"]]


class BuyForm(BuyerForm):
    """How much of an open listing."""

    quantity = TonnesField(label=_("购买数量（吨）"))
    code = code_field()


class DepositForm(BuyerForm):
    """Evidence of a deposit."""

    amount = YuanField(label=_("已付保证金（元）"), zero=True)
    slip = SlipField(label=_("保证金凭证（PDF、JPEG、PNG）"))


class BidForm(BuyerForm):
    """A price."""

    price = YuanField(label=_("报价（元/吨）"))
    code = code_field()


class PaymentForm(PortalForm):
    """Evidence that names its deal."""

    number = forms.CharField(label=_("付款附言中的成交编号"), max_length=30)
    amount = YuanField(label=_("付款金额（元）"))
    payment_number = forms.CharField(label=_("银行流水号"), max_length=60)
    slip = SlipField(label=_("付款凭证（PDF、JPEG、PNG）"))


def day_field(label: Any, days: int = 0, **options: Any) -> forms.DateField:
    """A day, offered some days from now."""
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        initial=lambda: today() + timedelta(days=days),
        **options,
    )


class PoolForm(PortalForm):
    """What ecology approves."""

    title = forms.CharField(label=_("名称"), max_length=100)
    quantity = TonnesField(label=_("总量（吨）"))
    largest = TonnesField(label=_("单笔上限（吨）"), initial="1")
    purposes = forms.MultipleChoiceField(
        label=_("用途"),
        choices=[(purpose.value, purpose.label) for purpose in POOL_PURPOSES],
        widget=forms.CheckboxSelectMultiple,
    )
    begins_on = day_field(_("起"))
    ends_on = day_field(_("止"), 90)


class OrderForm(PortalForm):
    """A visitor's order."""

    quantity = KilogramsField(label=_("数量（千克）"))
    name = forms.CharField(label=_("凭证上的名称"), max_length=100)
    contact = forms.CharField(
        label=_("联系方式"), max_length=200, help_text=_("手机或邮箱，不公开；邮箱会收到通知。")
    )
    purpose = forms.ChoiceField(label=_("用途"))
    event_name = forms.CharField(label=_("活动名称"), max_length=120, required=False)
    place = forms.CharField(label=_("活动或景区地点"), max_length=120, required=False)
    begins_on = forms.DateField(
        label=_("活动起"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )
    ends_on = forms.DateField(
        label=_("活动止"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )
    year = forms.IntegerField(label=_("年度"), min_value=2015, max_value=2100, required=False)

    def __init__(self, *args: Any, purposes: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["purpose"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one.value, one.label) for one in RETAIL_PURPOSES if one in purposes]
        if Purpose.EVENT.value not in purposes:
            for name in ("event_name", "begins_on", "ends_on"):
                del self.fields[name]
        if Purpose.VISITORS.value not in purposes:
            del self.fields["year"]
            if Purpose.EVENT.value not in purposes:
                del self.fields["place"]

    def facts(self) -> dict[str, Any]:
        """As ``order_retail`` takes them."""
        names = ("event_name", "place", "begins_on", "ends_on", "year")
        return {name: self.cleaned_data[name] for name in names if name in self.fields}


class PercentField(ReadField):
    """A percentage with up to two places → basis points."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=10, **options)
        self.read = _basis_points


def _basis_points(text: str) -> int:
    """Of a percentage; ContractTermsWrong above the whole."""
    found = parse_yuan(text, zero=True)
    if found > BASIS_POINTS:
        raise ContractTermsWrong(reason=_("分成须在 0 与 100% 之间"))
    return found


class CalculatorForm(PortalForm):
    """What a contract would bring."""

    quantity = TonnesField(label=_("数量（吨）"), initial="100")
    floor = YuanField(label=_("保底价（元/吨）"), initial="15")
    share = PercentField(label=_("业主溢价分成（%）"), initial="40")
    resale = YuanField(label=_("转售价（元/吨）"), initial="20")


class ContractForm(PortalForm):
    """The body's offer to an owner."""

    body = forms.ChoiceField(label=_("收储机构"))
    owner_name = forms.CharField(label=_("业主全称"), max_length=200)
    owner_last4 = forms.CharField(label=_("业主证件号后四位"), min_length=4, max_length=4)
    quantity = TonnesField(label=_("收储数量（吨）"))
    floor = YuanField(label=_("保底价（元/吨）"))
    share = PercentField(label=_("业主溢价分成（%）"), initial="40")
    begins_on = day_field(_("起"))
    ends_on = day_field(_("止"), 365)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parties = {
            str(party.key): party
            for party in buying_parties(user)
            if party.kind == Party.Kind.LEGAL_BODY
        }
        field = self.fields["body"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(key, party.name) for key, party in self.parties.items()]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "owner_name" in given and "owner_last4" in given:
            given["owner"] = named_party(given["owner_name"], given["owner_last4"])
            if given["owner"] is None:
                self.add_error("owner_name", _("没有这个名称和证件号的已核验主体。"))
        return given


class HandOverForm(PortalForm):
    """Kilograms of one ticket under a contract."""

    ticket = forms.ChoiceField(label=_("碳票"))
    quantity = TonnesField(label=_("数量（吨）"))
    closes_at = moment_field(_("有效期至"), 30)
    code = code_field()

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tickets = {ticket.number: ticket for ticket in tickets_to_offer(user)}
        field = self.fields["ticket"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(number, number) for number in self.tickets]
