"""One trace: its waterfall, its sequence of steps, and what one of its spans says."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from console.entry import unspell
from console.exports import otel
from console.pages.lanes import Sequence, sequence
from console.pages.message import Message
from console.pages.page import Crumb, Page, Partial, Update
from console.pages.query_field import QueryField
from console.pages.waiting import Part, Wait, handler_of, parts, times_the_median, wait_of
from console.pages.waterfall import Scale, WaterfallRow, waited_s, waterfall
from console.query import parse
from console.reading import Before, Interest
from console.relay import relay
from console.traces import Span, Trace

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.entry_view import EntryView

HANDLERS = "dir:handler,error"
HANDLERS_SEEN = 100
"""Handlers before that of the open span that are looked at for what kept it waiting."""

LIMIT = 500
"""Spans in the document at most."""


class TracePage(Page):
    """One trace, whose id is the page's subject, while it grows and after."""

    name: ClassVar[str] = "trace"
    room: ClassVar[str] = "traces"
    template: ClassVar[str] = "console/trace.html"
    gone_template: ClassVar[str] = "console/gone_trace.html"
    parent: ClassVar[Crumb | None] = Crumb("channelscope:traces", "Traces")

    shortcuts: ClassVar = (
        ("y", "Copy the payload of the open span"),
        ("p", "The previous span"),
        ("n", "The next span"),
    )

    trace: Trace
    scale: Scale
    sequence: Sequence

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.title = subject
        self.message = Message(params)
        self.rows: list[WaterfallRow] = []
        self.can_export = otel.is_available()
        self.wait: Wait | None = None

    async def load(self) -> None:
        """Read the trace and the span that is open. Raises LookupError if nothing is held of it."""
        self.reached = (await relay.changes(None)).position
        await self._read()
        await self.message.load()
        await self._read_wait()

    @property
    def root(self) -> EntryView | None:
        """What it began with, as far as that is held."""
        return next((span.entry for span in self.trace.spans if span.entry is not None), None)

    @property
    def group(self) -> str:
        """The first group that it went to."""
        entries = (span.entry for span in self.trace.spans)
        return next((one.group for one in entries if one is not None and one.group), "")

    @property
    def failures(self) -> list[Span]:
        """The handlers that failed, and the messages that were dropped."""
        return [
            span
            for span in self.trace.spans
            if span.entry is not None and span.entry.direction == "error"
        ]

    @property
    def first_reply_ms(self) -> float | None:
        """When the connection that it began on was first answered."""
        root = self.root
        if root is None or root.kind != "in":
            return None
        replies = (
            span.start_s
            for span in self.trace.spans
            if span.entry is not None
            and span.entry.connection == root.connection
            and span.entry.kind in ("out", "accept")
        )
        first = min(replies, default=None)
        return None if first is None else first * 1_000

    @property
    def delivered(self) -> int:
        """Deliveries that are held, folded ones too."""
        return sum(
            span.count
            for span in self.trace.spans
            if span.entry is not None and span.entry.kind == "deliver"
        )

    @property
    def expected(self) -> int:
        """Deliveries that there should be, as far as senders knew."""
        return self.delivered + sum(
            span.count for span in self.trace.spans if span.entry is None and not span.position
        )

    @property
    def clocks(self) -> list[tuple[str, float]]:
        """The processes whose clocks were set right, and by how many milliseconds."""
        epochs = list(self.trace.corrections)
        shifts = [by_s * 1_000 for by_s in self.trace.corrections.values()]
        return list(zip(relay.names_of(epochs), shifts, strict=True))

    @property
    def hidden_count(self) -> int:
        """Spans that are not in the document."""
        return max(len(self.trace.spans) - len(self.rows), 0)

    @property
    def span(self) -> Span | None:
        """The span that is open, if it is one that is held."""
        chosen = self.message.position
        return next((one for one in self.trace.spans if chosen and one.position == chosen), None)

    @property
    def previous(self) -> str:
        """The position of the span before the one that is open; "" if there is none."""
        return self._beside(-1)

    @property
    def next(self) -> str:
        """The position of the span after the one that is open, or of the first."""
        return self._beside(1)

    @property
    def parts(self) -> list[Part]:
        """Where the time of the span that is open went."""
        return parts(self.span, self.trace.spans) if self.span is not None else []

    @property
    def usual(self) -> tuple[float, int] | None:
        """How much longer the delivery that is open took than others, and than how many."""
        return times_the_median(self.span, self.trace.spans) if self.span is not None else None

    @property
    def span_waited_ms(self) -> float:
        """How long the span that is open was on its way to its handler."""
        return waited_s(self.span, self.trace.spans) * 1_000 if self.span else 0.0

    @property
    def interest(self) -> Interest | None:
        """What other processes add to it."""
        return Interest("tail", f"trace:{self.subject}")

    async def update(self) -> Update:
        """Return the whole trace again if it has grown."""
        update = self.status()
        if self.reached is None:
            return update
        found = await relay.changes(
            self.reached, parse(f"trace:{self.subject}"), with_connections=False
        )
        self.reached = found.position
        update.must_reload = found.must_reload
        fresh = len(found.entries) + sum(len(batch.entries) for batch in self.heard())
        if fresh and not found.must_reload:
            await self._read()
            update.fresh = fresh
            for name in ("trace-head", "spans", "sequence"):
                context = {"page": self, "params": self.params}
                update.partials.append(
                    Partial(f"#{name}", f"console/partials/{name}.html", context)
                )
        return update

    def _beside(self, step: int) -> str:
        shown = [row.span.position for row in self.rows if row.span.entry and row.span.position]
        if self.message.position not in shown:
            return shown[0] if shown and step > 0 else ""
        place = shown.index(self.message.position) + step
        return shown[place] if 0 <= place < len(shown) else ""

    async def _read_wait(self) -> None:
        """Read what ran before the handler of the span that is open."""
        handler = handler_of(self.span, self.trace.spans) if self.span is not None else None
        position = unspell(handler.position) if handler is not None else None
        if handler is None or handler.entry is None or position is None or not handler.waited_s:
            return
        ran = QueryField.read(HANDLERS, process=handler.entry.process).query
        before = Before(position, handler.entry.at)
        found = await relay.entries(ran, before=before, limit=HANDLERS_SEEN)
        self.wait = wait_of(handler.entry, found.entries)

    async def _read(self) -> None:
        trace = await relay.trace(self.subject)
        if trace is None:
            raise LookupError(self.subject)
        self.trace = trace
        self.scale = Scale.of(trace.took_s)
        self.rows = waterfall(trace, self.scale, LIMIT)
        self.sequence = sequence(trace)
