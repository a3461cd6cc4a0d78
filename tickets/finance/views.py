"""Pages of finance: the office's register, the bank's pledges, the insurer's insurances."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.access import signed_in
from portal.accounts.forms import PortalForm
from portal.accounts.models import Department, Party, Role, User
from portal.accounts.queries import has_role
from portal.base.answers import answer_refused, pressed_once
from portal.base.clock import today
from portal.base.errors import InvalidInput, NotFound, PortalError
from portal.base.tables import table_file
from tickets.finance import operations as acts
from tickets.finance.access import (
    access_bank,
    access_claim,
    access_insurer,
    access_policy,
    access_register,
    access_row,
)
from tickets.finance.forms import (
    ClaimForm,
    DecisionForm,
    EndForm,
    EndPolicyForm,
    PolicyForm,
    RowForm,
    StrikeForm,
)
from tickets.finance.models import FinanceRow, InsurancePolicy
from tickets.finance.queries import Line, Quarter, own_pledges, register_lines, valuation_price_fen

REFUSED = 422
STRUCK = 20
_QUARTER = re.compile(r"(20\d\d)Q([1-4])")


@dataclass(frozen=True)
class Beside:
    """One of the small forms beside a row that was refused: whose it is, and as it was filled in."""

    key: uuid.UUID
    form: PortalForm
    refusal: PortalError | None

    @property
    def code(self) -> str:
        """Of what the act refused, or of a field that is wrong."""
        return self.refusal.code if self.refusal else InvalidInput.code

    def said(self) -> list[str]:
        """What was wrong, each with its field."""
        fields = self.form.fields
        return [
            f"{fields[name].label}：{error}" if name in fields else str(error)
            for name, errors in self.form.errors.items()
            for error in errors
        ]


def _tried(form: PortalForm, key: uuid.UUID, act: Callable[..., object]) -> Beside | None:
    """None when the act was done with what the small form says, else what its page shows again."""
    refusal: PortalError | None = None
    if form.is_valid():
        try:
            act(**form.cleaned_data)
        except NotFound:
            raise
        except PortalError as error:
            form.add_refusal(error)
            refusal = error
        else:
            return None
    return Beside(key, form, refusal)


@login_required
@never_cache
def finance(request: HttpRequest) -> HttpResponse:
    """Whoever has a part in finance comes to the own page."""
    user = signed_in(request)
    if has_role(user, Role.BANK):
        return redirect("finance:bank")
    if has_role(user, Role.INSURER):
        return redirect("finance:insurer")
    return redirect("finance:register")


# --- the office ---------------------------------------------------------------------------------
@login_required
@never_cache
def register(request: HttpRequest) -> HttpResponse:
    """All products that refer to tickets, of one bank or quarter where asked; rows are added here."""
    user = signed_in(request)
    access_register(user)
    posted = request.method == "POST"
    form = RowForm(request.POST) if posted else RowForm()
    refused: PortalError | None = None
    if posted and form.is_valid():
        try:
            given = dict(form.cleaned_data)
            given["kind"] = FinanceRow.Kind(given["kind"])
            pressed_once(
                request,
                "finance.record",
                lambda: str(acts.record_row(**given, actor=user).key),
                actor_key=user.key,
            )
        except PortalError as refusal:
            form.add_refusal(refusal)
            refused = refusal
        else:
            messages.success(request, _("已登记，待审批人确认。"))
            return redirect("finance:register")
    page = _register_page(request, user, form=form, status=REFUSED if posted else 200)
    return answer_refused(page, refused)


def _register_page(
    request: HttpRequest, user: User, *, form: RowForm, status: int, beside: Beside | None = None
) -> HttpResponse:
    clerk = has_role(user, Role.CLERK, Department.FINANCE)
    lines, chosen, quarter = _lines(request)
    context = {
        "lines": lines,
        "chosen": chosen,
        "quarter": quarter,
        "institutions": Party.objects.filter(pk__in=_institutions()).order_by("name"),
        "form": form if clerk else None,
        "beside": beside,
        "request_key": uuid.uuid4(),
        "may_end": clerk,
        "today": today(),
        "waiting": FinanceRow.objects.waiting().select_related("institution", "ticket"),
        "struck": FinanceRow.objects.filter(struck_by__isnull=False).select_related(
            "institution", "struck_by"
        )[:STRUCK],
        "may_confirm": has_role(user, Role.APPROVER, Department.FINANCE),
        "standing": sum(line.stands for line in lines),
        "total_fen": sum(line.amount_fen for line in lines if line.stands and not line.insurance),
        "insured_fen": sum(line.amount_fen for line in lines if line.stands and line.insurance),
    }
    return render(request, "finance/register.html", context, status=status)


def _register_refused(request: HttpRequest, user: User, beside: Beside) -> HttpResponse:
    page = _register_page(request, user, form=RowForm(), status=REFUSED, beside=beside)
    return answer_refused(page, beside.refusal)


@login_required
@require_POST
def confirm(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    user = signed_in(request)
    acts.confirm_row(row=access_row(key, user), actor=user)
    messages.success(request, _("已确认。"))
    return redirect("finance:register")


@login_required
@require_POST
def end(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """It was paid back or wound up, on a day that the clerk names."""
    user = signed_in(request)
    act = partial(acts.end_row, row=access_row(key, user), actor=user)
    beside = _tried(EndForm(request.POST), key, act)
    if beside is not None:
        return _register_refused(request, user, beside)
    messages.success(request, _("已登记结清。"))
    return redirect("finance:register")


@login_required
@require_POST
def strike(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """It was recorded wrongly, for a reason that the approver writes."""
    user = signed_in(request)
    act = partial(acts.strike_row, row=access_row(key, user), actor=user)
    beside = _tried(StrikeForm(request.POST), key, act)
    if beside is not None:
        return _register_refused(request, user, beside)
    messages.success(request, _("已撤销。"))
    return redirect("finance:register")


@login_required
@require_safe
@never_cache
def report(request: HttpRequest, form: str) -> HttpResponse:
    """The register's lines as a file, by institution and quarter: as things stood at its end."""
    access_register(signed_in(request))
    lines, _chosen, quarter = _lines(request)
    head = [
        _("产品"), _("机构"), _("编号"), _("碳票"), _("登记数量（千克）"),
        _("季末质押（千克）") if quarter else _("现质押（千克）"), _("金额（元）"), _("起"), _("止"),
        _("季末状态") if quarter else _("状态"),
    ]  # fmt: skip
    rows = [
        (
            line.kind, line.institution, line.number, line.ticket, line.quantity_kg, line.held_kg,
            line.amount_fen / 100, line.begins_on.isoformat(), line.ends_on.isoformat(),
            str(line.standing.label),
        )
        for line in lines
    ]  # fmt: skip
    return table_file(f"finance-{quarter or 'all'}", form, head, rows)


