"""The layers of a project, made from its CHANNEL_LAYERS setting when they are first asked for.

Owns one instance for each alias and forgets them when the setting changes, as
tests do with `override_settings`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from runtime import DEFAULT_CHANNEL_LAYER
from runtime.exceptions import InvalidChannelLayerError
from runtime.layers.base import BaseChannelLayer
from runtime.layers.tapping import tapped


class ChannelLayerManager:
    """The project's channel layers by alias.

    Attributes:
        backends: {alias: layer}, for those that have been made.
    """

    def __init__(self) -> None:
        self.backends: dict[str, Any] = {}
        setting_changed.connect(self._reset_backends)

    @property
    def configs(self) -> dict[str, Any]:
        """The CHANNEL_LAYERS setting; empty when layers are disabled."""
        return getattr(settings, "CHANNEL_LAYERS", None) or {}

    def make_backend(self, name: str) -> Any:
        """Return a new layer of the alias `name`.

        Raises:
            KeyError: CHANNEL_LAYERS has no such alias.
            InvalidChannelLayerError: the layer cannot be made; the message says why.
        """
        return self._make_backend(name, self.configs[name].get("CONFIG", {}))

    def make_test_backend(self, name: str) -> Any:
        """Return a new layer of the alias `name`, made with its TEST_CONFIG.

        Raises:
            KeyError: CHANNEL_LAYERS has no such alias.
            InvalidChannelLayerError: it has no TEST_CONFIG, or the layer cannot be made.
        """
        if "TEST_CONFIG" not in self.configs[name]:
            raise InvalidChannelLayerError(
                f"CHANNEL_LAYERS[{name!r}] has no TEST_CONFIG: the options of a layer for tests."
            )
        return self._make_backend(name, self.configs[name]["TEST_CONFIG"])

    def set(self, key: str, layer: Any) -> Any:
        """Use `layer` for the alias `key`; returns the one that stood there, or None."""
        old = self.backends.get(key)
        self.backends[key] = layer
        return old

    def __getitem__(self, key: str) -> Any:
        if key not in self.backends:
            self.backends[key] = self.make_backend(key)
        return self.backends[key]

    def __contains__(self, key: str) -> bool:
        return key in self.configs

    def _make_backend(self, name: str, config: dict[str, Any]) -> Any:
        layer = self.configs[name]
        if "ROUTING" in layer:
            raise InvalidChannelLayerError(
                f"CHANNEL_LAYERS[{name!r}] has a ROUTING key, which no layer takes."
                " Name the root application in ASGI_APPLICATION instead."
            )
        try:
            path = layer["BACKEND"]
        except KeyError:
            raise InvalidChannelLayerError(
                f"CHANNEL_LAYERS[{name!r}] has no BACKEND: the dotted path of a layer class."
            ) from None
        try:
            backend_class = import_string(path)
        except ImportError as error:
            raise InvalidChannelLayerError(
                f"Cannot import BACKEND {path!r} of CHANNEL_LAYERS[{name!r}]: {error}"
            ) from error
        return tapped(backend_class(**config))

    def _reset_backends(self, *, setting: str, **kwargs: Any) -> None:
        if setting == "CHANNEL_LAYERS":
            self.backends = {}


channel_layers = ChannelLayerManager()
"""The layers of this process."""


def get_channel_layer(alias: str = DEFAULT_CHANNEL_LAYER) -> Any:
    """Return the channel layer of that alias, or None if the project has none.

    Returns:
        BaseChannelLayer: or any object with `send`, `receive` and `new_channel`.
    """
    try:
        return channel_layers[alias]
    except KeyError:
        return None


__all__ = [
    "BaseChannelLayer",
    "ChannelLayerManager",
    "channel_layers",
    "get_channel_layer",
]
