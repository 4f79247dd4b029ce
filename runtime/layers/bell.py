"""The bell of one channel: who waits for a job hears that there may be one.

Owns the connection that waits at the server, and who waits here. A ring wakes one of all that
wait, in whichever process; whoever takes a job and leaves others rings again. So a job costs one
worker a look, and a quiet channel costs nothing. A bell is a list of one element: a ring that
nobody heard is there for the next who listens, and one that was lost is made good by looking now
and then. Used by `runtime.layers.job_channel`.

There is no task: each answer asks the next question.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.connection import Link
from runtime.layers.shards import Shards

AGAIN_S: Final = 0.2
"""After which those who wait look by themselves if the bell cannot be heard."""


class Bell:
    """The bell of one channel, as one node hears it.

    Args:
        key: of the list.
        home: the key by which its server is found, which a channel's keys have in common.
        servers: for commands.
        reader: to that server, for waiting only.
        block_s: how long one question waits.
    """

    def __init__(
        self, key: str, home: str, servers: Shards, reader: Link, *, block_s: float
    ) -> None:
        self._key = key
        self._home = home
        self._servers = servers
        self._reader = reader
        self._block_s = block_s
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_listening = False
        self.is_closed = False

    def __repr__(self) -> str:
        return f"<Bell {self._key} waiting={len(self._waiting)}>"

    async def wait(self, timeout_s: float) -> None:
        """Return when it rings, or after `timeout_s`; who is cancelled has heard nothing."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(waiting)
        self._listen()
        try:
            await asyncio.wait([waiting], timeout=timeout_s)
        except asyncio.CancelledError:
            if waiting.done():
                self._pass_on()
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    async def close(self) -> None:
        """Stop listening."""
        self.is_closed = True
        await self._reader.close()

    def drop_socket(self) -> None:
        """Forget the socket."""
        self._reader.drop_socket()

    def _listen(self) -> None:
        if self._is_listening or self.is_closed or not self._waiting:
            return
        self._is_listening = True
        self._reader.tell(self._heard, "BLPOP", self._key, self._block_s, is_kept=False)

    def _heard(self, answer: Any) -> None:
        self._is_listening = False
        if isinstance(answer, Exception):
            if isinstance(answer, ServerRefusal) and answer.code == "MOVED":
                self._reader.reopen(answer)
            if not self.is_closed:
                pause_s = 0.0 if isinstance(answer, LayerUnavailable) else AGAIN_S
                self._loop.call_later(pause_s, self._wake_all)
        elif answer is None:
            self._listen()
        else:
            self._pass_on()

    def _pass_on(self) -> None:
        """Wake one of those who wait here, or whoever waits elsewhere."""
        if not self._wake_one():
            self._servers.tell(self._home, _nothing, "RPUSH", self._key, 1)
        self._listen()

    def _wake_one(self) -> bool:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return True
        return False

    def _wake_all(self) -> None:
        while self._wake_one():
            pass


def _nothing(answer: Any) -> None:
    """Pass over an answer."""
