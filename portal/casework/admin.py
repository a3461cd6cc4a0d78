"""Calendar, regulation and the register of experts, for the administrator; cases to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

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


@admin.register(Regulation)
class RegulationAdmin(admin.ModelAdmin[Regulation]):
    """Versions with their days (article 25). What was decided under one stays under it."""

    list_display = ("title", "version", "announced_on", "valid_from", "valid_to")

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
