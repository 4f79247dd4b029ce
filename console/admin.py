"""What the console keeps, in Django's admin: found, corrected and removed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from console.models import SavedMessage

if TYPE_CHECKING:
    SavedMessageModelAdmin = admin.ModelAdmin[SavedMessage]
else:
    SavedMessageModelAdmin = admin.ModelAdmin


@admin.register(SavedMessage)
class SavedMessageAdmin(SavedMessageModelAdmin):
    """Messages of the Client."""

    list_display = ("name", "kind", "consumer", "made_by", "made_at")
    list_filter = ("kind", "consumer")
    search_fields = ("name", "body")
    raw_id_fields = ("made_by",)
