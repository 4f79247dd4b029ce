from __future__ import annotations

from typing import Any

import pytest

from console.layer_view import (
    acknowledging,
    consumers_of_channels,
    read_layers,
    read_letters,
)
from runtime.consumer import AsyncConsumer
from runtime.layers import InMemoryChannelLayer
from runtime.layers.acknowledged import JobCounts
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from tests.support.default_layer import default_layer
from tests.support.minimal_layer import MinimalChannelLayer


class Invoices(AsyncConsumer):
    """Has a secret that only it knows of."""

    @staticmethod
    def channelscope_redact(direction: str, payload: Any) -> Any:
        return {**payload, "iban": "hidden by the consumer"}


class BrokenLayer(MinimalChannelLayer):
    async def channel_depths(self) -> dict[str, int]:
        raise ConnectionError("nobody is there")


application = ProtocolTypeRouter(
    {"channel": ChannelNameRouter({"invoices": Invoices.as_asgi(), "mail": Invoices.as_asgi()})}
)


@pytest.fixture
def layer(settings: Any) -> Any:
    settings.ASGI_APPLICATION = f"{__name__}.application"
    options = {"acknowledged_channels": {"invoices": {"attempts": 1}}, "capacity": 5}
    with default_layer(InMemoryChannelLayer(**options)) as made:
        yield made


async def kill(layer: Any, **message: Any) -> None:
    await layer.send("invoices", {"type": "invoice.make", **message})
    await layer.fail_job(await layer.take_job("invoices"), "ValueError: token=hunter2hunter2")


async def test_named_channels_are_listed_with_what_waits_and_own_ones_are_not(layer: Any) -> None:
    for _ in range(4):
        await layer.send("mail", {"type": "mail.send"})
    await layer.send(await layer.new_channel(), {"type": "x"})
    [view] = await read_layers({"default": ["mail", "empty"]})
    assert (view.alias, view.kind, view.expiry_s) == ("default", "InMemoryChannelLayer", 60)
    mail = next(one for one in view.channels if one.name == "mail")
    assert [one.name for one in view.channels] == ["empty", "mail"]
    assert (mail.depth, mail.capacity, mail.counts, mail.is_nearly_full) == (4, 5, None, True)


async def test_jobs_of_an_acknowledged_channel_are_told_apart(layer: Any) -> None:
    await kill(layer)
    for _ in range(3):
        await layer.send("invoices", {"type": "invoice.make"})
    await layer.take_job("invoices")
    [view] = await read_layers({"default": ["invoices"]})
    [invoices] = view.channels
    assert invoices.counts == JobCounts(waiting=2, taken=1, dead=1)
    assert invoices.attempts == 1


async def test_dead_letters_are_redacted_by_their_names_and_by_the_consumer(layer: Any) -> None:
    await kill(layer, password="hunter2", iban="DE123", number=7)
    [letter] = await read_letters("default", "invoices")
    assert "hunter2" not in letter.body + letter.preview + letter.error
    assert "DE123" not in letter.body
    assert '"number":7' in letter.body
    assert (letter.type, letter.attempt) == ("invoice.make", 1)


async def test_a_channel_that_keeps_no_letters_is_named(layer: Any) -> None:
    for alias, channel in (("default", "mail"), ("other", "invoices")):
        with pytest.raises(LookupError, match="does not acknowledge"):
            acknowledging(alias, channel)


async def test_a_layer_that_fails_says_so_and_the_others_answer(settings: Any, layer: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": f"{__name__}.BrokenLayer"},
        "other": {"BACKEND": "runtime.layers.InMemoryChannelLayer"},
    }
    broken, other = await read_layers({"other": ["jobs"]})
    assert broken.error == "ConnectionError: nobody is there"
    assert (other.error, [one.name for one in other.channels]) == ("", ["jobs"])


async def test_a_layer_of_somebody_else_is_shown_as_far_as_it_can_be(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "tests.support.minimal_layer.MinimalChannelLayer"}
    }
    [view] = await read_layers({"default": ["jobs"]})
    assert [(one.name, one.depth, one.capacity) for one in view.channels] == [("jobs", 0, 0)]


def test_the_channels_that_the_application_serves_are_known(settings: Any, layer: Any) -> None:
    assert consumers_of_channels() == {"invoices": Invoices, "mail": Invoices}
    settings.ASGI_APPLICATION = "nothing.at.all"
    assert consumers_of_channels() == {}
