"""The chat in Django's admin."""

from django.contrib import admin

from chat.models import Message


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """Messages, the newest first."""

    list_display = ("said_at", "room", "author", "text")
    list_filter = ("room",)
    ordering = ("-said_at",)
