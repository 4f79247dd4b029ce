from __future__ import annotations

import json
from typing import Any

import pytest

from console.demo.asgi import application
from runtime.drops import drops
from runtime.testing import ApplicationCommunicator
from tests.demo.consumers.visiting import TIMEOUT_S, Visitor, visit

LOBBY = "/ws/chat/lobby/"
ADA = {"id": 7, "username": "ada", "name": "Ada"}

GUESTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "telegram": (
        {"type": "telegram", "chat_id": 42},
        {"type": "telegram.message", "text": "good morning", "sender": ADA},
        "ada",
    ),
    "mqtt": (
        {"type": "mqtt", "topic_filter": "channelscope/rooms/lobby/say"},
        {"type": "mqtt.receive", "topic": "", "payload": b"good morning"},
        "MQTT",
    ),
    "aprs": (
        {"type": "aprs", "station": "W1AW-7"},
        {"type": "aprs.message", "text": "good morning", "source": "W1AW-7"},
        "W1AW-7",
    ),
}


def text_of(event: dict[str, Any]) -> str:
    """Return what a guest is told, whatever the protocol."""
    if "payload" not in event:
        return str(event["text"])
    said = json.loads(event["payload"])
    return f"{said['name']}: {said['text']}"


async def arrive(visitor: Visitor) -> None:
    await visitor.hear_until("joined")


@pytest.mark.parametrize("protocol", GUESTS)
async def test_what_a_guest_says_is_said_in_the_room_and_answered(protocol: str) -> None:
    scope, event, name = GUESTS[protocol]
    async with (
        visit(LOBBY, "bob") as bob,
        ApplicationCommunicator(application, scope) as guest,
    ):
        await arrive(bob)
        if protocol == "mqtt":
            await guest.send_input({"type": "mqtt.connect", "is_again": False})
        await guest.send_input(event)
        said = await bob.hear_until("message")
        assert (said["user"]["name"], said["text"]) == (name, "good morning")
        answer = text_of(await guest.receive_output(TIMEOUT_S))
        assert answer in ("Said in the lobby.", "MQTT: good morning")


@pytest.mark.parametrize("protocol", GUESTS)
async def test_what_the_room_says_reaches_the_guest_who_leaves_with_the_scope(
    protocol: str,
) -> None:
    scope, event, name = GUESTS[protocol]
    unhandled = count_unhandled()
    async with (
        visit(LOBBY, "bob") as bob,
        ApplicationCommunicator(application, scope) as guest,
    ):
        await arrive(bob)
        if protocol == "mqtt":
            await guest.send_input({"type": "mqtt.connect", "is_again": False})
        await guest.send_input(event)
        await guest.receive_output(TIMEOUT_S)
        await bob.send_json_to({"type": "typing"})
        await bob.send_json_to({"type": "message", "text": "and to you"})
        assert text_of(await guest.receive_output(TIMEOUT_S)) == "bob: and to you"
        await guest.send_input({"type": f"{protocol}.disconnect", "reason": "timeout"})
        assert (await bob.hear_until("left"))["user"]["name"] == name
    assert count_unhandled() == unhandled


def count_unhandled() -> int:
    return sum(count for (_, reason), count in drops.counts.items() if reason == "no handler")


async def test_who_comes_later_sees_that_a_guest_is_there() -> None:
    scope, event, name = GUESTS["aprs"]
    async with ApplicationCommunicator(application, scope) as guest:
        await guest.send_input(event)
        await guest.receive_output(TIMEOUT_S)
        async with visit(LOBBY, "bob") as bob:
            assert (await bob.hear_until("present"))["user"]["name"] == name
