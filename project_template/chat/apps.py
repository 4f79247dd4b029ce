"""The Django application of the chat."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Registers the chat with Django."""

    name = "chat"
