"""A channel layer in the place of the project's default one, and its own back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from runtime.layers import channel_layers

L = TypeVar("L")


@contextmanager
def default_layer(layer: L) -> Iterator[L]:
    """Let `layer` be the default one while the context lasts.

    Where the project had made none yet, it makes one again: an alias that is set to nothing
    would be a project without layers, for every test that comes later.
    """
    before = channel_layers.set("default", layer)
    try:
        yield layer
    finally:
        if before is None:
            del channel_layers.backends["default"]
        else:
            channel_layers.set("default", before)
