"""The contract of channel layers as tests, which any layer can be put to.

A layer's tests derive from the contracts that it promises to keep, and say how one is made::

    class TestMyLayer(ChannelLayerContract):
        def make_layer(self, **options):
            return MyChannelLayer(**options)

Each test makes its layer, runs on a loop of its own, and closes the layer. So they run under
pytest without a plugin, and under unittest if the class derives from `unittest.TestCase` as well.
"""

from runtime.testing.layers.acknowledged import AcknowledgementContract
from runtime.testing.layers.channels import ChannelsContract, NamedChannelsContract
from runtime.testing.layers.groups import FlushContract, GroupsContract
from runtime.testing.layers.harness import LayerContract, with_layer
from runtime.testing.layers.history import HistoryContract
from runtime.testing.layers.introspection import IntrospectionContract
from runtime.testing.layers.loops import LoopsContract
from runtime.testing.layers.peers import PeersContract
from runtime.testing.layers.presence import PresenceContract, PresentPeersContract
from runtime.testing.layers.push import PushContract

__all__ = [
    "AcknowledgementContract",
    "ChannelLayerContract",
    "ChannelsContract",
    "FlushContract",
    "GroupsContract",
    "HistoryContract",
    "IntrospectionContract",
    "LayerContract",
    "LoopsContract",
    "NamedChannelsContract",
    "PeersContract",
    "PresenceContract",
    "PresentPeersContract",
    "PushContract",
    "with_layer",
]


class ChannelLayerContract(
    ChannelsContract, NamedChannelsContract, GroupsContract, FlushContract, LoopsContract
):
    """All that the specification of channel layers asks for, with its two extensions."""
