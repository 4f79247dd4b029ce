"""A channel layer of each test's own, so that no room is left with somebody of another test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.layers import InMemoryChannelLayer, channel_layers


@pytest.fixture(autouse=True)
def layer() -> Iterator[InMemoryChannelLayer]:
    """Yield the layer that the application under test gets."""
    fresh = InMemoryChannelLayer()
    before = channel_layers.set("default", fresh)
    yield fresh
    if before is None:
        del channel_layers.backends["default"]
    else:
        channel_layers.set("default", before)
