"""Small public names that projects import from here.

Owns `name_that_thing` for messages about applications, and `await_many_dispatch`
for consumers of a project's own making. The runtime's own consumers do not use
the latter: they have a mailbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import MethodType
from typing import Any

from runtime.tasks import cancel_and_wait


def name_that_thing(thing: object) -> str:
    """Return the dotted name under which a reader would look for `thing`.

    Args:
        thing: a function, a method, a class, an instance of one, or an application
            made by `as_asgi()`.
    """
    if isinstance(thing, MethodType):
        return f"{name_that_thing(thing.__self__)}.{thing.__name__}"
    named = thing if hasattr(thing, "__name__") else type(thing)
    name = getattr(named, "__qualname__", named.__name__)
    module = getattr(named, "__module__", None)
    return f"{module}.{name}" if module else str(name)


async def await_many_dispatch(
    consumer_callables: Sequence[Callable[[], Awaitable[Any]]],
    dispatch: Callable[[Any], Awaitable[Any]],
) -> None:
    """Await every callable over and over, and dispatch each result, one at a time.

    Args:
        consumer_callables: called again after each result; one that raises ends the whole.
        dispatch: awaited with each result, in the order of arrival.

    Raises:
        Exception: whatever a callable or `dispatch` raises.
    """
    arrived: asyncio.Queue[Any] = asyncio.Queue(maxsize=1)

    async def read(call: Callable[[], Awaitable[Any]]) -> None:
        while True:
            await arrived.put(await call())

    async def dispatch_all() -> None:
        while True:
            await dispatch(await arrived.get())

    tasks = [asyncio.ensure_future(read(call)) for call in consumer_callables]
    tasks.append(asyncio.ensure_future(dispatch_all()))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        await cancel_and_wait(*tasks)
