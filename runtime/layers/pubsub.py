"""The channel layer on Redis or Valkey with the shortest way: pub/sub, which keeps nothing.

Owns its two hooks; the rest is shared with the layer on streams.

Chosen by `"BACKEND": "runtime.layers.pubsub.RedisPubSubChannelLayer"`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

from runtime.layers.listening import ListeningNode
from runtime.layers.networked import NetworkedChannelLayer
from runtime.layers.node import Node
from runtime.tasks import spawn

__all__ = ["RedisPubSubChannelLayer"]

logger = logging.getLogger("runtime.layers.pubsub")

Hook = str | Callable[[], Any] | None
"""What to do about a server: the type of a message, a function, or nothing."""


class RedisPubSubChannelLayer(NetworkedChannelLayer):
    """A channel layer between processes that loses what is sent while somebody is away.

    Args:
        on_disconnect: what to do when a server has gone: the type of a message that each
            channel of this process gets, or a function, which may be a coroutine function.
        on_reconnect: the same for when it is back, and messages may be missing.

    See `NetworkedChannelLayer` for its other options.
    """

    _node_class = ListeningNode

    def __init__(
        self,
        hosts: object = None,
        prefix: str = "asgi",
        on_disconnect: Hook = None,
        on_reconnect: Hook = None,
        **options: Any,
    ) -> None:
        self._hooks = (on_disconnect, on_reconnect)
        super().__init__(hosts, prefix, **options)

    def _make_node(self, heir_of: ListeningNode | None) -> ListeningNode:
        return ListeningNode(self._node_options, heir_of)

    def _make_on_change(self) -> Any:
        on_disconnect, on_reconnect = self._hooks

        def on_change(node: Node, error: Exception | None) -> None:
            _call(node, on_reconnect if error is None else on_disconnect)

        return on_change


def _call(node: Node, hook: Hook) -> None:
    if isinstance(hook, str):
        for channel in node.local.channels():
            node.local.deliver(channel, {"type": hook}, None)
    elif hook is not None:
        try:
            result = hook()
        except Exception:
            logger.exception("%r failed.", hook)
            return
        if inspect.isawaitable(result):
            spawn(_awaited(result), name=f"{hook!r}")


async def _awaited(result: Any) -> None:
    await result
