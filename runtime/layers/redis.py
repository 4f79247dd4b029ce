"""The channel layer on Redis or Valkey that loses nothing within its retention: node streams.

Owns the options and their check; the work is done by a `StreamNode` for each event loop.

Chosen by `"BACKEND": "runtime.layers.redis.RedisChannelLayer"`.
"""

from __future__ import annotations

from runtime.exceptions import ChannelFull
from runtime.layers.networked import NetworkedChannelLayer
from runtime.layers.streams import StreamNode

__all__ = ["ChannelFull", "RedisChannelLayer"]


class RedisChannelLayer(NetworkedChannelLayer):
    """A channel layer between processes, in order, with leases, that goes on after an outage.

    See `NetworkedChannelLayer` for its options.
    """

    _node_class = StreamNode

    def _make_node(self, heir_of: StreamNode | None) -> StreamNode:
        return StreamNode(self._node_options, heir_of)