def _lines(request: HttpRequest) -> tuple[list[Line], Party | None, Quarter | None]:
    bank, asked = request.GET.get("bank", ""), request.GET.get("quarter", "").strip()
    chosen = None
    if bank:
        try:
            chosen = Party.objects.get(key=uuid.UUID(bank))
        except (ValueError, Party.DoesNotExist) as error:
            raise NotFound() from error
    quarter = None
    if asked:
        found = _QUARTER.fullmatch(asked)
        if found is None:
            raise InvalidInput(field=_("季度"), reason=_("写作 2026Q3"))
        quarter = Quarter(int(found[1]), int(found[2]))
        if quarter.first > today():
            raise InvalidInput(field=_("季度"), reason=_("还没有到"))
    return register_lines(chosen, quarter), chosen, quarter


def _institutions() -> set[int]:
    """Whoever has a line in the register: banks, funds and insurers."""
    rows = FinanceRow.objects.values_list("institution", flat=True)
    pledgees = Party.objects.filter(pledges_held__isnull=False).values_list("pk", flat=True)
    return {*rows, *pledgees, *InsurancePolicy.objects.values_list("insurer", flat=True)}


# --- the bank -----------------------------------------------------------------------------------
@login_required
@require_safe
@never_cache
def bank(request: HttpRequest) -> HttpResponse:
    """Own pledges, their value at the market's price, and what has to be known."""
    banks = access_bank(signed_in(request))
    rows = own_pledges(banks)
    context = {
        "rows": rows,
        "price_fen": valuation_price_fen(),
        "alerts": sum(bool(row.alerts) for row in rows),
        "value_fen": sum(row.value_fen for row in rows),
        "amount_fen": sum(row.pledge.amount_fen for row in rows if row.held_kg),
        "products": FinanceRow.objects.counted()
        .filter(institution__in=banks)
        .select_related("ticket"),
    }
    return render(request, "finance/bank.html", context)


