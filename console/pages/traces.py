"""The room Traces: what inbound events have caused lately, the newest or the slowest first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from console.entry import Position
from console.pages.page import Page, Partial, Update
from console.reading import Interest
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.trace_glance import TraceGlance

LIMIT = 100
REFRESH_S = 0.5
"""Between two looks at all traces, as to fold a full ring takes longer than to read a change;
after a quiet while the first change is read at once."""

AGAIN_S = 2.0
"""Between two looks as long as a process does not answer: it may have no more news."""

SLOWEST = "slowest"


class TracesPage(Page):
    """The traces of which an entry matches the filter."""

    name: ClassVar[str] = "traces"
    room: ClassVar[str] = "traces"
    template: ClassVar[str] = "console/traces.html"
    title = "Traces"
    limit = LIMIT

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.is_slowest_first = params.get("sort") == SLOWEST
        self.rows: list[TraceGlance] = []
        self.is_cut = False
        self._is_behind = False
        self._refreshed_at = 0.0

    async def load(self) -> None:
        """Read the first traces."""
        self.reached = (await relay.changes(None)).position
        await self._read()

    @property
    def slowest_ms(self) -> float:
        """How long the slowest of the list took, which the bars are drawn against."""
        return max((one.took_ms for one in self.rows), default=0.0)

    @property
    def takes_new(self) -> bool:
        """Whether a new trace has a place on the screen: not where it would push slower ones."""
        return not self.is_slowest_first

    @property
    def tick_s(self) -> float:
        """When it reads the traces again, if something happened meanwhile."""
        return max(self._wait_s, 0.0) if self._is_behind else 1.0

    @property
    def _wait_s(self) -> float:
        return self._refreshed_at + REFRESH_S - time.monotonic()

    @property
    def interest(self) -> Interest | None:
        """That something passes in the other processes, not what."""
        return Interest("tail", str(self.query.query), limit=1)

    async def update(self) -> Update:
        """Return the traces that are new or have grown."""
        update = self.status()
        if self.reached is None:
            return update
        is_due = self._is_due()
        update.must_reload = not self._goes_on()
        if is_due:
            await self._read()
        elif "traces" in self.sent:
            return update
        self._add_changed(update)
        return update

    def _add_changed(self, update: Update) -> None:
        changed, update.fresh = self.sent.new_rows("traces", {one.id: one for one in self.rows})
        if changed:
            context = {"rows": changed, "page": self, "params": self.params}
            update.partials.append(
                Partial("#traces", "console/parts/trace_rows.html", context, "rows")
            )
            foot = len(self.rows), self.is_cut
            self._add(update, "traces-foot", foot, {"page": self})

    def _is_due(self) -> bool:
        position: Position = relay.reader.position
        if self.heard() or position != self.reached:
            self._is_behind = True
        is_late = self.silent and time.monotonic() - self._refreshed_at >= AGAIN_S
        return bool(is_late) or (self._is_behind and self._wait_s <= 0)

    async def _read(self) -> None:
        self.reached = relay.reader.position
        self._is_behind = False
        found = await relay.traces(
            self.query.query, is_slowest_first=self.is_slowest_first, limit=LIMIT
        )
        self.rows, self.is_cut, self.silent = found.traces, found.is_cut, found.silent
        self._refreshed_at = time.monotonic()
