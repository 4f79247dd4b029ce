"""The Django application of the runtime."""

from types import ModuleType

from django.apps import AppConfig
from django.conf import settings

ALIAS = "channels"
"""The name under which projects written for Channels install it."""

_ALIASES = frozenset({ALIAS, f"{ALIAS}.apps.ChannelsConfig"})


class ChannelsConfig(AppConfig):
    """Registers the runtime with Django: `"runtime"` in INSTALLED_APPS, or `"channels"`.

    The second name needs `runtime.install_as_channels()`. The application then has that name
    and label, because libraries ask `apps.is_installed("channels")`.
    """

    name = "runtime"
    label = "channelscope_runtime"
    verbose_name = "Channelscope runtime"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        if not _ALIASES.isdisjoint(settings.INSTALLED_APPS):
            app_name = self.label = ALIAS
        super().__init__(app_name, app_module)

    def ready(self) -> None:
        """Register the system checks."""
        from runtime import checks  # noqa: F401 - importing it registers them
