"""Two servers and a worker on one Redis: what happens in one is seen in the console of another."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.typing import Origin

from tests.e2e.console import Console, words
from tests.e2e.servers import DAPHNE, SOON_S, STOP_S, UVICORN, DemoServer, running_demo
from tests.support.redis_server import RedisServer

LAYER = "runtime.layers.redis.RedisChannelLayer"


@dataclass(frozen=True, slots=True)
class Project:
    """Two servers and a worker."""

    one: DemoServer
    two: DemoServer
    worker: subprocess.Popen[bytes]
    console: Console
    variables: dict[str, str]
    data: Path


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[Project]:
    data = tmp_path_factory.mktemp("several")
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.demo_on_redis",
        "DEMO_LAYER": LAYER,
        "DEMO_REDIS_URL": redis_server.url,
    }
    with ExitStack() as stack:
        one = stack.enter_context(running_demo(DAPHNE, data, name="one", **variables))
        two = stack.enter_context(running_demo(DAPHNE, data, name="two", **variables))
        worker = stack.enter_context(running_worker(one))
        yield Project(one, two, worker, Console(one), variables, data)


@contextmanager
def running_worker(demo: DemoServer, name: str = "worker") -> Iterator[subprocess.Popen[bytes]]:
    with demo.log.with_name(f"{name}.log").open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "django", "runworker", "thumbnails"],
            env=demo.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(STOP_S)
        finally:
            worker.kill()


class Viewer:
    """A page of a console that is open: what it hears, batch after batch."""

    def __init__(self, console: Console, page: str, query: str = "") -> None:
        self.console = console
        self.page = page
        self.query = query
        self.position = ""
        self.seen: list[tuple[str, str]] = []
        self.missed = 0
        self.stale: list[str] = []

    async def look(
        self, is_enough: Callable[[], bool], do: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Come, do something once the page is there, look until it is enough, and leave."""
        address = self.console.url.replace("http:", "ws:", 1) + "/console/live/"
        headers = {"Cookie": self.console.cookies(), "Origin": self.console.url}
        page = {"page": self.page, "query": self.query, "position": self.position}
        async with (
            asyncio.timeout(SOON_S),
            websockets.connect(address, additional_headers=headers, max_size=None) as socket,
        ):
            await socket.send(json.dumps(page))
            await self._hear(socket)
            if do is not None:
                await do()
            while not is_enough():
                await self._hear(socket)

    async def _hear(self, socket: websockets.ClientConnection) -> None:
        batch = json.loads(await socket.recv())
        self.position = batch.get("position", self.position)
        self.missed += batch.get("missed", 0) + batch.get("left_out", 0)
        self.stale = batch.get("stale", self.stale)
        self.seen += [(row["id"], row["preview"]) for row in batch.get("entries", ())]
        await socket.send(json.dumps({"seen": True}))


def row_of(page: str, process: str) -> str:
    """Return the id of the first connection of `process` in the list; "" if there is none."""
    rows = re.findall(r'<tr id="c-([0-9a-f]+)".*?</tr>', page, re.DOTALL)
    texts = re.findall(r"<tr id=.*?</tr>", page, re.DOTALL)
    return next((one for one, text in zip(rows, texts, strict=True) if process in text), "")


def name(demo: DemoServer) -> str:
    return f"web-{demo.process.pid}"


def is_said(page: str) -> bool:
    return "over there" in page


async def test_a_message_received_by_one_is_seen_in_the_console_of_another(
    project: Project,
) -> None:
    async with websockets.connect(
        f"{project.two.websocket_url}/ws/echo/", origin=Origin(project.two.url)
    ) as socket:
        await socket.recv()
        await socket.send("over there")
        await socket.recv()
        there = name(project.two)

        async def see(path: str, is_there: Callable[[str], object] = is_said) -> str:
            return await asyncio.to_thread(project.console.wait_to_see, path, is_there)

        await see("traffic/?q=dir:in")
        page = await see(f"connections/?process={there}", lambda page: row_of(page, there))
        page = await see(f"connections/{row_of(page, there)}/")
        assert there in page
        position = re.search(r'data-id="([0-9a-f]+:\d+)"[^>]*>.*?over there', page, re.DOTALL)
        assert position is not None
        await see(f"traffic/?message={position[1]}")


