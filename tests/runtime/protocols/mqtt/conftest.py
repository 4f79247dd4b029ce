"""A broker for the module, and a server that is connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mqtt_broker import MqttBroker, running_broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttBroker]:
    """Yield the broker of the session: tests take topics of their own."""
    with running_broker(tmp_path_factory.mktemp("mqtt")) as broker:
        yield broker


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[MqttBroker]:
    """Yield a broker of this test alone, to be killed."""
    with running_broker(tmp_path) as broker:
        yield broker


@pytest.fixture(params=["5", "3.1.1"])
def version(request: pytest.FixtureRequest) -> str:
    """Return a version of the protocol."""
    return str(request.param)
