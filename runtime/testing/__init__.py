"""What tests drive an ASGI application with: communicators, and a server for test cases.

Each name is imported when it is asked for: pytest loads this package, with the plugin in it, in
every project where it is installed, also in those without Django; and few tests need Daphne.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.testing.application import ApplicationCommunicator
    from runtime.testing.http import HttpCommunicator
    from runtime.testing.live import ChannelsLiveServerTestCase
    from runtime.testing.websocket import WebsocketCommunicator

__all__ = [
    "ApplicationCommunicator",
    "ChannelsLiveServerTestCase",
    "HttpCommunicator",
    "WebsocketCommunicator",
]

_MODULES = {
    "ApplicationCommunicator": "application",
    "ChannelsLiveServerTestCase": "live",
    "HttpCommunicator": "http",
    "WebsocketCommunicator": "websocket",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
