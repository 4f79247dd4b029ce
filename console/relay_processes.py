"""The processes that the console reads: this one, and those that it hears of.

Owns who they are, how they are and what they are called, and the asking of all of them at
once. Knows no question and no answer: those are the relay's, which is built on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from console import plain, vitals
from console.loop_lag import OwnLag
from console.process import ProcessReport, ProcessStatus, ProcessView, Totals
from console.reader import Reader
from console.recorder import Recorder
from console.relay_joining import ALONE, Joining
from console.relay_node import ANSWER_S, RelayNode
from console.relay_replies import Replies
from console.sharing import Shared

T = TypeVar("T")

AWAY = f"The channel layer takes nothing, {ALONE} It is tried again every few seconds."


class NoAnswer(LookupError):
    """A process that was asked did not answer in time.

    Attributes:
        names: of the processes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names = names

    def __str__(self) -> str:
        return (
            f"{', '.join(self.names)} did not answer. A process that is busy answers late, and one"
            " that has ended is taken from the list after half a minute: try again."
        )


class Processes:
    """This process, and through it the others of the project.

    Args:
        recorder: that of this process; set later by `bind()` for the relay of the
            process, which exists before Django is ready.

    Attributes:
        shared: what one viewer has asked of all processes, for the others who look.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._reader: Reader | None = None
        self._joining: Joining | None = None
        self.shared = Shared()
        self._lag = OwnLag()
        if recorder is not None:
            self.bind(recorder)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._reader!r}>"

    def bind(self, recorder: Recorder, joining: Joining | None = None) -> None:
        """Read `recorder` from now on, and the others through `joining`."""
        self._reader = joining.reader if joining is not None else Reader(recorder)
        self.shared = Shared()
        self._joining = joining

    @property
    def reader(self) -> Reader:
        """The reader of this process.

        Raises:
            RuntimeError: there is none, because Django has not set up the console.
        """
        if self._reader is None:
            raise RuntimeError(
                'Nothing is recorded: expected "console" in INSTALLED_APPS and django.setup().'
            )
        return self._reader

    @property
    def recorder(self) -> Recorder:
        """The recorder of this process. Raises RuntimeError if there is none."""
        return self.reader.recorder

    @property
    def limit(self) -> str:
        """Why only this process is seen, and what to do about it, as a sentence; else ""."""
        return (self._joining.obstacle if self._joining is not None else "") or self.outage

    @property
    def outage(self) -> str:
        """Why those who were seen are not, for now, as a sentence; else ""."""
        node = self._joining.known if self._joining is not None else None
        return AWAY if node is not None and node.is_away else ""

    @property
    def joining(self) -> Joining | None:
        """How this process comes to speak with the others."""
        return self._joining

    @property
    def node(self) -> RelayNode | None:
        """What speaks with the others, on its own event loop; None if there are none to hear."""
        return self._joining.node if self._joining is not None else None

    async def ask(
        self, question: str, arguments: Any, *, only: str = "", timeout_s: float = ANSWER_S
    ) -> Replies | None:
        """Ask the other processes; None if there are none to ask.

        Args:
            question: one that `relay_answers` knows, with its own `arguments`.
            only: the epoch of the one process that is asked; "" for all.
        """
        if (node := self.node) is None:
            return None
        return await node.ask(question, arguments, only=only, timeout_s=timeout_s)

    async def ask_all(
        self,
        own: Coroutine[Any, Any, T],
        question: str,
        arguments: Any,
        *,
        only: str = "",
        timeout_s: float = ANSWER_S,
    ) -> tuple[T, Replies | None]:
        """Read this process, and ask the others meanwhile.

        Args:
            own: reads this process.
            question: what the others are asked, with its own `arguments`.
            only: the epoch of the one other process that is asked; "" for all.
        """
        if (node := self.node) is None:
            return await own, None
        if not isinstance(arguments, Mapping):
            arguments = plain.to_plain(arguments)
        asking = node.ask(question, arguments, only=only, timeout_s=timeout_s)
        found, replies = await asyncio.gather(own, asking)
        return found, replies

    def totals(self, process: str = "", statuses: Sequence[ProcessStatus] | None = None) -> Totals:
        """Return the measurements of all processes that speak, or of those with one name.

        Args:
            statuses: how they are, if that was asked just now.
        """
        chosen = [
            status.report.totals
            for status in (self.statuses() if statuses is None else statuses)
            if not status.is_stale and process in ("", status.process.name)
        ]
        first = chosen[0] if chosen else self.reader.totals()
        for other in chosen[1:]:
            first = first + other
        return first

    def processes(self) -> list[ProcessView]:
        """Return the processes that are read, this one first."""
        return [status.process for status in self.statuses()]

    def statuses(self) -> list[ProcessStatus]:
        """Return how the processes are, this one first."""
        node = self._known()
        report = (
            node.report()
            if node is not None
            else ProcessReport(self.reader.process, self.reader.totals(), vitals.rss_bytes())
        )
        report = replace(report, loop_lag_s=max(report.loop_lag_s, self._lag.look()))
        others = node.statuses() if node is not None else []
        return [ProcessStatus(report, is_own=True), *others]

    def other_versions(self) -> dict[str, int]:
        """Return the names of processes that speak another version of the relay, and which."""
        node = self._known()
        return dict(node.watching.other_versions) if node is not None else {}

    def foreign(self) -> str:
        """Return a sentence if another project speaks on the same channel layer; else ""."""
        node = self._known()
        return node.watching.foreign if node is not None else ""

    def is_own(self, connection_id: str) -> bool:
        """Return whether a connection is one of this process."""
        return self.recorder.state.get(connection_id) is not None

    def names_of(self, epochs: Sequence[str]) -> list[str]:
        """Return what processes are called; those that nobody knows by their epoch."""
        if not epochs:
            return []
        names = {status.process.epoch: status.process.name for status in self.statuses()}
        return [names.get(epoch, epoch) for epoch in epochs]

    def silent_names(self, replies: Replies | None) -> list[str]:
        """Return what those are called who were asked and did not answer."""
        return self.names_of(replies.silent) if replies is not None else []

    def only(self, process: str, answers: Mapping[str, T]) -> list[T]:
        """Return the answers of the processes with one name, or of all.

        Args:
            process: the name; "" for all.
            answers: by the epoch of who gave each.
        """
        names = {one.process.epoch: one.process.name for one in self.statuses()}
        return [said for epoch, said in answers.items() if process in ("", names.get(epoch, epoch))]

    def _known(self) -> RelayNode | None:
        # Templates are rendered on threads of their own, and ask how the processes are.
        return self._joining.known if self._joining is not None else None
