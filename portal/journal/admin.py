from django.contrib import admin
from django.http import HttpRequest

from portal.journal.models import Event, Seal


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The journal is looked at, never edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("recorded_at", "subject_kind", "subject_key", "seq", "verb", "actor_key")
    search_fields = ("subject_key", "verb")
    list_filter = ("subject_kind",)


@admin.register(Seal)
class SealAdmin(ReadOnlyAdmin):
    list_display = ("day", "heads", "last_event_id", "sealed_at")
