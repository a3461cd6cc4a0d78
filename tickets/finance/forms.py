"""Forms of finance: they read and judge what was typed; the acts are operations."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.accounts.forms import PortalForm
from portal.accounts.models import Party, Role
from portal.base.errors import NotFound
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.registry.access import access_ticket

# Ten billion yuan: no loan of a city's forests comes near.
_YUAN = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,2}))?")


class YuanField(forms.CharField):
    """Yuan with at most two places; cleaned to fen."""

    def __init__(self, *, zero: bool = False, **kwargs: Any) -> None:
        self.zero = zero
        super().__init__(max_length=14, **kwargs)

    def clean(self, value: Any) -> Any:
        found = _YUAN.fullmatch(str(super().clean(value)).strip())
        fen = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else -1
        if fen < 0 or (fen == 0 and not self.zero):
            raise ValidationError(
                _("写作金额，最多两位小数。")
                if self.zero
                else _("写作大于零的金额，最多两位小数。")
            )
        return fen


class DayField(forms.DateField):
    """A day, with the browser's own calendar."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class TicketField(forms.CharField):
    """A ticket by its number."""

    def clean(self, value: Any) -> Any:
        try:
            return access_ticket(str(super().clean(value)))
        except NotFound as refusal:
            raise ValidationError(_("没有这个编号的碳票，请核对。")) from refusal


class RowForm(PortalForm):
    """A product as its bank told it."""

    kind = forms.ChoiceField(label=_("产品"), choices=FinanceRow.Kind.choices)
    ticket = TicketField(label=_("碳票编号"), max_length=30)
    institution = forms.ModelChoiceField(label=_("机构"), queryset=Party.objects.none())
    number = forms.CharField(label=_("合同编号"), max_length=80)
    amount_fen = YuanField(label=_("金额（元）"))
    begins_on = DayField(label=_("起"))
    ends_on = DayField(label=_("止"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["institution"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Party.objects.filter(
            checked_at__isnull=False,
            mandates__user__role_grants__role=Role.BANK,
            mandates__user__role_grants__valid_to__isnull=True,
        ).distinct()


class EndForm(PortalForm):
    """On which day a product ended."""

    ended_on = DayField(label=_("结清日期"))


class StrikeForm(PortalForm):
    """Why a product was recorded wrongly."""

    reason = forms.CharField(label=_("撤销理由"), max_length=300)


class PolicyForm(PortalForm):
    """An insurer's own insurance."""

    subject = forms.ChoiceField(label=_("保险标的"), choices=InsurancePolicy.Subject.choices)
    ticket = TicketField(label=_("碳票编号"), max_length=30)
    number = forms.CharField(label=_("保单号"), max_length=80)
    sum_fen = YuanField(label=_("保险金额（元）"))
    begins_on = DayField(label=_("起"))
    ends_on = DayField(label=_("止"))
    events = forms.CharField(label=_("承保事件"), max_length=300)


class EndPolicyForm(PortalForm):
    """On which day an insurance ended before its term, and why."""

    ended_on = DayField(label=_("提前终止日期"))
    reason = forms.CharField(label=_("终止理由"), max_length=300)


class ClaimForm(PortalForm):
    """What happened, under which insurance."""

    policy = forms.ModelChoiceField(
        label=_("保单"), queryset=InsurancePolicy.objects.none(), to_field_name="key"
    )
    happened_on = DayField(label=_("出险日期"))
    event = forms.CharField(label=_("出险情况"), max_length=500)
    claimed_fen = YuanField(label=_("索赔金额（元）"))

    def __init__(self, *args: Any, insurers: QuerySet[Party], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["policy"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = InsurancePolicy.objects.filter(insurer__in=insurers)


class DecisionForm(PortalForm):
    """How much is paid; 0 refuses."""

    paid_fen = YuanField(label=_("赔付金额（元），0 为不予赔付"), zero=True)
