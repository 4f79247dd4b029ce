"""Telegram, MQTT and amateur radio, each from its own network into a browser and back.

A web server and a protocol's server are processes of their own, on one Redis. The other side is
real: a broker, or a server on loopback that is written from its protocol's documentation.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiomqtt
import pytest
from playwright.async_api import Browser, expect

from tests.e2e.console import Console, words
from tests.e2e.people import People, enter, say
from tests.e2e.servers import DAPHNE, SOON_S, DemoServer, running_demo
from tests.support.aprs_is import AprsIs, running_aprs_is
from tests.support.bot_api import TOKEN, BotApi, running_bot_api
from tests.support.mqtt_broker import MqttBroker, running_broker
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

START_S = 300.0
"""Of processor time one needs 7 s until it serves, and has to share the processor."""

END_S = 60.0

SAY, SAID = "channelscope/rooms/lobby/say", "channelscope/rooms/lobby/said"


class Network(Protocol):
    """The other side of a protocol, with one person there."""

    protocol: str
    person: str
    path: str
    consumer: str
    route: str
    settings: dict[str, Any]

    async def say(self, text: str) -> None:
        """Let the person say something to the project."""

    async def hear(self, text: str) -> None:
        """Return when the person has heard this."""

    async def babble(self) -> str:
        """Send what is none of the protocol; returns words of it, "" if a broker lets none pass."""


class Phone:
    """Somebody with Telegram."""

    protocol, person, path = "telegram", "ada", "chats/42"
    consumer, route = "TelegramGuest", ""

    def __init__(self, api: BotApi) -> None:
        self.api = api
        self.settings = {"TOKEN": TOKEN, "API_URL": api.url, "POLL_S": 5, "PER_CHAT_S": 0.0}

    async def say(self, text: str) -> None:
        await self.api.say(text)

    async def hear(self, text: str) -> None:
        async with asyncio.timeout(SOON_S):
            while text not in (heard := await self.api.wait_sent(len(self.api.sent))):
                await self.api.wait_sent(len(heard) + 1)

    async def babble(self) -> str:
        await self.api.write({"update_id": 1_000_000, "message": "none at all"})
        return "none at all"


class Sensor:
    """A client of a broker."""

    protocol, person, path = "mqtt", "MQTT", SAY
    consumer, route = "MqttGuest", SAY

    def __init__(self, broker: MqttBroker, client: aiomqtt.Client) -> None:
        self.client = client
        self.settings = {"HOST": broker.host, "PORT": broker.port, "CLIENT_ID": "the-demo"}

    async def say(self, text: str) -> None:
        await self.client.publish(SAY, text, qos=1)

    async def hear(self, text: str) -> None:
        async with asyncio.timeout(SOON_S):
            async for message in self.client.messages:
                said = json.loads(bytes(message.payload))
                if text in ("Said in the lobby.", f"{said['name']}: {said['text']}"):
                    return

    async def babble(self) -> str:
        return ""


class Radio:
    """A station somewhere on the network of servers."""

    protocol, person, path = "aprs", "W1AW-7", "stations/W1AW-7"
    consumer, route = "AprsGuest", ""

    def __init__(self, aprs_is: AprsIs) -> None:
        self.aprs_is = aprs_is
        where = {"HOST": aprs_is.host, "PORT": aprs_is.port}
        self.settings = {"CALLSIGN": "N0CALL-10", "PASSCODE": 13023, **where}

    async def say(self, text: str) -> None:
        await self.aprs_is.wait_logins(1)
        await self.aprs_is.write(text)

    async def hear(self, text: str) -> None:
        async with asyncio.timeout(SOON_S):
            while not (said := [line for line in self.aprs_is.lines if text in line]):
                await self.aprs_is.wait_lines(len(self.aprs_is.lines) + 1)
        await self.aprs_is.write("ack" + said[0].rpartition("{")[2])

    async def babble(self) -> str:
        await self.aprs_is.send("this is no packet")
        return "this is no packet"


@asynccontextmanager
async def network(protocol: str, directory: Path) -> AsyncIterator[Network]:
    """Run the other side of a protocol while the context lasts."""
    if protocol == "telegram":
        async with running_bot_api() as api:
            yield Phone(api)
    elif protocol == "aprs":
        async with running_aprs_is() as aprs_is:
            yield Radio(aprs_is)
    else:
        with running_broker(directory) as broker:
            async with aiomqtt.Client(broker.host, broker.port) as client:
                await client.subscribe(SAID, qos=1)
                yield Sensor(broker, client)


@dataclass(frozen=True, slots=True)
class Hall:
    """The demo's web server, and who looks at its console."""

    web: DemoServer
    console: Console
    variables: dict[str, str]


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Hall]:
    variables = {"CHANNELSCOPE_DEMO_REDIS": redis_server.url}
    data = tmp_path_factory.mktemp("protocols")
    with running_demo(DAPHNE, data, **variables) as web:
        yield Hall(web, Console(web), variables)


