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
from runtime.throttle import ThrottledWarnings
from runtime.typing import Scope

logger = logging.getLogger("runtime.concurrency")
warnings = ThrottledWarnings(logger)

Handle = Callable[[Item], Coroutine[Any, Any, None]]

ALONE: Final = frozenset({"connect", "disconnect"})
"""What the last part of a type says, if its handler runs beside no other."""

ACKNOWLEDGED: Final = "runtime.acknowledged"
"""The extension in the scope of jobs: who asks for the next has said that the last is done."""


def may_overlap(scope: Scope, consumer: type) -> bool:
    """Return whether the events of a scope may be handled at once; warn a consumer that may not.

    Source: docs/decisions/0012-acknowledged-jobs.md
    """
    if ACKNOWLEDGED not in scope.get("extensions", ()):
        return True
    warnings.warn(
        consumer.__qualname__,
        "%s handles the jobs of the acknowledged channel %r one at a time, whatever its"
        " max_concurrency: none must count as done before its handler has returned. For several at"
        " once: runworker --concurrency.",
        *(consumer.__qualname__, scope["channel"]),
    )
    return False


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
    message, *_ = item
    return str(message.get("type")).rpartition(".")[2] in ALONE


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first, *others = failures.exceptions
    for other in others:
        if not isinstance(other, StopConsumer):
            logger.error("A handler failed while another one's failure ended it.", exc_info=other)
    return first
