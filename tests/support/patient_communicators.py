"""Communicators that wait for longer than a second, unless a test says for how long.

The second is a default of the API that they answer for, and nothing is promised within it: on a
machine that is busy with other things, a query in another thread may take it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from runtime.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator

PATIENCE_S = 30

WAITING = {
    ApplicationCommunicator: ("receive_output", "wait"),
    HttpCommunicator: ("get_response",),
    WebsocketCommunicator: ("connect", "receive_from", "receive_json_from", "disconnect"),
}


def let_wait() -> None:
    """Let the communicators of this process be patient from now on."""
    for communicator, names in WAITING.items():
        for name in names:
            setattr(communicator, name, _patient(getattr(communicator, name)))


def _patient(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    signature = inspect.signature(method)

    @functools.wraps(method)  # so it is seen to have its own parameters and their defaults
    async def wait(*args: Any, **options: Any) -> Any:
        given = signature.bind(*args, **options).arguments
        return await method(**{"timeout": PATIENCE_S, **given})

    return wait
