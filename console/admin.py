"""What the console keeps, in Django's admin: found, corrected and removed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from console.models import Impersonation, Recording, SavedMessage

if TYPE_CHECKING:
    SavedMessageModelAdmin = admin.ModelAdmin[SavedMessage]
    RecordingModelAdmin = admin.ModelAdmin[Recording]
    ImpersonationModelAdmin = admin.ModelAdmin[Impersonation]
else:
    SavedMessageModelAdmin = RecordingModelAdmin = admin.ModelAdmin
    ImpersonationModelAdmin = admin.ModelAdmin


@admin.register(SavedMessage)
class SavedMessageAdmin(SavedMessageModelAdmin):
    """Messages of the Client."""

    list_display = ("name", "kind", "consumer", "made_by", "made_at")
    list_filter = ("kind", "consumer")
    search_fields = ("name", "body")
    raw_id_fields = ("made_by",)


@admin.register(Recording)
class RecordingAdmin(RecordingModelAdmin):
    """Recordings; their steps are shown by the console."""

    list_display = ("name", "subject", "made_by", "began_at", "ended_at", "step_count")
    list_filter = ("subject", "began_at")
    search_fields = ("name", "of")
    fields = (
        ("name", "volatile"),
        ("subject", "of"),
        ("made_by", "process"),
        ("began_at", "ended_at", "end_reason"),
        ("step_count", "size_bytes", "missed"),
    )
    readonly_fields = (
        "subject",
        "of",
        "made_by",
        "process",
        "began_at",
        "ended_at",
        "end_reason",
        "step_count",
        "size_bytes",
        "missed",
    )

    def has_add_permission(self, request: HttpRequest, obj: Recording | None = None) -> bool:
        """Recordings are made by the console alone."""
        return False


@admin.register(Impersonation)
class ImpersonationAdmin(ImpersonationModelAdmin):
    """Who opened a connection as whom: to be read, and not to be changed."""

    list_display = ("made_at", "made_by", "user", "path", "used_at", "ended_at")
    list_filter = ("made_at",)
    search_fields = ("path",)

    def has_add_permission(self, request: HttpRequest, obj: Impersonation | None = None) -> bool:
        """They are made by the console alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Impersonation | None = None) -> bool:
        """What happened stays as it was."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Impersonation | None = None) -> bool:
        """What happened stays."""
        return False