def test_a_worker_without_a_job_is_seen_with_what_it_is(project: Project) -> None:
    worker = f"worker-{project.worker.pid}"
    page = project.console.wait_to_see("connections/", lambda page: worker in page)
    assert "runworker" in page
    assert name(project.one) in page
    assert name(project.two) in page
    assert "daphne" in page
    assert "MB" in page


def test_nothing_of_the_relay_is_in_the_traffic(project: Project) -> None:
    assert "channelscope.relay" not in project.console.see("traffic/")


async def test_a_process_that_is_killed_is_stale_with_its_connections_and_then_gone_with_them(
    project: Project,
) -> None:
    see, wait_to_see = project.console.see, project.console.wait_to_see
    with running_demo(DAPHNE, project.data, name="three", **project.variables) as three:
        started = name(three)
        await asyncio.to_thread(wait_to_see, "connections/", lambda page: started in page)
        async with websockets.connect(
            f"{three.websocket_url}/ws/echo/", origin=Origin(three.url)
        ) as socket:
            await socket.recv()
            page = await asyncio.to_thread(
                wait_to_see,
                f"connections/?process={started}",
                lambda page: row_of(page, started),
            )
            row = row_of(page, started)
            epoch = re.search(rf'id="c-{row}"[^>]*data-process="([0-9a-f]+)"', page)
            assert epoch is not None
            viewer = Viewer(project.console, "connections")

            async def kill() -> None:
                os.kill(three.process.pid, signal.SIGKILL)
                await asyncio.to_thread(three.process.wait, STOP_S)

            await viewer.look(lambda: epoch[1] in viewer.stale, kill)
        assert f"{started} silent for" in words(await asyncio.to_thread(see, "connections/"))
        await asyncio.to_thread(wait_to_see, "connections/", lambda page: started not in page)
        await viewer.look(lambda: not viewer.stale)
        assert row not in await asyncio.to_thread(see, "connections/")


async def test_a_viewer_who_comes_back_sees_each_message_of_another_process_once(
    project: Project,
) -> None:
    viewer = Viewer(project.console, "traffic", "?q=dir:in+numbered")
    async with websockets.connect(
        f"{project.two.websocket_url}/ws/echo/", origin=Origin(project.two.url)
    ) as socket:
        await socket.recv()

        async def say(first: int, end: int) -> None:
            for number in range(first, end):
                await socket.send(f"numbered {number}")
                await socket.recv()

        await viewer.look(lambda: len(viewer.seen) >= 10, lambda: say(0, 10))
        await say(10, 30)
        await viewer.look(lambda: len(viewer.seen) >= 40, lambda: say(30, 40))
        await say(40, 50)
        await viewer.look(lambda: len(viewer.seen) >= 51, lambda: say(50, 51))
    assert [preview for _, preview in viewer.seen] == [f"numbered {n}" for n in range(51)]
    assert len({position for position, _ in viewer.seen}) == 51
    assert viewer.missed == 0


@pytest.mark.parametrize("server", [DAPHNE, UVICORN, None])
def test_a_process_that_is_told_to_end_is_gone_at_once(
    project: Project, server: tuple[str, ...] | None
) -> None:
    with ExitStack() as stack:
        if server is None:
            ending = stack.enter_context(running_worker(project.one, "ending"))
            started = f"worker-{ending.pid}"
        else:
            demo = running_demo(server, project.data, name="ending", **project.variables)
            ending = stack.enter_context(demo).process
            started = f"web-{ending.pid}"
        project.console.wait_to_see("connections/", lambda page: started in page)
        ending.send_signal(signal.SIGTERM)
        ending.wait(STOP_S)
        seen: list[str] = []

        def is_gone(page: str) -> bool:
            seen.append(words(page))
            return started not in page

        project.console.wait_to_see("connections/", is_gone)
        assert not any(f"{started} silent for" in page for page in seen), "it had to be missed"


