"""The runtime is tested by itself: the console, which is installed too, does not listen."""

import logging

import pytest

from runtime.drops import Drops, drops
from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.taps import taps


@pytest.fixture(autouse=True)
def unobserved():
    observers = taps.observers
    for observer in observers:
        taps.detach(observer)
    yield
    for observer in observers:
        taps.attach(observer)


@pytest.fixture(autouse=True)
def no_drops(monkeypatch):
    """What another test has lost is not counted, and silences no warning of this one."""
    fresh = Drops()
    monkeypatch.setattr(drops, "counts", fresh.counts)
    monkeypatch.setattr(drops, "warnings", fresh.warnings)


@pytest.fixture
def layer(monkeypatch):
    """A layer of this test alone, as the project's default."""
    layer = InMemoryChannelLayer()
    monkeypatch.setattr(channel_layers, "backends", {"default": layer})
    return layer


@pytest.fixture(scope="module")
def scripted():
    """Let a module run hundreds of scripts, each with layers of its own and failures of its own.

    The failures are no news in the log.
    """
    before = dict(channel_layers.backends)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    channel_layers.backends = before
