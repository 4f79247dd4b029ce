"""Servers for protocols beyond HTTP and WebSocket: a chatbot, MQTT and amateur radio.

Each is an interface server as the ASGI specification means it: it opens scopes, puts events in
and carries out those that come back. What they share is in `server`, `scopes`, `connecting`
and `options`; the commands are in `runtime.management`. A project's own server begins with
`ProtocolServer`.
"""

from runtime.protocols.scopes import OpenScope
from runtime.protocols.server import ProtocolServer

__all__ = ["OpenScope", "ProtocolServer"]
