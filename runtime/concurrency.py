"""Several handlers of one connection at once, for a consumer that asks for it.

Owns what stays in order all the same: handlers start in the order of their messages,
`connect` ends before any of them starts, `disconnect` starts when all have ended, and
the first that fails ends the others and then the connection. Called by
`AsyncConsumer` with `max_concurrency` above 1; all others do without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from runtime.exceptions import StopConsumer
from runtime.mailbox import Item, Mailbox

logger = logging.getLogger("runtime.concurrency")

Handle = Callable[[Item], Coroutine[Any, Any, None]]

ALONE: Final = frozenset({"connect", "disconnect"})
"""What the last part of a type says, if its handler runs beside no other."""


async def handle_concurrently(mailbox: Mailbox, handle: Handle, most: int) -> None:
    """Handle the items of `mailbox`, each in a task of its own, until one raises.

    Args:
        handle: handles one item.
        most: how many handlers run at once.

    Raises:
        Exception: what the first handler failed with, or what the mailbox ended with.
    """
    while True:
        last = await _handle_until_alone(mailbox, handle, most)
        await handle(last)


async def _handle_until_alone(mailbox: Mailbox, handle: Handle, most: int) -> Item:
    """Return the first item that has to be handled alone, when all before it are handled."""
    slots = asyncio.Semaphore(most)

    async def handle_in_slot(item: Item) -> None:
        try:
            await handle(item)
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as handlers:
            while True:
                # The end of the mailbox is no failure: what runs may end.
                item = await _next(mailbox)
                if isinstance(item, Exception) or _is_alone(item):
                    break
                await slots.acquire()
                handlers.create_task(handle_in_slot(item), name="handler")
    except BaseExceptionGroup as failures:
        raise _first(failures) from None
    if isinstance(item, Exception):
        raise item
    return item


async def _next(mailbox: Mailbox) -> Item | Exception:
    try:
        return await mailbox.get()
    except Exception as end:
        return end


def _is_alone(item: Item) -> bool:
    return str(item.message.get("type")).rpartition(".")[2] in ALONE


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first, *others = failures.exceptions
    for other in others:
        if not isinstance(other, StopConsumer):
            logger.error("A handler failed while another one's failure ended it.", exc_info=other)
    return first
