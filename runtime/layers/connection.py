"""One supervised connection to one server: commands go out in order, answers come back in order.

Owns the socket, the pipeline, and the way back after an outage. Commands that are asked
for in one turn of the loop are written together; an answer is given to who waits for it
with a plain call. There is no lock, no task and no timer for a command: one task opens
the connection and opens it again, one timer notices a server that does not answer.

A command whose answer never came is sent again, before newer ones. Who asks for one must
be content with that: the layers make what they send idempotent.

Knows no keys and no commands but those of the greeting. Used by the nodes of the Redis
layers, on the loop on which it was made.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

import hiredis

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.addresses import Address
from runtime.layers.dialing import Place, dial
from runtime.layers.greeting import require_version, write_hello
from runtime.tasks import cancel_and_wait, spawn

logger = logging.getLogger("runtime.layers.connection")

Argument: TypeAlias = str | int | float | bytes | memoryview
Answer: TypeAlias = Callable[[Any], None]
"""Takes what the server said, or the exception in its place."""

CONNECT_S: Final = 5.0
"""How long it may take to open a connection, before it is tried again."""

FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 1.0
"""Between two attempts: doubled each time, and drawn from its upper half, so that the processes
of a project do not come back all at once."""

STEADY_S: Final = 1.0
"""How long a connection must have lasted for its loss to be followed by an attempt at once."""

MOST_WAITING: Final = 100_000
"""Commands that wait for a server that is away, before the next is refused."""

BUFFER_BYTES: Final = 65_536
"""What is read from the socket at a time, into one place: a new one each time costs page faults."""

# The server, or what is loaded into it, is not what it was: greet it anew and ask again.
_NOT_NOW = ("LOADING", "READONLY", "MASTERDOWN", "NOSCRIPT", "CLUSTERDOWN", "TRYAGAIN")


class _Call:
    """A command, who waits for its answer, and whether it may be sent twice."""

    __slots__ = ("answer", "asked_at", "is_kept", "packed")

    def __init__(self, packed: bytes, answer: Answer, asked_at: float, is_kept: bool) -> None:
        self.packed = packed
        self.answer = answer
        self.asked_at = asked_at
        self.is_kept = is_kept


class Link(asyncio.BufferedProtocol):
    """A connection that comes back.

    It is opened by the first command, and again after each loss, until it is closed.

    Args:
        place: where the server is.
        timeout_s: how long a command waits for a server that is away, before it fails.
        silence_s: how long an answer may take before the connection is taken for dead.
        setup: commands to send each time that it has been opened.
        greet: awaited each time, after them and before any other command is sent; asks with
            `ask_first()`.
        on_change: told each time that the server has gone (the error) or is back (None).
        on_push: given each reply first; True for one that answers no command.
        is_plain: whether the server keeps no data and no clock, as a Sentinel does not.
        draw: gives random numbers from 0 to 1.

    Attributes:
        is_up: whether commands go to the server at once.
        address: where it was connected to last; None if it never was.
        offset_ms: the server's clock less the loop's, in milliseconds, as of the greeting.
        client_id: how the server calls this connection.
    """

    def __init__(
        self,
        place: Place,
        *,
        timeout_s: float = 10.0,
        silence_s: float | None = None,
        setup: Sequence[tuple[Argument, ...]] = (),
        greet: Callable[[Link], Awaitable[None]] | None = None,
        on_change: Callable[[Link, Exception | None], None] | None = None,
        on_push: Callable[[Any], bool] | None = None,
        is_plain: bool = False,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.place = place
        self.is_up = False
        self.address: Address | None = None
        self.offset_ms = 0.0
        self.client_id = 0
        self._timeout_s = timeout_s
        self._silence_s = timeout_s if silence_s is None else silence_s
        self._setup = setup
        self._greet = greet
        self._on_change = on_change
        self._on_push = on_push
        self._is_plain = is_plain
        self._draw = draw
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Call] = deque()
        self._sent: deque[_Call] = deque()
        self._behind: list[_Call] = []
        self._when_heard: Callable[[], None] | None = None
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._reader = hiredis.Reader(replyError=ServerRefusal)
        self._socket: socket.socket | None = None
        self._transport: asyncio.Transport | None = None
        self._is_flushing = False
        self._is_paused = False
        self._lost: asyncio.Future[Exception] | None = None
        self._reason = "it has not been reached yet"
        self._heard_at = self._up_at = self._worked_at = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None
        self._supervisor: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "up" if self.is_up else "down"
        return f"<Link {self.place} {state} waiting={len(self._waiting)} sent={len(self._sent)}>"

    @property
    def is_idle(self) -> bool:
        """Whether every command has its answer."""
        return not self._waiting and not self._sent

    def call(self, *command: Argument) -> asyncio.Future[Any]:
        """Send a command; the future is its answer.

        Raises:
            LayerUnavailable: (the future) the server was away for too long.
            ServerRefusal: (the future) the server answered with an error.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        self._put(command, answer_to(future), is_kept=True)
        return future

    def tell(self, answer: Answer, *command: Argument, is_kept: bool = True) -> None:
        """Send a command, and call `answer` with what the server says, or an exception.

        Args:
            is_kept: whether to send it again if its answer never comes; else it fails.
        """
        self._put(command, answer, is_kept)

    def tell_behind(self, answer: Answer, *command: Argument) -> None:
        """Do so behind what is asked for next, and in the same write; it is not sent again."""
        self._behind.append(_Call(_pack(command), answer, self._loop.time(), is_kept=False))

    def call_when_heard(self, callback: Callable[[], None]) -> None:
        """Call `callback` behind those whom the next answers wake; without any, in the next turn.

        One callback at a time: another one takes its place.
        """
        self._when_heard = callback
        if not self._sent:
            self._call_heard()

    def ask_first(self, *command: Argument) -> asyncio.Future[Any]:
        """Send a command before all that wait: for the greeting."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._put_first(command, answer_to(future), is_kept=False)
        return future

    def tell_first(self, answer: Answer, *command: Argument) -> None:
        """Send a command before all that wait, as `tell()` does: for the greeting."""
        self._put_first(command, answer, is_kept=True)

    def start(self) -> None:
        """Open the connection without a command."""
        if self._supervisor is None or self._supervisor.done():
            self._supervisor = spawn(self._supervise(), name=f"link to {self.place}")

    def reopen(self, error: Exception) -> None:
        """Let go of this connection and open another: the place has moved."""
        self._abort(error)

    async def close(self) -> None:
        """Let go of the server; what waits for an answer fails."""
        if self._supervisor is not None:
            await cancel_and_wait(self._supervisor)
        await self._wait_until_lost()

    def drop_socket(self) -> None:
        """Forget the socket without a word to the server: it is another process's, after a fork."""
        if self._socket is not None:
            self._socket.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._reader = hiredis.Reader(replyError=ServerRefusal)
        self._lost = self._loop.create_future()
        self._is_paused = False
        self._heard_at = self._loop.time()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take the bytes that have come."""
        self.take(self._buffer[:nbytes])

    def take(self, data: bytes | memoryview) -> None:
        """Give each answer to who waits for it."""
        self._heard_at = self._loop.time()
        reader, transport = self._reader, self._transport
        try:
            reader.feed(data)  # type: ignore[arg-type]  # its stub knows no views
            while transport is self._transport and (reply := reader.gets()) is not False:
                self._receive(reply)
        except hiredis.ProtocolError as error:
            self._abort(ConnectionError(f"it does not speak Redis's protocol: {error}"))
        if self._when_heard is not None:
            self._call_heard()

    def connection_lost(self, error: Exception | None) -> None:
        """Take note that the server has gone."""
        if self._transport is not None:  # else it was let go of here, for a reason of its own
            self._abort(error or ConnectionError("the server closed the connection"))
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error or ConnectionError(self._reason))

    def pause_writing(self) -> None:
        """Stop writing: the server is slow to take what it was sent."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Write on."""
        self._is_paused = False
        self._flush()

    def _receive(self, reply: Any) -> None:
        if self._on_push is not None and self._on_push(reply):
            return
        if not self._sent:
            self._abort(ConnectionError("it answered what nobody asked"))
            return
        call = self._sent.popleft()
        if type(reply) is ServerRefusal and call.is_kept and reply.code in _NOT_NOW:
            self._sent.appendleft(call)
            self._abort(reply)
            return
        call.answer(reply)

    def _put(self, command: tuple[Argument, ...], answer: Answer, is_kept: bool) -> None:
        if len(self._waiting) >= MOST_WAITING:
            answer(self._unavailable(f"{MOST_WAITING} commands wait for it already"))
            return
        call = _Call(_pack(command), answer, self._loop.time(), is_kept)
        self._waiting.append(call)
        if self._watch is None:
            self._watch_until(call.asked_at + min(self._timeout_s, self._silence_s))
        if not self.is_up:
            self.start()
        elif not self._sent:
            self._flush()
        elif not self._is_flushing:
            # Others of this turn go with it.
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _put_first(self, command: tuple[Argument, ...], answer: Answer, is_kept: bool) -> None:
        call = _Call(_pack(command), answer, self._loop.time(), is_kept)
        if self._transport is None:
            answer(self._unavailable(self._reason))
            return
        self._sent.append(call)
        self._transport.write(call.packed)

    def _flush(self) -> None:
        self._is_flushing = False
        if not self.is_up or self._is_paused or not self._waiting or self._transport is None:
            return
        self._waiting.extend(self._behind)
        self._behind.clear()
        self._transport.write(b"".join([call.packed for call in self._waiting]))
        self._sent.extend(self._waiting)
        self._waiting.clear()

    async def _supervise(self) -> None:
        failures = 0
        try:
            while True:
                opened_at = float("inf")
                try:
                    await self._open()
                    opened_at = self._loop.time()
                    await self._wait_until_lost()
                except (OSError, ServerRefusal) as error:
                    self._abort(error)
                await self._wait_until_lost()
                is_steady = self._loop.time() - opened_at > STEADY_S
                failures = 0 if is_steady else failures + 1
                await asyncio.sleep(self._pause_after(failures))
        finally:
            self._abort(ConnectionError("the connection was closed"), is_wanted=True)
            self._fail_all()

    async def _wait_until_lost(self) -> None:
        if self._lost is not None:
            await asyncio.wait([self._lost])

    def _pause_after(self, failures: int) -> float:
        if not failures:
            return 0.0
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 30))
        return longest * (0.5 + self._draw() / 2)

    async def _open(self) -> None:
        async with asyncio.timeout(CONNECT_S):
            self._socket, address = await dial(self.place)
            self.address = address
            tls: dict[str, Any] = {}
            if address.tls is not None:
                tls = {"ssl": address.tls, "server_hostname": address.host}
            try:
                await self._loop.create_connection(lambda: self, sock=self._socket, **tls)
            except BaseException:
                self._socket.close()
                raise
            await self._greet_server(address)
            if self._greet is not None:
                await self._greet(self)
        if self._transport is None:
            raise ConnectionError(self._reason)
        self.is_up, self._up_at = True, self._loop.time()
        if self._on_change is not None:
            self._on_change(self, None)
        self._flush()

    async def _greet_server(self, address: Address) -> None:
        commands: list[tuple[Argument, ...]] = [await write_hello(address)]
        if address.db:
            commands.append(("SELECT", address.db))
        commands += self._setup
        if not self._is_plain:
            commands.append(("TIME",))
        asked = [self.ask_first(*command) for command in commands]
        answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        hello = dict(zip(answers[0][::2], answers[0][1::2], strict=True))
        require_version(hello[b"version"].decode())
        if not isinstance(self.place, Address) and hello[b"role"] != b"master":
            raise ConnectionError(f"{address} is not the master")
        self.client_id = hello[b"id"]
        if not self._is_plain:
            seconds, microseconds = map(int, answers[-1])
            self.offset_ms = seconds * 1000 + microseconds / 1000 - self._loop.time() * 1000

    def _abort(self, error: Exception, *, is_wanted: bool = False) -> None:
        """Let go of the connection that there is; what was sent waits again, or fails."""
        transport, self._transport = self._transport, None
        if transport is None and is_wanted:
            return
        self._reason = str(error) or type(error).__name__
        if transport is None:
            return
        with suppress(AttributeError):  # older Pythons: TLS that has ended has no protocol left
            transport.abort()
        was_up, self.is_up = self.is_up, False
        now = self._loop.time()
        # A server that is lost as soon as it is there, or used, counts as away all the while.
        silent_s = min(now - self._heard_at, self._silence_s)
        if was_up and now - self._up_at - silent_s > STEADY_S:
            self._worked_at = now
        unanswered, self._sent = self._sent, deque()
        unanswered.extend(self._behind)
        self._behind.clear()
        self._waiting.extendleft(call for call in reversed(unanswered) if call.is_kept)
        if self._waiting and self._watch is None:
            self._watch_until(self._worked_at + self._timeout_s)
        if was_up and not is_wanted:
            logger.warning("The connection to %s was lost: %s", self.place, self._reason)
            if self._on_change is not None:
                self._on_change(self, error)
        for call in unanswered:
            if not call.is_kept:
                call.answer(self._unavailable(f"the connection was lost: {self._reason}"))
        self._call_heard()

    def _call_heard(self) -> None:
        callback, self._when_heard = self._when_heard, None
        if callback is not None:
            self._loop.call_soon(callback)

    def _fail_all(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for call in waiting:
            call.answer(self._unavailable(self._reason))
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _watch_until(self, when: float) -> None:
        soonest = self._loop.time() + self._timeout_s / 20
        self._watch = self._loop.call_at(max(when, soonest), self._look)

    def _look(self) -> None:
        """Notice a server that does not answer, and commands that have waited for too long."""
        self._watch = None
        now = self._loop.time()
        if self._sent:
            silent_since = max(self._heard_at, self._sent[0].asked_at)
            if silent_since + self._silence_s <= now:
                self._abort(TimeoutError(f"it was silent for {now - silent_since:.1f} s"))
        if not self.is_up:
            self._fail_late(now)
        if self._waiting:
            self._watch_until(max(self._worked_at, self._waiting[0].asked_at) + self._timeout_s)
        elif self._sent:
            silent_since = max(self._heard_at, self._sent[0].asked_at)
            self._watch_until(silent_since + self._silence_s)

    def _fail_late(self, now: float) -> None:
        late_at = now - self._timeout_s
        if self._worked_at > late_at:
            return
        while self._waiting and self._waiting[0].asked_at <= late_at:
            call = self._waiting.popleft()
            call.answer(self._unavailable(f"for {self._timeout_s:g} s, {self._reason}"))

    def _unavailable(self, reason: str) -> LayerUnavailable:
        return LayerUnavailable(str(self.place), reason)


def _pack(command: tuple[Argument, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub knows pairs
    return packed


def answer_to(future: asyncio.Future[Any]) -> Answer:
    """Return what gives an answer to `future`."""

    def answer(reply: Any) -> None:
        if future.done():
            return
        if isinstance(reply, Exception):
            future.set_exception(reply)
        else:
            future.set_result(reply)

    return answer
