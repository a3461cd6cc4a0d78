"""Methods, parameter sets and equations for the administrator: read all, publish the next version."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from portal.accounts.admin import OperationsOnly, acting
from portal.base.errors import PortalError
from tickets.accounting.models import BiomassEquation, Method, ParameterSet
from tickets.accounting.parameters import publish

_NEWEST = "from"


class PublishedAdmin(OperationsOnly, admin.ModelAdmin[Any]):
    """Versions are added, never edited; ``?from=ID`` fills the form from a former version."""

    list_display: tuple[str, ...] = (
        "code", "version", "name", "approver", "valid_from", "valid_to", "short_hash",
        "next_version",
    )  # fmt: skip
    search_fields = ("code", "name", "source")
    ordering = ("code", "-version")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All that is published; hash and time once they are written."""
        hidden = {"id", "version", "content_sha256", "made_by", "made_at"}
        names = [field.name for field in self.model._meta.fields if field.name not in hidden]
        return names if obj is None else ["version", *names, "sha256", "made_by", "made_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if obj is None else self.get_fields(request, obj)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        wanted = request.GET.get(_NEWEST, "")
        former = self.model.objects.filter(pk=wanted).first() if wanted.isdecimal() else None
        if former is None:
            return {}
        return forms.model_to_dict(former, fields=self.get_fields(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().add_view(request, form_url, extra_context)
        except PortalError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        publish(row=obj, actor=acting(request))

    @admin.display(description=_("新版本"))
    def next_version(self, row: Any) -> str:
        """To the form of the next version, filled with this one."""
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_add"
        return format_html('<a href="{}?{}={}">{}</a>', reverse(name), _NEWEST, row.pk, _("发布"))

    @admin.display(description="SHA-256")
    def short_hash(self, row: Any) -> str:
        return str(row.sha256)[:12]


@admin.register(Method)
class MethodAdmin(PublishedAdmin):
    """核算方法."""


@admin.register(ParameterSet)
class ParameterSetAdmin(PublishedAdmin):
    """参数集."""

    list_filter = ("group", "standing")


@admin.register(BiomassEquation)
class BiomassEquationAdmin(PublishedAdmin):
    """单木生物量方程."""

    list_filter = ("group", "standing")
