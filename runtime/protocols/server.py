"""What the servers of all protocols share: scopes by their keys, and an orderly life.

Owns the open scopes, their bound, the order in which a server ends, and what becomes of
malformed input. The network is the subclass's. Each scope is called through a boundary, so
that observers hear it whatever the root application is. Run by a management command
(`runtime.management.serving`), or by a project within a loop of its own.

How it ends: no new scope is opened and no event is taken; each application gets its protocol's
disconnect event after what has come so far, and may still send; what it sent leaves; then the
network goes. The names are those of `asgiref.server.StatelessServer` where they mean the same.

Source: docs/decisions/0029-protocol-servers.md
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from typing import ClassVar

from runtime import last_words
from runtime.boundary import Boundary
from runtime.drain import CANCELLED_DEADLINE_S, current_drain, deadline
from runtime.drops import drops
from runtime.protocols.scopes import OpenScope
from runtime.signals import stopped_by_signals
from runtime.taps import taps
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import ASGIApplication, Event, Scope

logger = logging.getLogger("runtime.protocols")

LONGEST_KEPT = 4_096
"""Bytes or characters of a malformed input that are kept for who looks at it."""


class ProtocolServer:
    """Serves one protocol with an application; a subclass speaks it.

    Args:
        application: called once for each scope.
        scope_timeout_s: seconds of silence after which a scope ends; None for never.
        max_scopes: open scopes at most; the one that was silent for longest makes room.
        deadline_s: how long scopes may take over their end, and what they sent to leave; None
            for the setting CHANNELS_DRAIN_S.

    Attributes:
        protocol: the type of its scopes, and how the types of its events begin.
        scopes: those that are open, by key, the least recently opened first.
        is_stopping: whether it takes nothing more.
    """

    protocol: ClassVar[str]

    def __init__(
        self,
        application: ASGIApplication,
        *,
        scope_timeout_s: float | None = None,
        max_scopes: int = 10_000,
        deadline_s: float | None = None,
    ) -> None:
        self.application = Boundary(application)
        self.scope_timeout_s = scope_timeout_s
        self.max_scopes = max_scopes
        self.deadline_s = deadline() if deadline_s is None else deadline_s
        self.scopes: dict[Hashable, OpenScope] = {}
        self.is_stopping = False
        self._stop_asked = asyncio.Event()
        self._ending: set[OpenScope] = set()

    # For the subclass

    async def handle(self) -> None:
        """Speak the protocol until cancelled. An error ends the server: keep those of a network.

        Once `is_stopping`, take nothing more, but go on to send.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method handle().")

    async def application_send(self, scope: Scope, event: Event) -> None:
        """Carry out an event of the application; raise `UnknownEvent` for one that is none."""
        raise NotImplementedError(f"{type(self).__name__} needs a method application_send().")

    def scope_ended(self, scope: OpenScope) -> None:
        """Take note that the application of a scope is through, whoever ended it."""

    async def flush(self) -> None:
        """Return when what was sent has left. The deadline cuts it short."""

    def describe(self) -> str:
        """Return what is served, for the sentence "Serving ...". No secrets."""
        return self.protocol

    # Running

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, in a process of its own; the second one cuts it short."""
        asyncio.run(self._run())

    async def serve(self) -> None:
        """Serve until `stop()`, and end all scopes; or until cancelled, and cancel them.

        Raises:
            Exception: what `handle()` failed with.
        """
        if (tap := taps.serving_began) is not None:
            tap()
        handling = spawn(self.handle(), name=f"{self.protocol} server", on_error=lambda _: None)
        stop = spawn(self._stop_asked.wait(), name=f"{self.protocol} stop")
        try:
            await asyncio.wait({handling, stop}, return_when=asyncio.FIRST_COMPLETED)
            await self._drain()
            if handling.done():
                handling.result()
        finally:
            await cancel_and_wait(*(scope.task for scope in self._all_scopes()), handling, stop)

    def stop(self) -> None:
        """Ask `serve()` to take nothing more, to end all scopes, and to return."""
        self.is_stopping = True
        self._stop_asked.set()

    # Scopes

    def get_or_create_application_instance(self, scope_id: Hashable, scope: Scope) -> OpenScope:
        """Return the open scope of that key; `scope` is what a new one is opened with.

        Args:
            scope: its `type` is set to the protocol.
        """
        found = self.scopes.get(scope_id)
        if found is not None and not found.is_ending:
            return found
        if found is not None:
            self._ending.add(found)  # the next conversation does not wait for its goodbye
        while len(self.scopes) >= max(self.max_scopes, 1) and scope_id not in self.scopes:
            self.end_scope(min(self.scopes.values(), key=lambda one: one.used_at).key, "replaced")

        async def send(event: Event) -> None:
            await self.application_send(scope, event)

        scope["type"] = self.protocol
        scope.setdefault("asgi", {"version": "3.0"})
        opened = OpenScope(
            scope_id,
            scope,
            self.application,
            send,
            self._has_ended,
            self.scope_timeout_s,
            self.deadline_s,
        )
        self.scopes[scope_id] = opened
        if self.is_stopping:
            self.end_scope(scope_id, "shutdown")
        return opened

    def end_scope(self, scope_id: Hashable, reason: str) -> None:
        """End the scope of that key, if there is one: the application gets its disconnect event."""
        if (found := self.scopes.pop(scope_id, None)) is not None:
            self._ending.add(found)
            found.end(reason)

    def report_malformed(self, data: object, expected: str) -> None:
        """Count an input that is none, and show it to whoever watches.

        Args:
            data: what came.
            expected: what should have come, in words.
        """
        shown = data if isinstance(data, str | bytes) else repr(data)
        message = {
            "type": f"{self.protocol}.malformed",
            "data": shown[:LONGEST_KEPT],
            "expected": expected,
        }
        drops.report(None, self.protocol, message, "malformed")

    def _has_ended(self, scope: OpenScope, error: BaseException | None) -> None:
        if self.scopes.get(scope.key) is scope:
            del self.scopes[scope.key]
        self._ending.discard(scope)
        if error is not None:
            logger.error(
                "The application of the %s scope %r failed.",
                self.protocol,
                scope.key,
                exc_info=error,
            )
        self.scope_ended(scope)

    def _all_scopes(self) -> list[OpenScope]:
        return [*self.scopes.values(), *self._ending]

    async def _run(self) -> None:
        # This process has no other server, whose clients would have to be told in another way.
        current_drain().is_left_to_server = True
        serving = asyncio.ensure_future(self.serve())
        with stopped_by_signals(self.stop, serving.cancel):
            await asyncio.wait({serving})
        await last_words.say()
        if serving.cancelled():
            logger.error("The %s server was told to stop twice: it stopped at once.", self.protocol)
        else:
            serving.result()

    async def _drain(self) -> None:
        self.is_stopping = True
        scopes = self._all_scopes()
        for scope in scopes:
            scope.end("shutdown")
        if scopes:
            await asyncio.wait(
                {scope.task for scope in scopes}, timeout=self.deadline_s + CANCELLED_DEADLINE_S
            )
        if late := sum(scope.is_cut_off for scope in scopes):
            logger.warning("Cancelled, since they did not end in time: %d scopes.", late)
        try:
            async with asyncio.timeout(self.deadline_s):
                await self.flush()
        except TimeoutError:
            logger.warning("Not all that the %s applications sent has left.", self.protocol)
