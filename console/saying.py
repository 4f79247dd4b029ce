"""What happens in a virtual scope, as its viewer may see it: redacted, cut to size, plain.

Owns the way out of a run, the same that an entry takes out of the ring: what is kept of a
payload, the consumer's own hook, and the redaction.
"""

from __future__ import annotations

from typing import Any

from console.capture import keep_event, thaw
from console.entry_view import hook_of
from console.reader import Reader
from console.redact import Redactor, dump
from console.replay import HEX_BYTES, Comparison
from console.replaying import Progress
from console.virtual import Said
from runtime.taps import Connection
from runtime.typing import Event, Scope

SHOWN_CHARS = 500


class Sayer:
    """Says what happens.

    Args:
        reader: of this process, whose redaction and bounds hold.
    """

    def __init__(self, reader: Reader) -> None:
        self._recorder = reader.recorder
        self._redactor: Redactor = reader.entry_reader.redactor

    def scope(self, scope: Scope) -> dict[str, Any]:
        """Return a composed scope without its secrets."""
        shown: dict[str, Any] = self._redactor.value(scope)
        return shown

    def said(self, said: Said, connection: Connection | None) -> dict[str, Any]:
        """Return what happened, as the page's script reads it."""
        found: dict[str, Any] = {"said": said.what, "at": said.at}
        if said.event is not None:
            direction = "in" if said.what == "in" else "out"
            found |= self.event(said.event, direction, connection)
        if said.took_s is not None:
            found["took_ms"] = round(said.took_s * 1_000, 3)
        if said.words:
            found["words"] = self._redactor.text(said.words)
        if said.traceback:
            found["traceback"] = self._redactor.text(said.traceback)
        if connection is not None:
            found["connection"] = connection.id
        return found

    def progress(self, progress: Progress) -> dict[str, Any]:
        """Return how far a replay has come, and its verdicts."""
        return {
            "said": "progress",
            "given": list(progress.given),
            "of": progress.of,
            "at_s": round(progress.at_s, 3),
            "done": progress.is_done,
            "verdicts": [self._verdict(one) for one in progress.comparisons],
        }

    def _verdict(self, one: Comparison) -> dict[str, Any]:
        came = one.came
        said = f"{came.type} {dump(came.payload)}"[:SHOWN_CHARS] if came is not None else ""
        return {
            "verdict": one.verdict,
            "position": one.position,
            "came": said,
            "differences": [
                {
                    "path": difference.path,
                    "expected": dump(difference.expected)[:SHOWN_CHARS],
                    "came": dump(difference.came)[:SHOWN_CHARS],
                }
                for difference in one.differences
            ],
        }

    def event(self, event: Event, direction: str, connection: Connection | None) -> dict[str, Any]:
        """Return the type, the size and the payload of an event."""
        payload, size, _, is_cut = keep_event(event, self._recorder.settings.PAYLOAD_BYTES)
        known = self._recorder.state.get(connection.id) if connection is not None else None
        shown = self._redactor.payload(
            thaw(payload), direction=direction, hook=hook_of(known), is_cut=is_cut
        )
        found = {"type": str(event.get("type", "")), "size": size, "text": shown.text}
        if shown.data is not None:
            found["hex"] = shown.data[:HEX_BYTES].hex(" ")
        return found
