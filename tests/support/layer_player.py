"""A process of its own on a channel layer: a member of a group that also sends.

`LayerPlayer` is how a test holds it; `python -m tests.support.layer_player JSON` is the process. It
writes a line of JSON for what happens: `joined` with its channels, `heard` with a sender and a
number when the last of its channels has got a message, `sent` with a number. It broadcasts each
number that stands in its input, or one after the other if it `floods`. It ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
BREATH_S = 0.002


class LayerPlayer:
    """Such a process, as its parent sees it.

    Attributes:
        channels: its members of the group.
        heard: (sender, number) of each message that its last member has received, in order.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.channels: list[str] = []
        self.heard: list[tuple[str, int]] = []
        self.sent = 0
        self._known: set[tuple[str, int]] = set()
        self._process = process
        self._changed = asyncio.Condition()
        self._reading = asyncio.ensure_future(self._read())

    async def joined(self) -> None:
        """Return when its members are in the group."""
        await self._until(lambda: bool(self.channels))

    async def send(self, number: int) -> None:
        """Let it broadcast a message; return when the layer has accepted it."""
        assert self._process.stdin is not None
        before = self.sent
        self._process.stdin.write(f"{number}\n".encode())
        await self._until(lambda: self.sent > before)

    async def more(self, count: int) -> None:
        """Return when it has heard `count` more messages."""
        goal = len(self.heard) + count
        await self._until(lambda: len(self.heard) >= goal)

    async def hears(self, sender: str, number: int) -> None:
        """Return when it has heard that message."""
        await self._until(lambda: (sender, number) in self._known)

    def numbers_of(self, sender: str) -> list[int]:
        """Return the numbers that it has heard from `sender`, in order."""
        return [number for name, number in self.heard if name == sender]

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still while the context lasts."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it as a crash does."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        await self._reading

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: is_so() or self._reading.done())
        assert is_so(), "the process has ended; what it wrote is above"

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if not line.endswith(b"\n"):
                break  # it was killed in the middle of it
            self._note(json.loads(line))
            async with self._changed:
                self._changed.notify_all()

    def _note(self, told: dict[str, Any]) -> None:
        self.channels += told.get("joined", ())
        self.sent += "sent" in told
        if "heard" in told:
            sender, number = told["heard"]
            self.heard.append((sender, number))
            self._known.add((sender, number))


@asynccontextmanager
async def playing(
    layer: str,
    group: str,
    sender: str,
    *,
    members: int = 1,
    floods: bool = False,
    clock_shift_s: float = 0,
    **config: object,
) -> AsyncIterator[LayerPlayer]:
    """Run a process while the context lasts; yield it when its members have joined.

    Args:
        layer: the layer's dotted path; `config` are its options.
        sender: what its messages say they are from.
        floods: whether it broadcasts without an end.
        clock_shift_s: by how much its clock is wrong.
    """
    options = {
        **{"layer": layer, "config": config, "group": group, "sender": sender},
        **{"members": members, "floods": floods, "clock_shift_s": clock_shift_s},
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.layer_player", json.dumps(options)),
        cwd=ROOT,
        env={**os.environ, "PYTHONASYNCIODEBUG": ""},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    player = LayerPlayer(process)
    try:
        await player.joined()
        yield player
    finally:
        await player.kill()


def main() -> None:
    options = json.loads(sys.argv[1])
    if shift := options["clock_shift_s"]:
        _shift_clock(shift)
    asyncio.run(_play(**options))


async def _play(
    layer: str,
    config: dict[str, Any],
    group: str,
    sender: str,
    members: int,
    floods: bool,
    clock_shift_s: float,
) -> None:
    # Not at the top: the clock is to be wrong before anything of the runtime is imported.
    from django.utils.module_loading import import_string

    made = import_string(layer)(**config)
    channels = [await made.new_channel() for _ in range(members)]
    for channel in channels:
        made.attach(channel, _tell_heard if channel == channels[-1] else _take)
        await made.group_add(group, channel)
    _tell(joined=channels)
    numbers = _flood() if floods else _asked()
    async for number in numbers:
        await made.group_send(group, {"type": "note", "sender": sender, "number": number})
        _tell(sent=number)
    await made.close()


async def _flood() -> AsyncIterator[int]:
    number = 0
    while True:
        yield number
        number += 1
        await asyncio.sleep(BREATH_S)


async def _asked() -> AsyncIterator[int]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield int(line)


def _tell_heard(message: dict[str, Any], cause: object) -> bool:
    _tell(heard=[message["sender"], message["number"]])
    return True


def _take(message: dict[str, Any], cause: object) -> bool:
    return True


def _tell(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _shift_clock(by_s: float) -> None:
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + by_s
    time.time_ns = lambda: true_time_ns() + int(by_s * 1_000_000_000)


if __name__ == "__main__":
    main()
