"""Channel layers: messages between the parts of an application, within a process and across.

Collects the public names; each lives in the module of its own beside this one.
"""

from runtime import DEFAULT_CHANNEL_LAYER
from runtime.exceptions import ChannelFull, InvalidChannelLayerError
from runtime.layers.base import BaseChannelLayer, PushLayer
from runtime.layers.memory import InMemoryChannelLayer
from runtime.layers.registry import (
    ChannelLayerManager,
    channel_layers,
    get_channel_layer,
)

__all__ = [
    "DEFAULT_CHANNEL_LAYER",
    "BaseChannelLayer",
    "ChannelFull",
    "ChannelLayerManager",
    "InMemoryChannelLayer",
    "InvalidChannelLayerError",
    "PushLayer",
    "channel_layers",
    "get_channel_layer",
]
