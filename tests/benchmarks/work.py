"""What a workload is given, who can do the work, and the table of all workloads."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

Application = Callable[..., Any]
"""An ASGI application."""

SERVER = "BENCH_SERVER"
"""Names the address of the Redis server to measure on."""

WORKLOADS: dict[str, Callable[[Work], Awaitable[float]]] = {}
"""Each returns what one operation cost, in the unit of its goal; its docstring names it."""


class Flavour(Protocol):
    """Who does the work: `runtime`, `channels`, or a loop without a framework."""

    name: str

    def root(self, application: Application) -> Application:
        """Return what the server is given for `application`."""

    def echo(self, kind: str) -> Application:
        """Return an application that sends back each text. `kind`: async, json or sync."""

    def blocked(self, seconds: float) -> Application:
        """Return a synchronous echo that sleeps before it answers."""

    def authenticated(self, application: Application) -> Application:
        """Return `application` with cookies, a session and a user in its scope."""

    def member(self, group: str) -> Application:
        """Return a member of `group`: it broadcasts each text, and sends what it hears."""

    async def group_send(self, group: str, text: str) -> None:
        """Broadcast `text` to the members of `group`, from outside of any of them."""

    def layer(self, kind: str, url: str) -> Any:
        """Return a new channel layer on the server at `url`, which members use from now on.

        Args:
            kind: pubsub or streams.
        """

    def router(self, routes: list[Any]) -> Application:
        """Return an application that passes each scope to the first route that takes its path."""


@dataclass(frozen=True, slots=True)
class Work:
    """One run of a workload.

    Attributes:
        flavour: who does the work.
        scale: part of the usual amount: 1 to measure, far less to see that it still runs.
    """

    flavour: Flavour
    scale: float = 1.0

    @property
    def server_url(self) -> str:
        """The server's address, for workloads on a layer over a server."""
        return os.environ[SERVER]

    def amount(self, usual: int) -> int:
        """Return how many repetitions, members or routes to take."""
        return max(1, round(usual * self.scale))


def workload(function: Callable[[Work], Awaitable[float]]) -> Callable[[Work], Awaitable[float]]:
    """Enter a coroutine function into the table, under its name."""
    WORKLOADS[function.__name__] = function
    return function
