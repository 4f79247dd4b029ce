"""Ids of OpenTelemetry spans that are said, and not drawn: those of the entries.

Owns nothing else. Imports the SDK at its top, and is therefore imported only where the SDK is
known to be there, by `console.span_export`.
"""

from __future__ import annotations

from opentelemetry.sdk.trace.id_generator import IdGenerator


class EntryIds(IdGenerator):
    """Gives the next span the ids that were set, by the one thread that makes spans.

    Attributes:
        span_number: id of the span.
        trace_number: id of its trace, where it is at the top of one.
    """

    def __init__(self) -> None:
        self.span_number = 0
        self.trace_number = 0

    def generate_span_id(self) -> int:
        """Return the id of the next span."""
        return self.span_number

    def generate_trace_id(self) -> int:
        """Return the id of its trace."""
        return self.trace_number
