"""The demo's log and news in Django's admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from console.demo.models import Headline, Log

if TYPE_CHECKING:
    LogModelAdmin = admin.ModelAdmin[Log]
    HeadlineModelAdmin = admin.ModelAdmin[Headline]
else:
    LogModelAdmin = HeadlineModelAdmin = admin.ModelAdmin


@admin.register(Log)
class LogAdmin(LogModelAdmin):
    """Lists the visits, newest first; to read, because only a consumer writes them."""

    list_display = ("at", "type", "client")
    list_filter = ("type",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: a line that no visit wrote would be a lie."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Log | None = None) -> bool:
        """Return False: what happened does not change."""
        return False


@admin.register(Headline)
class HeadlineAdmin(HeadlineModelAdmin):
    """Lists the news, newest first."""

    list_display = ("at", "text")
