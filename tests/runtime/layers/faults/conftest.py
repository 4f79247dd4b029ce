"""Layers for tests that break what is under them, and one receiver that stays idle meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runtime.layers import connection
from runtime.layers.base import BaseChannelLayer
from runtime.layers.listening import ListeningNode
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


@contextmanager
def impatient(layer: Any, timeout_s: float = 0.2) -> Iterator[None]:
    """Let what `layer` asks of a server that is away fail soon, while the context lasts.

    Its option `timeout` says so for good; then it fails as well where a busy machine takes
    longer than that to open a connection, before the outage and after it.
    """
    node = layer._nodes.here()
    ears = node._subscriptions.ears.values() if isinstance(node, ListeningNode) else ()
    links = [*node.servers.links, *(ear.link for ear in ears)]
    before = [link._timeout_s for link in links]
    for link in links:
        _set_timeout(link, timeout_s)
    try:
        yield
    finally:
        for link, timeout in zip(links, before, strict=True):
            _set_timeout(link, timeout)


def _set_timeout(link: connection.Link, timeout_s: float) -> None:
    link._timeout_s = timeout_s
    if link._watch is not None:  # it was to look when the other time was over
        link._watch.cancel()
        link._look()


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
