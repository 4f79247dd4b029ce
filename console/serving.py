"""Daphne in this process, with an orderly end.

Owns the life of the server and of its event loop. What is served, and on which socket, is
said by the caller: a process of the demo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

# First of all that speaks of Twisted: importing it is what puts Twisted on asyncio.
from daphne.server import Server, twisted_loop  # isort: skip
from daphne.endpoints import build_endpoint_description_strings

if TYPE_CHECKING:
    from runtime.typing import ASGIApplication

GRACE_S = 5.0
"""How long consumers may take over their disconnect when the server ends."""


def serve(application: ASGIApplication, fd: int, on_ready: Callable[[], object]) -> bool:
    """Serve until SIGINT or SIGTERM.

    Args:
        fd: a socket that listens, as this process knows it; others may accept from it too.
        on_ready: called once the server accepts.

    Returns: whether it could accept at all.
    """
    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(file_descriptor=fd),
        ready_callable=on_ready,
    )
    server.run()
    _finish(server)
    return not server.abort_start


def _finish(server: Any) -> None:
    """End what the server left running, the applications before what they started.

    Daphne cancels its applications itself, but gives up on all of them when one of its
    requests has none, as a request that became a WebSocket does for a moment. Tasks
    that are left pending can crash the interpreter when it collects them on its way out.
    """
    applications = [
        details["application_instance"]
        for details in server.connections.values()
        if "application_instance" in details
    ]
    twisted_loop.run_until_complete(_end(applications))
    twisted_loop.run_until_complete(_end(asyncio.all_tasks(twisted_loop)))
    twisted_loop.run_until_complete(twisted_loop.shutdown_asyncgens())
    twisted_loop.close()


async def _end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel the tasks, each once, and wait until they have ended."""
    for task in tasks:
        if not task.cancelling():
            task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_S)
