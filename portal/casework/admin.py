"""Calendar, regulation and the register of experts, for the administrator; cases to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.accounts.admin import acting
from portal.casework.models import (
    CalendarYear,
    Expert,
    ExpertConflict,
    Regulation,
    ReviewCase,
    ReviewStep,
    WorkingDay,
)
from portal.casework.operations import refresh_all_deadlines
from portal.casework.queries import unconfirmed_regulations
from portal.journal.operations import record_event


class WorkingDayInline(admin.TabularInline[WorkingDay, CalendarYear]):
    model = WorkingDay
    extra = 3


@admin.register(CalendarYear)
class CalendarYearAdmin(admin.ModelAdmin[CalendarYear]):
    """An official table; saving one computes every deadline under way anew."""

    list_display = ("year", "source")
    inlines = (WorkingDayInline,)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        refresh_all_deadlines()
        record_event(
            subject_kind="calendar_year",
            subject_key=form.instance.year,
            verb="set",
            actor_key=acting(request).key,
            facts={"days": form.instance.days.count()},
        )


@admin.register(Regulation)
class RegulationAdmin(admin.ModelAdmin[Regulation]):
    """Versions with their days (article 25). What was decided under one stays under it.

    Every page says so while the days of a version wait to be confirmed by the administrator.
    """

    list_display = (
        "title", "version", "announced_on", "valid_from", "valid_to", "days_confirmed",
    )  # fmt: skip

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self._say_what_waits(request)
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "GET":
            self._say_what_waits(request)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Regulation, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        record_event(
            subject_kind="regulation",
            subject_key=obj.pk,
            verb="set",
            actor_key=acting(request).key,
            facts={
                "announced_on": str(obj.announced_on),
                "valid_from": str(obj.valid_from),
                "valid_to": str(obj.valid_to),
                "days_confirmed": obj.days_confirmed,
            },
        )

    def _say_what_waits(self, request: HttpRequest) -> None:
        for row in unconfirmed_regulations():
            text = _("“{version}”版办法的日期是系统预置的示例，不是公布日期：请核对后更正并勾选。")
            messages.warning(request, text.format(version=row.version))

    def has_delete_permission(self, request: HttpRequest, obj: Regulation | None = None) -> bool:
        return False


class ExpertConflictInline(admin.TabularInline[ExpertConflict, Expert]):
    model = ExpertConflict
    extra = 0
    raw_id_fields = ("party",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Expert)
class ExpertAdmin(admin.ModelAdmin[Expert]):
    """The register: qualification, term, declared conflicts."""

    list_display = ("user", "speciality", "qualification", "valid_from", "valid_to")
    raw_id_fields = ("user",)
    inlines = (ExpertConflictInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Expert | None = None) -> bool:
        return False


class ReviewStepInline(admin.TabularInline[ReviewStep, ReviewCase]):
    model = ReviewStep
    fields = ("title", "department", "status", "due_on", "prepared_by", "decided_by")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ReviewCase)
class ReviewCaseAdmin(admin.ModelAdmin[ReviewCase]):
    """To look at: cases move by their verdicts only."""

    list_display = ("number", "title", "kind", "state", "received_on", "due_on")
    list_filter = ("kind", "state")
    search_fields = ("number", "title")
    inlines = (ReviewStepInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
