"""Layers for tests that break what is under them, and one receiver that stays idle meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from runtime.layers import connection
from runtime.layers.base import BaseChannelLayer
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer

LAYERS: dict[str, type[BaseChannelLayer]] = {
    "streams": RedisChannelLayer,
    "pubsub": RedisPubSubChannelLayer,
}


MakeLayer = Callable[..., BaseChannelLayer]


def path_of(kind: str) -> str:
    """Return the dotted path of a kind of layer."""
    return f"{LAYERS[kind].__module__}.{LAYERS[kind].__qualname__}"


@pytest.fixture(params=LAYERS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of layer that a test is about: each in turn."""
    return request.param


@pytest.fixture
async def make_layer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeLayer]:
    """Return a function that makes a layer for a host, as it stands in the option `hosts`."""
    # A server that dies each second is tried again after a second; twenty deaths would be slow.
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.1)
    layers: list[BaseChannelLayer] = []

    def make(host: object, kind: str = "streams", **options: object) -> BaseChannelLayer:
        layers.append(LAYERS[kind](hosts=[host], **options))
        return layers[-1]

    yield make
    for layer in layers:
        await layer.close()