# --- the insurer --------------------------------------------------------------------------------
@login_required
@never_cache
def insurer(request: HttpRequest) -> HttpResponse:
    """Own insurances and their claims."""
    user = signed_in(request)
    insurers = access_insurer(user)
    act = request.POST.get("act", "") if request.method == "POST" else ""
    insure_form = PolicyForm(request.POST if act == "insure" else None, prefix="insure")
    claim_form = ClaimForm(
        request.POST if act == "claim" else None, prefix="claim", insurers=insurers
    )
    form: Any = {"insure": insure_form, "claim": claim_form}.get(act)
    refused: PortalError | None = None
    if form is not None and form.is_valid():
        try:
            pressed_once(
                request,
                f"finance.{act}",
                lambda: _insurer_act(act, form.cleaned_data, insurers[0], user),
                actor_key=user.key,
            )
        except PortalError as refusal:
            form.add_refusal(refusal)
            refused = refusal
        else:
            messages.success(request, _("已登记。"))
            return redirect("finance:insurer")
    forms = {"insure_form": insure_form, "claim_form": claim_form}
    status = REFUSED if form is not None else 200
    return answer_refused(_insurer_page(request, insurers, forms, status=status), refused)


def _insurer_page(
    request: HttpRequest,
    insurers: QuerySet[Party],
    forms: dict[str, PortalForm],
    *,
    status: int,
    beside: Beside | None = None,
) -> HttpResponse:
    context = {
        "policies": InsurancePolicy.objects.filter(insurer__in=insurers)
        .select_related("ticket")
        .prefetch_related("claims"),
        **forms,
        "beside": beside,
        "request_key": uuid.uuid4(),
        "today": today(),
    }
    return render(request, "finance/insurer.html", context, status=status)


def _insurer_refused(request: HttpRequest, user: User, beside: Beside) -> HttpResponse:
    insurers = access_insurer(user)
    forms: dict[str, PortalForm] = {
        "insure_form": PolicyForm(prefix="insure"),
        "claim_form": ClaimForm(prefix="claim", insurers=insurers),
    }
    page = _insurer_page(request, insurers, forms, status=REFUSED, beside=beside)
    return answer_refused(page, beside.refusal)


def _insurer_act(act: str, given: dict[str, Any], company: Party, user: User) -> str:
    """The key of what was written."""
    if act == "insure":
        subject = InsurancePolicy.Subject(given.pop("subject"))
        return str(acts.insure(**given, subject=subject, insurer=company, actor=user).key)
    return str(acts.claim(**given, actor=user).key)


@login_required
@require_POST
def end_insurance(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """An insurance ends before its term, on a day and for a reason that its insurer writes."""
    user = signed_in(request)
    act = partial(acts.end_policy, policy=access_policy(key, user), actor=user)
    beside = _tried(EndPolicyForm(request.POST), key, act)
    if beside is not None:
        return _insurer_refused(request, user, beside)
    messages.success(request, _("已登记提前终止。"))
    return redirect("finance:insurer")


@login_required
@require_POST
def decide(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    """How much is paid for a claim."""
    user = signed_in(request)
    act = partial(acts.decide_claim, claim=access_claim(key, user), actor=user)
    beside = _tried(DecisionForm(request.POST), key, act)
    if beside is not None:
        return _insurer_refused(request, user, beside)
    messages.success(request, _("已登记理赔结果。"))
    return redirect("finance:insurer")