@asynccontextmanager
async def running_server(hall: Hall, network: Network) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the protocol's command, which has to end in its order."""
    name = f"CHANNELSCOPE_DEMO_{network.protocol.upper()}"
    log = hall.web.log.with_name(f"{network.protocol}.log")
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "django", f"run{network.protocol}"),
            env=hall.web.environment | {name: json.dumps(network.settings)},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_S):
            assert await process.wait() == 0, log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def serves(hall: Hall, protocol: str, server: asyncio.subprocess.Process) -> None:
    """Return when the command says that it serves: a client library may take long to import."""
    log = hall.web.log.with_name(f"{protocol}.log")
    until = time.monotonic() + START_S
    while "Serving " not in (said := log.read_text()):
        assert server.returncode is None, f"It has ended: {said}"
        assert time.monotonic() < until, f"It does not serve: {said}"
        await asyncio.sleep(0.1)  # a pause between two looks at another process


@asynccontextmanager
async def visitors(chromium: Browser, url: str) -> AsyncIterator[People]:
    async with People(chromium, url, {"cookies": [], "origins": []}) as people:
        yield people
    assert people.problems == []


@pytest.mark.parametrize("protocol", ["telegram", "mqtt", "aprs"])
async def test_a_message_of_another_network_is_seen_in_the_room_and_in_the_console(
    hall: Hall, chromium: Browser, tmp_path: Path, protocol: str
) -> None:
    greeting = f"good morning by {protocol}"
    async with (
        network(protocol, tmp_path) as other,
        visitors(chromium, hall.web.url) as people,
    ):
        bob = await people.visitor("bob")
        await enter(bob, "lobby")
        async with running_server(hall, other) as server:
            await serves(hall, protocol, server)
            name = f"{protocol}-{server.pid}"
            await wait_to_see(hall, "connections/", name)

            await other.say(greeting)
            log = bob.get_by_role("log")
            await expect(log).to_contain_text(greeting)
            await expect(log).to_contain_text(other.person)
            await other.hear("Said in the lobby.")
            await say(bob, f"and to you, {other.person}")
            await other.hear(f"bob: and to you, {other.person}")

            await see_the_connection(hall, other, name, greeting)
            await see_the_route(hall, other)
            await see_the_trace(hall, protocol, name, greeting)
            if nonsense := await other.babble():
                await wait_to_see(hall, f"traffic/?q=type:{protocol}.malformed", nonsense)
        await expect(log).to_contain_text(f"{other.person} left")


async def wait_to_see(hall: Hall, path: str, *wanted: str) -> str:
    def is_there(page: str) -> bool:
        return all(one in words(page) or one in page for one in wanted)

    # In a thread: the other side of the protocol may be on this event loop.
    return await asyncio.to_thread(hall.console.wait_to_see, path, is_there)


async def see_the_connection(hall: Hall, other: Network, process: str, greeting: str) -> None:
    """The scope is listed, and its page shows what was said by whom."""
    query = f"connections/?q=proto:{other.protocol}+consumer:{other.consumer}"
    page = await wait_to_see(hall, query, other.path, other.consumer, process)
    found = re.search(r'<tr id="c-([0-9a-f]+)"', page)
    assert found is not None
    page = await wait_to_see(hall, f"connections/{found[1]}/", greeting, "chat.lobby")
    if other.route:
        assert other.route in words(page)


async def see_the_route(hall: Hall, other: Network) -> None:
    """The tree has the protocol's branch, with somebody there."""
    leaf = f"{other.protocol} {other.route}".strip()
    page = await wait_to_see(hall, "routing/", other.consumer, f"{other.consumer}, 1 open")
    assert leaf.split(" ")[0] in words(page)


async def see_the_trace(hall: Hall, protocol: str, process: str, greeting: str) -> None:
    """What the message has caused is one tree, in both processes."""
    page = await wait_to_see(hall, f'traces/?q="{greeting}"'.replace(" ", "+"), "traces/")
    found = re.search(r"traces/([0-9a-z-]+)/", page)
    assert found is not None, words(page)
    # Who wrote it, the handler there, the group, and the handlers of the browser's process.
    came = {"telegram": "telegram.message", "mqtt": "mqtt.receive", "aprs": "aprs.message"}[
        protocol
    ]
    wanted = (came, f"{came.replace('.', '_')}()", "chat.lobby", "chat_message()")
    web = f"web-{hall.web.process.pid}"
    await wait_to_see(hall, f"traces/{found[1]}/", process, web, *wanted)
