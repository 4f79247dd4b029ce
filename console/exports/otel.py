"""A trace as OpenTelemetry spans, where that package is installed.

Owns the translation; who exports the spans is the project's choice::

    from console.exports.otel import spans

    exporter.export(spans(trace, service="shop"))

The ids come from the trace and the entries themselves, so that the same trace exported twice
is the same trace, and so that each process can say what its spans hang below in another one
(`console.span_export`, which sends them as they happen). A handler has its id from what it
handles: its effects name that, before it has ended. Payloads are not among the attributes.

Source: OpenTelemetry semantic conventions, "Messaging spans"
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from console.entry_view import EntryView
from console.traces import Span, Trace

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, SpanKind

KINDS = {
    "in": "SERVER",
    "send": "PRODUCER",
    "group_send": "PRODUCER",
    "deliver": "CONSUMER",
}
"""What is no plain step inside a process, by the kind of its entry."""


class OpenTelemetryMissing(ImportError):
    """Spans were asked for, and nothing is there to make them of."""

    def __str__(self) -> str:
        return (
            "OpenTelemetry spans need the package opentelemetry-sdk, which is not installed."
            ' Install it, or "channelscope[otel]".'
        )


def is_available() -> bool:
    """Return whether spans can be made."""
    try:
        import opentelemetry.sdk.trace  # noqa: F401 - whether it can be imported is the question
    except ImportError:
        return False
    return True


def spans(trace: Trace, *, service: str) -> list[ReadableSpan]:
    """Return a span for each row of `trace` that is an entry.

    Args:
        service: the `service.name` of the spans' resource.

    Raises:
        OpenTelemetryMissing: opentelemetry-sdk is not installed.
    """
    if not is_available():
        raise OpenTelemetryMissing
    return [
        _span(trace, index, service)
        for index, span in enumerate(trace.spans)
        if span.entry is not None and span.kind != "folded"
    ]


def _span(trace: Trace, index: int, service: str) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status, StatusCode

    span = trace.spans[index]
    entry = span.entry
    assert entry is not None
    parent = _entry_above(trace, span)
    return ReadableSpan(
        name=name_of(entry, is_handler=span.kind == "handler"),
        context=_context(trace, span),
        parent=_context(trace, parent) if parent is not None else None,
        resource=_resource(service, span),
        attributes=attributes_of(entry),
        kind=kind_of(entry),
        status=Status(StatusCode.ERROR if entry.direction == "error" else StatusCode.UNSET),
        start_time=nanoseconds(trace.started_at + span.start_s),
        end_time=nanoseconds(trace.started_at + span.end_s),
    )


def _entry_above(trace: Trace, span: Span) -> Span | None:
    """Return the nearest cause that is not missing."""
    parent = span.parent
    while parent is not None:
        above = trace.spans[parent]
        if above.entry is not None:
            return above
        parent = above.parent
    return None


def name_of(entry: EntryView, *, is_handler: bool) -> str:
    """Return the name of a span: the handler's, or what happened to what."""
    if is_handler:
        return f"{entry.type.replace('.', '_')}()"
    return f"{entry.kind} {entry.type}"


def attributes_of(entry: EntryView) -> dict[str, Any]:
    """Return what a span says of its entry."""
    found = {
        "channelscope.trace": entry.trace,
        "channelscope.position": entry.position,
        "channelscope.connection": entry.connection,
        "channelscope.waited_s": (entry.waited_ms or 0.0) / 1_000 or "",
        "messaging.system": "channels" if entry.direction in ("layer", "deliver") else "",
        "messaging.destination.name": entry.group or entry.channel,
        "messaging.message.body.size": entry.size_bytes if entry.size_bytes is not None else "",
        "url.path": entry.path,
        "user.name": entry.who,
    }
    return {name: value for name, value in found.items() if value != ""}


def kind_of(entry: EntryView) -> SpanKind:
    """Return what part a span has in the sending of messages."""
    from opentelemetry.trace import SpanKind

    return SpanKind[KINDS.get(entry.kind, "INTERNAL")]


def trace_number(trace_id: str) -> int:
    """Return the id that OpenTelemetry knows a trace by."""
    return _digest(trace_id, 16)


def span_number(position: str) -> int:
    """Return the id of the span of the entry at `position`."""
    return _digest(position, 8)


def handler_number(cause: str) -> int:
    """Return the id of the span of the handler of what lies at `cause`."""
    return _digest(f"handler of {cause}", 8)


def _resource(service: str, span: Span) -> Resource:
    from opentelemetry.sdk.resources import Resource

    process = span.entry.process if span.entry is not None else ""
    return Resource({"service.name": service, "service.instance.id": process})


def _context(trace: Trace, span: Span) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    cause = span.entry.cause if span.entry is not None and span.kind == "handler" else ""
    return SpanContext(
        trace_id=trace_number(trace.id),
        span_id=handler_number(cause) if cause else span_number(span.position),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _digest(text: str, size_bytes: int) -> int:
    # Zero would be no id at all; nothing that is hashed here comes out as that.
    return int.from_bytes(sha256(text.encode()).digest()[:size_bytes]) or 1


def nanoseconds(seconds: float) -> int:
    """Return a time as spans have it."""
    return int(seconds * 1_000_000_000)


def as_json(found: Sequence[ReadableSpan]) -> str:
    """Return spans as a JSON array, each as the SDK writes it."""
    return "[" + ",\n".join(one.to_json() for one in found) + "]\n"
