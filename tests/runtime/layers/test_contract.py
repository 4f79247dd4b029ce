"""The contract of channel layers, kept by each layer of this package."""

from runtime.layers import InMemoryChannelLayer
from runtime.testing.layers import (
    AcknowledgementContract,
    ChannelLayerContract,
    HistoryContract,
    IntrospectionContract,
    PresenceContract,
    PresentPeersContract,
    PushContract,
)


class TestMemory(
    ChannelLayerContract,
    PushContract,
    IntrospectionContract,
    PresenceContract,
    PresentPeersContract,
    AcknowledgementContract,
    HistoryContract,
):
    def make_layer(self, **options):
        return InMemoryChannelLayer(**options)

    def make_peer(self, layer):
        return layer  # nobody else can reach it, so it is its own peer
