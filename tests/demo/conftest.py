"""A channel layer of each test's own, so that no room is left with somebody of another test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.layers import InMemoryChannelLayer
from tests.support.default_layer import default_layer


@pytest.fixture(autouse=True)
def layer() -> Iterator[InMemoryChannelLayer]:
    """Yield the layer that the application under test gets."""
    with default_layer(InMemoryChannelLayer()) as fresh:
        yield fresh
