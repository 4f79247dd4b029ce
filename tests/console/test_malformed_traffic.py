"""Malformed traffic does not blind the console: the recorder hears of all that comes after."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.routing import ProtocolTypeRouter
from runtime.taps import taps
from tests.console.recording import Recording
from tests.runtime import test_malformed_input as malformed


@pytest.fixture(scope="module", autouse=True)
def alone():
    """No other observer, and the project's layers as they were at the end."""
    observers, layers = taps.observers, dict(channel_layers.backends)
    for observer in observers:
        taps.detach(observer)
    yield
    channel_layers.backends = layers
    for observer in observers:
        taps.attach(observer)


@pytest.mark.parametrize("consumer", [malformed.AsyncEcho, malformed.SyncEcho])
@given(
    events=st.lists(malformed.events, max_size=5),
    headers=st.lists(malformed.header, max_size=4),
    target=malformed.paths,
)
@effort(max_examples=60, deadline=None)
def test_the_recorder_survives(consumer: Any, events: Any, headers: Any, target: str) -> None:
    channel_layers.set("default", InMemoryChannelLayer())
    recorder = Recording().recorder
    taps.attach(recorder)
    scope = {**malformed.scope_of("websocket"), "path": target, "headers": headers}
    script = [
        {"type": "websocket.connect"},
        *events,
        {"type": "websocket.disconnect", "code": 1000},
    ]
    application = ProtocolTypeRouter({"websocket": consumer.as_asgi()})
    try:
        asyncio.run(malformed.serve(application, scope, script))
        assert recorder in taps.observers
    finally:
        taps.detach(recorder)
