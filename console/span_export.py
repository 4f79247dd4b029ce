"""What happens, as OpenTelemetry spans, while it happens: where a setting asks for it.

Owns the thread that reads the ring and hands spans to the project's own tracer provider, whose
processors batch and send them. Nothing of it runs in the application's own calls: where more
happens than can be read, spans are left out, and a warning says how many. What a span says is
redacted as a row on a page is, and payloads are not in it. The ids come from the entries
(`exports.otel`), so that the spans of several processes are one trace.

Begun by the application's configuration when this process serves. Knows no page.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from console.entry import Entry
from console.exports import otel
from console.reader import Reader
from runtime.throttle import ThrottledWarnings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.trace import TracerProvider

    from console.exports.entry_ids import EntryIds

logger = logging.getLogger("console.span_export")

MOST_AT_ONCE = 1_000
"""Spans of one look: more would keep the interpreter from the application for too long."""

END_S = 5.0
"""How long the end of the process waits for an exporter that hangs."""

INSTRUMENT = "channelscope"


class SpanExport:
    """Exports the entries of one process from when it is begun.

    Args:
        reader: of the process.
        interval_s: seconds between two looks at the ring.
        provider: returns the tracer provider; None for the one that the project has set.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        interval_s: float,
        provider: Callable[[], TracerProvider] | None = None,
    ) -> None:
        self._reader = reader
        self._provider = provider
        self._interval_s = interval_s
        self._offset = 0
        self._pid = 0
        self._begin_lock = threading.Lock()
        self._look_lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._warnings = ThrottledWarnings(logger)

    def __repr__(self) -> str:
        return f"<SpanExport offset={self._offset}>"

    def begin(self) -> None:
        """Export from a thread of its own; twice in one process is once, after a fork it is not."""
        if self._pid == os.getpid():
            return
        with self._begin_lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
        if not otel.is_available():
            logger.error('CHANNELSCOPE["OTEL"] is on. %s', otel.OpenTelemetryMissing())
            return
        self._thread = threading.Thread(target=self._run, name="channelscope spans", daemon=True)
        self._thread.start()
        # Before the provider's own, which was registered earlier: what was last is sent as well.
        atexit.register(self.end)

    def end(self) -> None:
        """Export what is left, and stop."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(END_S)
        self.export()

    def export(self) -> int:
        """Hand over what happened since the last time; returns how many spans that were."""
        with self._look_lock:
            tracer = _tracer(self._provider)
            if tracer is None:
                self._warnings.warn(
                    "no provider",
                    'CHANNELSCOPE["OTEL"] is on, and nothing is exported: expected a TracerProvider'
                    " of opentelemetry-sdk. Set one with"
                    " opentelemetry.trace.set_tracer_provider().",
                )
                return 0
            return self._export_to(tracer)

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            try:
                self.export()
            except Exception:  # an exporter of the project's own may raise anything
                logger.exception("Spans were not exported.")

    def _export_to(self, tracer: Tracer) -> int:
        recorder = self._reader.recorder
        with recorder.lock:
            entries, missed = recorder.journal.since(self._offset)
            self._offset = recorder.journal.position[1]
        traced = [entry for entry in entries if entry.trace]
        wanted = [entry for entry in traced if _is_sampled(tracer, entry.trace)]
        left_out = missed + max(len(wanted) - MOST_AT_ONCE, 0)
        if left_out:
            self._warnings.warn(
                "left out",
                "%d entries were not exported as spans: more happens here than can be read. Sample"
                " fewer traces, with OTEL_TRACES_SAMPLER.",
                left_out,
            )
        for entry in wanted[:MOST_AT_ONCE]:
            self._send(tracer, entry)
        return len(wanted[:MOST_AT_ONCE])

    def _send(self, tracer: Tracer, entry: Entry) -> None:
        from opentelemetry.trace import Status, StatusCode

        with self._reader.recorder.lock:
            view = self._reader.entry_reader.view(entry)
        is_handler = _is_handler(entry)
        took_s = (entry.took_s or 0.0) if is_handler else 0.0
        own = otel.handler_number(entry.cause) if is_handler and entry.cause else None
        ids: EntryIds = tracer.id_generator  # type: ignore[assignment]  # `_tracer` has set them
        ids.span_number = own or otel.span_number(view.position)
        ids.trace_number = otel.trace_number(entry.trace)
        span = tracer.start_span(
            otel.name_of(view, is_handler=is_handler),
            context=_context_of(entry),
            kind=otel.kind_of(view),
            attributes=otel.attributes_of(view),
            start_time=otel.nanoseconds(entry.at - took_s),
        )
        if view.direction == "error":
            span.set_status(Status(StatusCode.ERROR, view.preview))
        span.end(otel.nanoseconds(entry.at))


def _tracer(provider: Callable[[], TracerProvider] | None) -> Tracer | None:
    """Return the project's tracer for us, with ids of our own; None if no SDK is set up."""
    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.trace import get_tracer_provider

    from console.exports.entry_ids import EntryIds

    # The provider keeps one for each name: nobody else's spans get these ids.
    tracer = (provider or get_tracer_provider)().get_tracer(INSTRUMENT, version(INSTRUMENT))
    if not isinstance(tracer, Tracer):
        return None
    if not isinstance(tracer.id_generator, EntryIds):
        tracer.id_generator = EntryIds()
    return tracer


def _is_sampled(tracer: Tracer, trace_id: str) -> bool:
    """Return whether a trace is wanted, as each process decides it from the id alone."""
    from opentelemetry.context import Context

    number = otel.trace_number(trace_id)
    decision: Any = tracer.sampler.should_sample(Context(), number, INSTRUMENT).decision
    return bool(decision.is_sampled())


def _context_of(entry: Entry) -> Context:
    """Return what the span of `entry` hangs below, in whatever process that is."""
    from opentelemetry.context import Context
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    above = _above(entry)
    if above is None:
        return Context()
    number, sampled = otel.trace_number(entry.trace), TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(number, above, is_remote=True, trace_flags=sampled)
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _above(entry: Entry) -> int | None:
    """Return the id of the span that caused `entry`; None at the top.

    What a handler did names what it handles, and hangs below the handler. A view has none.
    """
    if not entry.cause:
        return None
    known = entry.connection
    is_of_view = known is not None and known.consumer_class is None
    if _is_handler(entry) or is_of_view or entry.kind in ("in", "deliver", "drop"):
        return otel.span_number(entry.cause)
    return otel.handler_number(entry.cause)


def _is_handler(entry: Entry) -> bool:
    return entry.kind in ("handler", "error") and entry.took_s is not None
