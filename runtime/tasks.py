"""The one place that starts asyncio tasks: it keeps a reference and reports their errors.

A task that nobody refers to may be collected while it runs, and an error that
nobody awaits is noticed when it is too late. Called by whoever owns the work;
the owner ends it with `cancel_and_wait()`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

logger = logging.getLogger("runtime.tasks")

T = TypeVar("T")

_running: dict[asyncio.Task[Any], Callable[[BaseException], None] | None] = {}
"""The tasks that run, each with who hears of its error instead of the log."""


def spawn(
    coroutine: Coroutine[Any, Any, T],
    *,
    name: str,
    on_error: Callable[[BaseException], None] | None = None,
) -> asyncio.Task[T]:
    """Run `coroutine` on the running loop.

    Args:
        name: what its errors are reported under.
        on_error: called with the exception it fails with, instead of the log.
    """
    task = asyncio.create_task(coroutine, name=name)
    _running[task] = on_error
    task.add_done_callback(_ended)
    return task


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """End `tasks` and return when they have ended, whatever they ended with."""
    running = [task for task in tasks if task.cancel()]
    if running:
        await asyncio.wait(running)


def _ended(task: asyncio.Task[Any]) -> None:
    on_error = _running.pop(task)
    if task.cancelled() or (error := task.exception()) is None:
        return
    if on_error is not None:
        on_error(error)
    else:
        logger.error("Task %s failed.", task.get_name(), exc_info=error)
