"""Visitors of the demo: a few people who chat, echo, watch the clock, and come and go.

Owns what they do. They are few and slow: there is something to see in the console, and it can be
read. Run in a process of their own by the command `channelscope demo`.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from console.demo.caller import HungUp, connected, sign_in
from runtime.tasks import cancel_and_wait, spawn

CHATTERS = {
    "rosalind": "lobby",
    "edsger": "lobby",
    "barbara": "lobby",
    "radia": "django",
    "niklaus": "django",
}
REMARKS = (
    "Good morning!",
    "Did anybody see the new release?",
    "Mine has three tabs open, and all of them are in here.",
    "Which process am I in? The console knows.",
    "I will be back after the restart.",
    "That query took two seconds. Two!",
    "It works on my machine, and now also on yours.",
    "Somebody should write that down.",
    "The worker drew that, not the server.",
    "Is the ticker still ticking?",
)
SUBJECTS = ("sine", "square", "sawtooth", "noise", "ringing")

COME_S = (0.0, 2.0)
"""After how long somebody comes in, from and to."""
TYPE_S = (0.8, 2.0)
THINK_S = (3.0, 9.0)
ECHO_S = (4.0, 7.0)
GLANCE_S = (5.0, 12.0)
AWAY_S = (4.0, 10.0)
RETRY_S = (1.0, 3.0)

Person = Callable[[str, random.Random], Awaitable[None]]


def visit(origin: str, on_ready: Callable[[], object]) -> None:
    """Visit the demo at `origin` until SIGTERM.

    Args:
        on_ready: called when all are on their way.
    """
    asyncio.run(_visit(origin, on_ready))


async def _visit(origin: str, on_ready: Callable[[], object]) -> None:
    told_to_go = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_go.set)
    people = [
        spawn(_keep_coming(origin, person, random.Random(name)), name=f"visitor {name}")
        for name, person in everybody().items()
    ]
    on_ready()
    await told_to_go.wait()
    await cancel_and_wait(*people)


def everybody() -> dict[str, Person]:
    """Return who visits, and what each does."""
    people: dict[str, Person] = {name: _chatter(name, room) for name, room in CHATTERS.items()}
    return people | {"echo": echo, "clock": watch_the_clock, "passer-by": pass_by}


async def _keep_coming(origin: str, person: Person, chance: random.Random) -> None:
    """Visit again and again; who is thrown out comes back a little later."""
    await asyncio.sleep(chance.uniform(*COME_S))
    while True:
        with suppress(HungUp, OSError):  # a server that restarts, or is not there yet
            await person(origin, chance)
        await asyncio.sleep(chance.uniform(*RETRY_S))


def _chatter(name: str, room: str) -> Person:
    async def chat(origin: str, chance: random.Random) -> None:
        cookie = await sign_in(origin, name)
        if cookie is None:  # there is no chat without DEBUG
            await asyncio.Event().wait()
        async with connected(origin, f"/ws/chat/{room}/", cookie or "") as socket:
            while True:
                await socket.stay(chance.uniform(*THINK_S))
                socket.say({"type": "typing"})
                await socket.stay(chance.uniform(*TYPE_S))
                socket.say({"type": "message", "text": _remark(chance)})

    return chat


def _remark(chance: random.Random) -> str:
    if chance.random() < 0.1:
        return f"/thumb {chance.choice(SUBJECTS)}"
    return chance.choice(REMARKS)


async def echo(origin: str, chance: random.Random) -> None:
    """Call into the echo, under a name."""
    async with connected(origin, "/ws/echo/") as socket:
        socket.say("/name Grace")
        while True:
            await socket.stay(chance.uniform(*ECHO_S))
            socket.say(chance.choice(REMARKS))


async def watch_the_clock(origin: str, chance: random.Random) -> None:
    """Listen to the ticker, and say nothing."""
    async with connected(origin, "/ws/ticker/") as socket:
        while True:
            await socket.stay(chance.uniform(*AWAY_S))


async def pass_by(origin: str, chance: random.Random) -> None:
    """Look into the log for a moment, and go."""
    async with connected(origin, "/ws/log/") as socket:
        await socket.stay(chance.uniform(*GLANCE_S))
    await asyncio.sleep(chance.uniform(*AWAY_S))
