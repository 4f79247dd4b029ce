"""Carries out in this process what was asked for through the console.

Owns the finding of what is acted upon, the event loop and the context in which it is done,
the time it may take, and the saying of what became of it. Whether somebody may ask for it
was settled by who sent it (`actions`). Called by the relay, for its own process or for
another one's console.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextvars import Context
from typing import Any, TypeAlias, TypeVar

from console.action import ON_CONNECTIONS, Action, Outcome, RefusedAction, failure, total
from console.connection import ConnectionState
from console.recorder import Recorder
from runtime.exceptions import NotSteerable
from runtime.layers import get_channel_layer
from runtime.steering import end_connection, hand_message, send_event
from runtime.taps import Cause, Connection, current_cause
from runtime.tasks import spawn

T = TypeVar("T")

Step: TypeAlias = Callable[[Connection, Action, Cause], Coroutine[Any, Any, str]]
"""Does it to one connection. Returns why it could not, as a sentence; "" if it was done."""

STEP_S = 1.5
"""How long one connection, or the layer, may take: a client that takes nothing makes us wait."""

ALL_S = 8.0
"""How long all connections together may take."""

AT_ONCE = 50
REASON_CHARS = 200

NOT_IN_TIME = "It did not happen in time, and may happen still."


class Acting:
    """Carries out actions in one process.

    Args:
        recorder: knows the connections, and writes down what is done.
        get_layer: returns the project's channel layer of an alias, or None.
        step_s: how long one connection may take.
        all_s: how long all together may take.
    """

    def __init__(
        self,
        recorder: Recorder,
        get_layer: Callable[[str], Any] = get_channel_layer,
        *,
        step_s: float = STEP_S,
        all_s: float = ALL_S,
    ) -> None:
        self._recorder = recorder
        self._get_layer = get_layer
        self._step_s = step_s
        self._all_s = all_s

    async def carry_out(self, action: Action) -> Outcome:
        """Do it, and return what became of it; goes on if the caller is cancelled."""
        if self._recorder.settings.READ_ONLY:  # whoever asks, from whichever process
            return failure(
                f"{self._recorder.process.name} is read-only.", max(len(action.connections), 1)
            )
        try:
            action.require_valid()
        except RefusedAction as refused:
            return failure(refused.reason, max(len(action.connections), 1))
        # In a context of its own: who asks is served by a connection that has no part in it,
        # and the relay's own traffic is muted.
        task: asyncio.Task[Outcome] = Context().run(
            spawn, self._carry_out(action), name="console.action"
        )
        return await asyncio.shield(task)

    async def _carry_out(self, action: Action) -> Outcome:
        cause = self._write_down(action)
        current_cause.set(cause)
        if action.kind in ON_CONNECTIONS:
            return await self._on_connections(action, cause)
        return _outcome_of(await self._guarded(self._on_layer(action)))

    def _write_down(self, action: Action) -> Cause:
        ids = action.connections
        on = self._known(ids[0]) if len(ids) == 1 else None
        where = action.group or action.channel or (f"{len(ids)} connections" if not on else "")
        note = " ".join(filter(None, (f"by {action.by}" if action.by else "", where)))
        return self._recorder.action_began(f"console.{action.kind}", note, action.payload, on)

    async def _on_connections(self, action: Action, cause: Cause) -> Outcome:
        outcomes: list[Outcome] = []
        loop = asyncio.get_running_loop()
        until = loop.time() + self._all_s
        for ids in _slices(action.connections, AT_ONCE):
            if loop.time() >= until:
                outcomes.append(failure(NOT_IN_TIME, len(action.connections) - len(outcomes)))
                break
            outcomes += await asyncio.gather(*(self._on_one(one, action, cause) for one in ids))
        return total(outcomes)

    async def _on_one(self, connection_id: str, action: Action, cause: Cause) -> Outcome:
        known = self._known(connection_id)
        connection = known.connection if known is not None else None
        if known is None or connection is None or known.is_closed:
            return Outcome(gone=1)
        step = _STEPS[action.kind]
        doing = _on_loop_of(connection, step(connection, action, cause))
        return _outcome_of(await self._guarded(doing))

    async def _on_layer(self, action: Action) -> str:
        layer = self._get_layer(action.layer)
        if layer is None:
            return f"This project has no channel layer {action.layer!r}."
        message = dict(action.message or {})
        if action.kind == "post":
            await layer.send(action.channel, message)
        elif not hasattr(layer, "group_send"):
            return f"The channel layer {type(layer).__name__} has no groups."
        else:
            await layer.group_send(action.group, message)
        return ""

    async def _guarded(self, doing: Awaitable[str]) -> str:
        """Return why it was not done; whatever the server or the layer fails with is said."""
        try:
            async with asyncio.timeout(self._step_s):
                return await doing
        except TimeoutError:
            return NOT_IN_TIME
        except NotSteerable as refused:
            return refused.reason
        except Exception as error:  # the server's or the layer's own, of any class
            return f"{type(error).__name__}: {error}"[:REASON_CHARS]

    def _known(self, connection_id: str) -> ConnectionState | None:
        with self._recorder.lock:
            return self._recorder.state.get(connection_id)


async def _send(connection: Connection, action: Action, cause: Cause) -> str:
    await send_event(connection, action.event())
    return ""


async def _deliver(connection: Connection, action: Action, cause: Cause) -> str:
    has_room = hand_message(connection, dict(action.message or {}), cause)
    return "" if has_room else "Its mailbox is full."


async def _close(connection: Connection, action: Action, cause: Cause) -> str:
    await end_connection(connection, action.code, action.reason, cause)
    return ""


async def _join(connection: Connection, action: Action, cause: Cause) -> str:
    layer, channel = _membership_of(connection)
    await layer.group_add(action.group, channel)
    return ""


async def _leave(connection: Connection, action: Action, cause: Cause) -> str:
    layer, channel = _membership_of(connection)
    await layer.group_discard(action.group, channel)
    return ""


def _membership_of(connection: Connection) -> tuple[Any, str]:
    layer = getattr(connection.consumer, "channel_layer", None)
    if not connection.channel_name or not hasattr(layer, "group_add"):
        raise NotSteerable(
            connection.id, "It has no channel on a layer with groups, and can be in none."
        )
    return layer, connection.channel_name


_STEPS: dict[str, Step] = {
    "send": _send,
    "deliver": _deliver,
    "close": _close,
    "join": _join,
    "leave": _leave,
}


def _on_loop_of(connection: Connection, doing: Coroutine[Any, Any, str]) -> Awaitable[str]:
    """Return what awaits `doing` on the event loop that serves the connection."""
    loop = connection.loop
    if loop is None or loop is asyncio.get_running_loop():
        return doing
    return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(doing, loop))


def _outcome_of(reason: str) -> Outcome:
    return failure(reason) if reason else Outcome(done=1)


def _slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
