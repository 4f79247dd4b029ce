"""The Django application of the demo."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Chat rooms and their company; the label keeps clear of a project's own `demo`."""

    name = "console.demo"
    label = "channelscope_demo"
    verbose_name = "Channelscope demo"
    default_auto_field = "django.db.models.BigAutoField"
