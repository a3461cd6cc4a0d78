"""Forms of offsets: they read; the acts are operations."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm
from tickets.offsets.estimate import factors_in_force
from tickets.offsets.models import Purpose
from tickets.registry.forms import SlotField, TonnesField, day_input

YEAR_FIRST, YEAR_LAST = 2015, 2100
COUNT_LIMIT = 100_000_000
# An eco-justice case has consent, valuation and author of its own (article 14; domain.md).
ASKED_PURPOSES = [one for one in Purpose.choices if one[0] != Purpose.ECO_JUSTICE]


class OffsetForm(PortalForm):
    """How much, what for, and whose name the certificate prints."""

    quantity = TonnesField(label=_("数量（吨）"), help_text=_("可写到三位小数：0.010 即 10 千克。"))
    purpose = forms.ChoiceField(label=_("用途"), choices=ASKED_PURPOSES)
    beneficiary = forms.CharField(
        label=_("受益名称"), max_length=100, help_text=_("印在凭证上的名称，须先通过审核；新名称随申请提交审核。"),
    )  # fmt: skip
    year = forms.IntegerField(
        label=_("年度"), min_value=YEAR_FIRST, max_value=YEAR_LAST, required=False
    )
    event_name = forms.CharField(label=_("活动名称"), max_length=120, required=False)
    place = forms.CharField(label=_("活动或景区地点"), max_length=120, required=False)
    begins_on = forms.DateField(label=_("起"), widget=day_input(), required=False)
    ends_on = forms.DateField(label=_("止"), widget=day_input(), required=False)
    headcount = forms.IntegerField(
        label=_("人数"), min_value=1, max_value=COUNT_LIMIT, required=False
    )
    file_basis = SlotField(label=_("依据材料"), required=False)

    def typed(self) -> list[Any]:
        """All that was filled in, a file by its hash: what a request key stands for."""
        basis = self.cleaned_data["file_basis"]
        texts = [[name, self.data.get(name, "")] for name in self.fields if name != "file_basis"]
        return [*texts, basis.sha256 if basis else ""]

    def facts(self) -> dict[str, Any]:
        """As ``ask_offset`` takes them, without quantity, purpose and name."""
        names = ("year", "event_name", "place", "begins_on", "ends_on", "headcount")
        return {name: self.cleaned_data[name] for name in names}


class SignForm(PortalForm):
    """The second factor before a signature."""

    code = forms.CharField(
        label=_("验证码"),
        max_length=10,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class EstimateForm(PortalForm):
    """One number a factor."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for factor in factors_in_force():
            self.fields[factor.code] = forms.DecimalField(
                label=f"{factor.label}（{factor.unit}）",
                min_value=Decimal(0),
                max_value=Decimal(10**9),
                max_digits=14,
                decimal_places=3,
                required=False,
                help_text=f"{factor.kg_per_unit.normalize():f} kgCO₂ · {factor.source}",
            )
