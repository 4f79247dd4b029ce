"""The console's WebSocket that runs one virtual scope: composed in the browser, run here.

It takes, one at a time::

    {"open": "{\\"type\\": \\"websocket\\", ...}", "as": "me"}    run the application for a scope,
                                                             as the viewer, or as "user:grace"
    {"event": "{\\"type\\": \\"websocket.connect\\"}"}           give it an event
    {"end": true}                                            end it
    {"replay": 7, "connection": "5f00c2", "as": "me", "speed": 1}  play a recording; 0: no waits
    {"replay": 7, "connection": "5f00c2", "step": true}      play its next event, and no more

and says what happens, redacted as everywhere::

    {"said": "out", "at": 1754..., "type": "websocket.send", "text": "...", "took_ms": 1.2}
    {"said": "progress", "given": ["5f00c2:17"], "of": 4, "at_s": 9.87, "verdicts": [...]}

Only for who may steer: asked for when the socket opens, and again with each message. One
run a socket; it ends with it. Each run leaves a line in the admin's log.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from console import audit, impersonation, mount, recordings
from console.asgi_json import MalformedScope, read_event, read_scope
from console.impersonating import with_session
from console.policy import may_watch, steering_obstacle
from console.recorded import scope_of
from console.relay import relay
from console.replay import Answer
from console.replaying import Progress, Replaying
from console.saying import Sayer
from console.viewer import user_now
from console.virtual import Ended, Said, VirtualScope
from runtime.generic.websocket import AsyncJsonWebsocketConsumer
from runtime.headers import header_values
from runtime.routing import get_default_application
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import Scope

FORBIDDEN: Final = 4403
NOT_UNDERSTOOD: Final = 4400
REASON_BYTES: Final = 120
RECHECK_S: Final = 30.0
WITH_HEADERS: Final = frozenset({"http", "websocket"})

AS_USER: Final = "user:"
"""Before the name of whom a scope shall go out as."""

OWN_PAGE = "The console does not run itself: this path is one of its own."


class VirtualConsumer(AsyncJsonWebsocketConsumer):
    """One viewer with one virtual scope."""

    def __init__(self, *args: Any, recheck_s: float = RECHECK_S, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run: VirtualScope | None = None
        self.recheck_s = recheck_s
        self._replaying: Replaying | None = None
        self._session: impersonation.Session | None = None
        self._playing: asyncio.Task[None] | None = None
        self._line: audit.Line | None = None
        self._sayer = Sayer(relay.reader)
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        """Accept who may steer; say why to staff who may not, and refuse everybody else."""
        if not may_watch(self.scope["user"]):
            await self.close()
            return
        await self.accept()
        if await self._is_allowed():
            self._tasks = [
                spawn(self._speak(), name="virtual scope's speaker"),
                spawn(self._recheck(), name="virtual scope's recheck"),
            ]

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Take what the page says."""
        if not isinstance(content, dict):
            await self.close(NOT_UNDERSTOOD, "expected an object")
            return
        if not await self._is_allowed():
            return
        try:
            await self._take(content)
        except (MalformedScope, Ended, LookupError, impersonation.Refused) as why:
            self._outgoing.put_nowait({"said": "refused", "words": str(why)})

    async def disconnect(self, code: int | None) -> None:
        """End what this socket has begun."""
        await self._end_run()
        await cancel_and_wait(*self._tasks)

    async def _take(self, content: dict[str, Any]) -> None:
        if "open" in content:
            await self._open(read_scope(str(content["open"])), str(content.get("as", "")))
        elif "event" in content:
            if self.run is None:
                raise Ended("No scope is open: open one first.")
            self.run.feed(read_event(str(content["event"])))
        elif "replay" in content:
            await self._replay(content)
        elif "end" in content:
            await self._end_run()

    async def _replay(self, content: dict[str, Any]) -> None:
        is_step = bool(content.get("step"))
        replaying = self._replaying
        if replaying is None or replaying.is_done or not is_step:
            replaying = await self._begin_replay(content)
        if self._playing is not None and not self._playing.done():
            raise Ended("The recording is being played: wait for its end, or end it.")
        speed = _number(content.get("speed"))
        playing = self._step(replaying) if is_step else replaying.play(speed, self._progressed)
        self._playing = spawn(playing, name="replay")

    async def _begin_replay(self, content: dict[str, Any]) -> Replaying:
        number, connection = int(_number(content["replay"])), str(content.get("connection", ""))
        try:
            found = await recordings.recorded(number)
            view = found.views[connection]
        except LookupError:
            raise MalformedScope("This connection is not recorded any more.") from None
        await self._open(scope_of(view), str(content.get("as", "")))
        assert self.run is not None
        self._replaying = Replaying(found, connection, self.run)
        return self._replaying

    async def _step(self, replaying: Replaying) -> None:
        progress = await replaying.step()
        self._progressed(await replaying.finish() if replaying.is_done else progress)

    def _progressed(self, progress: Progress) -> None:
        self._outgoing.put_nowait(self._sayer.progress(progress))

    async def _open(self, scope: Scope, who: str) -> None:
        if mount.is_own(scope):
            raise MalformedScope(OWN_PAGE)
        await self._end_run()
        shown = self._sayer.scope(scope)
        user = self.scope["user"]
        what = f"Ran the application for a virtual scope of type {scope['type']}."
        self._line = await audit.record(user, what, f"virtual {scope['type']}", shown)
        self._begin_run(await self._signed_in(scope, who))

    def _begin_run(self, scope: Scope) -> None:
        viewer = self.scope["user"].get_username()
        session = self._session
        run = VirtualScope(
            get_default_application(),
            scope,
            on_said=self._heard,
            by=f"{viewer} as {session.user}" if session is not None else viewer,
        )
        self.run = run
        self._outgoing.put_nowait({"said": "opened"})
        run.start()

    async def _signed_in(self, scope: Scope, who: str) -> Scope:
        """Return the scope with the session of whom it shall go out as; "" for nobody."""
        if scope["type"] not in WITH_HEADERS:
            return scope
        if who.startswith(AS_USER):
            name = who.removeprefix(AS_USER)
            what = f"a virtual {scope['type']}"
            self._session = await impersonation.begin(self.scope["user"], name, what)
            return with_session(scope, self._session)
        if who != "me":
            return scope
        cookies = [(b"cookie", value) for value in header_values(self.scope, b"cookie")]
        return {**scope, "headers": [*scope["headers"], *cookies]}

    async def _end_run(self) -> None:
        if self._playing is not None:
            await cancel_and_wait(self._playing)
        run, self.run, self._replaying = self.run, None, None
        if run is not None:
            await run.end()
        if self._session is not None:
            await impersonation.end(self._session)
            self._session = None
        if run is None:
            return
        if self._line is not None:
            await self._line.add(f"It was given {run.fed} events and sent {run.sent}.")
            self._line = None

    def _heard(self, said: Said) -> None:
        connection = self.run.connection if self.run is not None else None
        shown = self._sayer.said(said, connection)
        if self._replaying is not None and said.what == "out":
            answer = Answer.read(shown["type"], shown["text"], shown.get("hex", ""))
            self._replaying.heard(answer)
        self._outgoing.put_nowait(shown)

    async def _speak(self) -> None:
        while True:
            await self.send_json(await self._outgoing.get())

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(self.recheck_s)
            if not await self._is_allowed():
                return

    async def _is_allowed(self) -> bool:
        obstacle = await steering_obstacle(await user_now(self.scope))
        if obstacle:
            await self.close(FORBIDDEN, obstacle.encode()[:REASON_BYTES].decode("utf-8", "ignore"))
        return not obstacle


def _number(value: Any) -> float:
    """Return a number that a page has said; 0 for anything else."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**53 else 0.0