def test_a_connection_of_a_process_that_does_not_answer_says_so(project: Project) -> None:
    with running_demo(UVICORN, project.data, name="four", **project.variables) as four:
        stopped = f"web-{four.process.pid}"
        project.console.wait_to_see("connections/", lambda page: stopped in page)
        os.kill(four.process.pid, signal.SIGSTOP)
        try:
            page = project.console.see("connections/0123456789ab/")
        finally:
            os.kill(four.process.pid, signal.SIGCONT)
        assert f"{stopped} did not answer" in page


async def test_a_message_is_followed_through_the_worker_to_the_last_send_in_another_process(
    project: Project,
) -> None:
    def chat(demo: DemoServer) -> websockets.connect:
        headers = {"Cookie": project.console.cookies()}
        return websockets.connect(
            f"{demo.websocket_url}/ws/chat/followed/",
            origin=Origin(demo.url),
            additional_headers=headers,
        )

    async def hear(socket: websockets.ClientConnection, kind: str) -> None:
        while json.loads(await socket.recv())["type"] != kind:
            pass

    async with asyncio.timeout(SOON_S), chat(project.one) as one, chat(project.two) as two:
        await hear(two, "joined")
        await one.send('{"type": "message", "text": "/thumb followed"}')
        await hear(two, "thumbnail")
        await hear(one, "thumbnail")
    asked = re.compile(r'data-id="([0-9a-f]+:\d+)"[^>]*>(?:(?!data-id).)*?/thumb', re.DOTALL)
    trace_of = re.compile(r"/console/traces/([0-9a-f]{12})/")
    first, worker = name(project.one), f"worker-{project.worker.pid}"
    processes = {first, name(project.two), worker}

    def is_whole(page: str) -> bool:
        is_through = "thumbnail_generate()" in page and page.count("chat_thumbnail()") >= 2
        return is_through and all(process in words(page) for process in processes)

    async def see(path: str, is_there: Callable[[str], object]) -> str:
        return await asyncio.to_thread(project.console.wait_to_see, path, is_there)

    position = asked.search(await see("traffic/?q=dir:in+followed", asked.search))
    assert position is not None
    page = await see(f"traffic/?message={position[1]}", trace_of.search)
    (trace,) = set(trace_of.findall(page))
    await see(f"traces/{trace}/", is_whole)
    begun = [
        *(f"{first} {step}" for step in ASKED),
        *(f"{worker} {step}" for step in WORKED),
        *(f"{first} {step}" for step in ANSWERED),
    ]
    ways = {
        (*begun, *(f"{name(demo)} {step}" for step in SHOWN)) for demo in (project.one, project.two)
    }
    said = await see(
        f"export/trace/{trace}.otel.json", lambda said: ways <= ways_of(read_spans(said))
    )
    spans = read_spans(said)
    for span in spans.values():
        parent = spans.get(span["parent_id"])
        assert parent is None or parent["start_time"] <= span["start_time"]


ASKED = ("in websocket.receive", "websocket_receive()", "send thumbnail.generate")
WORKED = (
    "deliver thumbnail.generate",
    "in thumbnail.generate",
    "thumbnail_generate()",
    "send thumbnail.ready",
)
ANSWERED = ("deliver thumbnail.ready", "thumbnail_ready()", "group_send chat.thumbnail")
SHOWN = ("deliver chat.thumbnail", "chat_thumbnail()", "out websocket.send")


def read_spans(said: str) -> dict[str, dict[str, Any]]:
    """Return what a trace was exported as, each span by its id."""
    return {span["context"]["span_id"]: span for span in json.loads(said)}


def ways_of(spans: dict[str, dict[str, Any]]) -> set[tuple[str, ...]]:
    """Return what led to each frame that went out."""
    return {way_to(one, spans) for one in spans.values() if one["name"] == "out websocket.send"}


def way_to(span: dict[str, Any], spans: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Return the names of what led to a span, each after its process, and of the span itself."""
    said = f"{span['resource']['attributes']['service.instance.id']} {span['name']}"
    above = spans.get(span["parent_id"])
    return (*(way_to(above, spans) if above is not None else ()), said)
