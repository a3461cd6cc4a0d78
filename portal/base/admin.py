"""Policy values with their history, and what the outbox holds, for the administrator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.base.errors import PortalError
from portal.base.models import OutboxMessage, Policy
from portal.base.policy import Actor, policies_in_force, policy_in_force, set_policy


class PolicyForm(forms.ModelForm[Policy]):
    """A newer value for a code that exists."""

    class Meta:
        model = Policy
        fields = ("code", "value", "text", "valid_from", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "valid_from" not in self.fields:  # A row that is only looked at.
            return
        self.fields["valid_from"].required = False
        self.fields["valid_from"].initial = None
        self.fields["valid_from"].help_text = gettext_lazy("留空表示立即生效；不能早于现在。")
        self.fields["reason"].required = True
        self.fields["code"].widget.attrs["readonly"] = True


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin[Policy]):
    """What is in force; a change is a new row, and a row's page shows the whole history."""

    list_display = ("code", "label", "value", "short_text", "unit", "article", "valid_from")
    search_fields = ("code", "label")
    ordering = ("code",)
    form = PolicyForm
    change_form_template = "admin/base/policy/change_form.html"
    list_per_page = 200

    @admin.display(description=gettext_lazy("文本"))
    def short_text(self, row: Policy) -> str:
        return row.text if len(row.text) <= 40 else f"{row.text[:40]}…"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        queryset = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "base_policy_changelist":
            # A subquery: the list may be sorted and searched, DISTINCT ON may not.
            return queryset.filter(pk__in=policies_in_force().values("pk"))
        return queryset

    def has_change_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        initial = super().get_changeform_initial_data(request)
        present = Policy.objects.filter(code=request.GET.get("code", "")).order_by(
            "-valid_from", "-id"
        )
        if found := present.first():
            initial["text"] = found.text
            initial["value"] = f"{found.value.normalize():f}" if found.value is not None else ""
        return initial

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        code = request.POST.get("code") or request.GET.get("code", "")
        if not Policy.objects.filter(code=code).exists():
            messages.info(request, _("请在列表中选择要修改的政策参数。"))
            return HttpResponseRedirect(reverse("admin:base_policy_changelist"))
        try:
            return super().add_view(request, form_url, self._with_history(code, extra_context))
        except PortalError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(f"{reverse('admin:base_policy_add')}?code={code}")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        context = self._with_history(row.code, extra_context) if row else extra_context
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        wanted = form.cleaned_data
        value: Decimal | None = wanted["value"]
        row = set_policy(
            code=wanted["code"],
            value=value,
            text=wanted["text"],
            reason=wanted["reason"],
            valid_from=wanted["valid_from"] if "valid_from" in form.changed_data else None,
            actor=cast(Actor, request.user),
        )
        obj.pk = row.pk
        obj._state.adding = False

    def _with_history(self, code: str, context: dict[str, Any] | None) -> dict[str, Any]:
        history = Policy.objects.filter(code=code).order_by("-valid_from", "-id")
        return {
            **(context or {}),
            "policy_history": history,
            "policy_code": code,
            "policy_now": policy_in_force(code) if history else None,
        }


@admin.register(OutboxMessage)
class OutboxMessageAdmin(admin.ModelAdmin[OutboxMessage]):
    """Who was written to and when; never the text, which may hold a reset link."""

    list_display = ("made_at", "recipient", "subject", "delivered_at", "attempts", "last_error")
    list_filter = ("channel",)
    fields = ("id", "channel", "recipient", "subject", "made_at", "delivered_at", "last_error")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
