"""Two servers and a worker on one Redis: what happens in one is seen in the console of another."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import websockets
from websockets.typing import Origin

from console.relay_watching import STALE_S
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


def row_of(page: str, process: str) -> str:
    """Return the id of the first connection of `process` in the list; "" if there is none."""
    rows = re.findall(r'<tr id="c-([0-9a-f]+)".*?</tr>', page, re.DOTALL)
    texts = re.findall(r"<tr id=.*?</tr>", page, re.DOTALL)
    return next((one for one, text in zip(rows, texts, strict=True) if process in text), "")


def name(demo: DemoServer) -> str:
    return f"web-{demo.process.pid}"


async def test_a_message_received_by_one_is_seen_in_the_console_of_another(
    project: Project,
) -> None:
    async with websockets.connect(
        f"{project.two.websocket_url}/ws/echo/", origin=Origin(project.two.url)
    ) as socket:
        await socket.recv()
        await socket.send("over there")
        await socket.recv()
        page = project.console.see("traffic/?q=dir:in")
        assert "over there" in page
        page = project.console.see(f"connections/?process={name(project.two)}")
        connection = row_of(page, name(project.two))
        assert connection
        page = project.console.see(f"connections/{connection}/")
        assert "over there" in page
        assert name(project.two) in page
        position = re.search(r'data-id="([0-9a-f]+:\d+)"[^>]*>.*?over there', page, re.DOTALL)
        assert position is not None
        assert "over there" in project.console.see(f"traffic/?message={position[1]}")


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


def test_a_process_that_starts_appears_and_one_that_is_killed_is_stale_and_then_gone(
    project: Project,
) -> None:
    with running_demo(UVICORN, project.data, name="three", **project.variables) as three:
        started = f"web-{three.process.pid}"
        project.console.wait_to_see("connections/", lambda page: started in page)
        os.kill(three.process.pid, signal.SIGKILL)
        three.process.wait(STOP_S)
        project.console.wait_to_see(
            "connections/", lambda page: started in page and "silent for" in page
        )
        project.console.wait_to_see("connections/", lambda page: started not in page)


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
        ended_at = time.monotonic()
        page = project.console.wait_to_see("connections/", lambda page: started not in page)
        assert "did not answer" not in page
        assert time.monotonic() - ended_at < STALE_S / 2, "nobody had to miss it first"


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
    page = await asyncio.to_thread(project.console.see, "traffic/?q=dir:in+followed")
    position = re.search(
        r'data-id="([0-9a-f]+:\d+)"[^>]*>(?:(?!data-id).)*?/thumb', page, re.DOTALL
    )
    assert position is not None
    page = await asyncio.to_thread(project.console.see, f"traffic/?message={position[1]}")
    (trace,) = set(re.findall(r"/console/traces/([0-9a-f]{12})/", page))
    processes = {name(project.one), name(project.two), f"worker-{project.worker.pid}"}

    def is_whole(page: str) -> bool:
        return all(process in words(page) for process in processes)

    page = await asyncio.to_thread(project.console.wait_to_see, f"traces/{trace}/", is_whole)
    assert "thumbnail_generate()" in page
    assert page.count("chat_thumbnail()") >= 2
