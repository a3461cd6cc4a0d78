"""Users, their roles, and parties, for the administrator. Every write is an operation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Department, Party, Role, RoleGrant, User
from portal.accounts.operations import (
    close_account,
    grant_role,
    open_account,
    remove_second_factor,
    revoke_role,
)
from portal.base.errors import PortalError


class OperationsOnly:
    """No row is edited or removed by a form: what may be done is an operation with a name."""

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


def acting(request: HttpRequest) -> User:
    """The administrator behind a page of the administration."""
    if not isinstance(request.user, User):
        raise TypeError("the administration lets nobody in without an account")
    return request.user


class RoleGrantInline(OperationsOnly, admin.TabularInline[RoleGrant, User]):
    """The roles held and once held."""

    model = RoleGrant
    fk_name = "user"
    extra = 0
    fields = ("role", "department", "valid_from", "valid_to", "granted_by", "revoked_by")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AccountForm(AdminUserCreationForm):
    """An account for somebody who serves the register."""

    usable_password = None  # type: ignore[assignment]

    class Meta:
        model = User
        fields = ("username", "full_name", "phone", "email")


@admin.register(User)
class UserAdmin(OperationsOnly, admin.ModelAdmin[User]):
    """Open and close accounts, reset a lost authenticator."""

    list_display = ("username", "full_name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "role_grants__role")
    search_fields = ("username", "full_name", "email")
    readonly_fields = ("key", "date_joined", "last_login")
    inlines = (RoleGrantInline,)
    actions = ("close_accounts", "reset_second_factors")

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("username", "full_name", "phone", "email", "password1", "password2")
        return (
            "username",
            "full_name",
            "phone",
            "email",
            "is_active",
            "key",
            "date_joined",
            "last_login",
        )

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm[User]]:
        if obj is None:
            return AccountForm
        return super().get_form(request, obj, change, **kwargs)

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        opened = open_account(
            username=obj.username,
            password=form.cleaned_data["password1"],
            full_name=obj.full_name,
            phone=obj.phone,
            email=obj.email,
            actor=acting(request),
        )
        obj.pk = opened.pk
        obj._state.adding = False

    @admin.action(description=gettext_lazy("停用所选账户"), permissions=["view"])
    def close_accounts(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        for user in rows:
            tell(request, lambda user=user: close_account(user=user, actor=acting(request)))

    @admin.action(description=gettext_lazy("重置所选账户的验证器"), permissions=["view"])
    def reset_second_factors(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        for user in rows:
            tell(request, lambda user=user: remove_second_factor(user=user, actor=acting(request)))


class RoleGrantForm(forms.ModelForm[RoleGrant]):
    """Whom to give which office."""

    class Meta:
        model = RoleGrant
        fields = ("user", "role", "department")


@admin.register(RoleGrant)
class RoleGrantAdmin(OperationsOnly, admin.ModelAdmin[RoleGrant]):
    """Give and take back roles; a revocation is never undone."""

    list_display = ("user", "role", "department", "valid_from", "valid_to", "granted_by")
    list_filter = ("role", "department")
    list_select_related = ("user", "granted_by")
    search_fields = ("user__username", "user__full_name")
    autocomplete_fields = ("user",)
    form = RoleGrantForm
    actions = ("revoke_roles",)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().add_view(request, form_url, extra_context)
        except PortalError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: RoleGrant, form: Any, change: bool) -> None:
        granted = grant_role(
            user=obj.user,
            role=Role(obj.role),
            department=Department(obj.department) if obj.department else None,
            actor=acting(request),
        )
        obj.pk = granted.pk
        obj._state.adding = False

    @admin.action(description=gettext_lazy("收回所选角色"), permissions=["view"])
    def revoke_roles(self, request: HttpRequest, rows: QuerySet[RoleGrant]) -> None:
        for grant in rows:
            tell(request, lambda grant=grant: revoke_role(grant=grant, actor=acting(request)))


@admin.register(Party)
class PartyAdmin(OperationsOnly, admin.ModelAdmin[Party]):
    """Who can hold rights; numbers are masked here and shown nowhere else but at the desk."""

    list_display = ("name", "kind", "masked_number", "checked_at", "made_at")
    list_filter = ("kind",)
    search_fields = ("name", "identity_last4")
    fields = ("key", "kind", "name", "masked_number", "checked_at", "made_at")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("证件号码"))
    def masked_number(self, row: Party) -> str:
        return row.identity_masked

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


def tell(request: HttpRequest, act: Any) -> None:
    """Do one of several acts; what is refused is said, the others go on."""
    try:
        act()
    except PortalError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("已完成。"))
