"""A demo with people in it, to be looked at: two servers, a worker, a Redis, chats that go on.

Owns what happens while the pictures are taken and the measurements run; both ask for it here.
Everything is real: the same demo that `make run` starts, behind Daphne, with a browser's own
WebSockets.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.servers import DAPHNE, STOP_S, DemoServer, running_demo
from tests.support import redis_server
from tools import browser

CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run"]

ROOM = "/chat/lobby/"
LINES = (
    "the deploy of the afternoon is through",
    "tests are green",
    "merging now",
    "thanks, that was fast",
)
MURMURS = (
    "who has the release notes?",
    "the queue is empty again",
    "review, please",
    "on it",
    "that test is slow here, too",
    "shipped",
    "coffee?",
)
OTHER_ROOMS = {
    "grace": ("django", "ops"),
    "linus": ("django",),
    "barbara": ("ops",),
    "alan": ("ops",),
}
"""Where else each is, by sockets of their own: who is in several groups is worth a picture."""

MURMUR_S = {"django": 0.9, "ops": 2.3}
"""How often somebody says something there, so that the charts have a line each."""

UNSENDABLE = r'{"type": "message", "text": "half a letter: \ud83d"}'
"""A lone surrogate: no layer can carry it, so that the handler fails as handlers do."""


@dataclass(slots=True)
class Scene:
    """What is there to be looked at.

    Attributes:
        servers: the demo's servers; the console that is looked at is that of the first.
        people: their pages, each in the chat.
    """

    servers: list[DemoServer]
    chromium: Browser
    people: list[Page] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the console that is looked at is served."""
        return self.servers[0].url

    async def fill(self) -> None:
        """Let people come, talk, listen and fail, until there is something of everything."""
        names = [(name, self.servers[n % len(self.servers)]) for n, name in enumerate(NAMES)]
        for name, server in names:
            self.people.append(await self._come(name, server))
        await self._listen(self.people[0], "/ws/ticker/", "/ws/log/", "/ws/echo/")
        await self._listen(self.people[1], "/ws/ticker/", "/ws/nowhere/")
        for (name, _), page in zip(names, self.people, strict=True):
            await self._murmur(page, {room: MURMUR_S[room] for room in OTHER_ROOMS[name]})
        await self.talk()
        await self._say_raw(self.people[2], UNSENDABLE)
        await self.people[0].wait_for_timeout(1_500)  # the tickers tick, the pictures need no more

    async def talk(self) -> None:
        """Let each say something, and one ask the worker for a picture."""
        for page, words in zip(self.people, LINES, strict=False):
            await _say(page, words)
        await _say(self.people[0], "/thumb oscilloscope")

    async def _come(self, name: str, server: DemoServer) -> Page:
        context = await self.chromium.new_context(base_url=server.url)
        page = await context.new_page()
        await page.goto("/sign-in/")
        await page.get_by_label("Your name").fill(name)
        await page.get_by_role("button", name="Come in").click()
        await page.get_by_role("button", name="Sign out").wait_for()
        await page.goto(ROOM)
        await page.get_by_role("main").get_by_role("status").filter(has_text="Live").wait_for()
        return page

    async def _listen(self, page: Page, *paths: str) -> None:
        await page.evaluate(
            "paths => { globalThis.listening = paths.map((path) => new WebSocket(path)); }",
            list(paths),
        )

    async def _murmur(self, page: Page, rooms: dict[str, float]) -> None:
        """Let somebody be in rooms by sockets of their own, and say a word there now and then."""
        await page.evaluate(
            """({ rooms, lines }) => {
                const say = (socket, every, number) => {
                    const ready = socket.readyState === WebSocket.OPEN;
                    const text = lines[number % lines.length];
                    if (ready) socket.send(JSON.stringify({ type: "message", text }));
                    // Louder and quieter in turn, as people are.
                    const pause = every * (1 + 0.7 * Math.sin(number / 3));
                    setTimeout(say, pause * 1000, socket, every, number + 1);
                };
                globalThis.murmuring = Object.entries(rooms).map(([room, every], number) => {
                    const socket = new WebSocket(`/ws/chat/${room}/`);
                    say(socket, every, 3 * number);
                    return socket;
                });
            }""",
            {"rooms": rooms, "lines": MURMURS},
        )

    async def _say_raw(self, page: Page, text: str) -> None:
        await page.evaluate(
            """text => new Promise((resolve) => {
                const socket = new WebSocket("/ws/chat/lobby/");
                socket.onopen = () => socket.send(text);
                socket.onclose = () => resolve();
            })""",
            text,
        )


NAMES = ("grace", "linus", "barbara", "alan")


@asynccontextmanager
async def playing(data: Path) -> AsyncIterator[Scene]:
    """Play the scene while the context lasts.

    Args:
        data: a folder for databases and logs.
    """
    path = browser.find()
    if path is None:
        raise FileNotFoundError(browser.MISSING)
    with _served(data) as servers:
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(
                executable_path=path, args=CHROMIUM_ARGUMENTS
            )
            scene = Scene(servers, chromium)
            await scene.fill()
            yield scene
            await chromium.close()


@contextmanager
def _served(data: Path) -> Iterator[list[DemoServer]]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server.running(data))
        variables = {
            "DJANGO_SETTINGS_MODULE": "tests.support.demo_on_redis",
            "DEMO_LAYER": "runtime.layers.redis.RedisChannelLayer",
            "DEMO_REDIS_URL": redis.url,
        }
        servers = [
            stack.enter_context(running_demo(DAPHNE, data, name=name, **variables))
            for name in ("one", "two")
        ]
        stack.enter_context(_worker(servers[0]))
        yield servers


@contextmanager
def _worker(server: DemoServer) -> Iterator[None]:
    with server.log.with_name("worker.log").open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "django", "runworker", "thumbnails"],
            env=server.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(STOP_S)
        finally:
            worker.kill()


async def _say(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="Message").fill(text)
    await page.keyboard.press("Enter")
