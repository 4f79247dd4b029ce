"""One entry as it leaves the console: its row, and its whole payload, redacted.

Owns the way from the ring to an export. It is the same as that to a page: `EntryReader`
hides what is secret. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from console.entry import Entry
from console.entry_view import EntryReader, EntryView


@dataclass(frozen=True, slots=True)
class Record:
    """One entry with all that may be exported of it.

    Attributes:
        view: its row.
        text: the payload as text; "" if it is binary, or there is none.
        data: the payload as bytes if it is binary, else None.
        is_cut: whether the payload was longer than what was kept.
        is_hidden: whether nothing of the payload may be shown.
        facts: what else is known, by name.
    """

    view: EntryView
    text: str = ""
    data: bytes | None = None
    is_cut: bool = False
    is_hidden: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)


def record(entry: Entry, reader: EntryReader) -> Record:
    """Return `entry` as it may be exported."""
    shown = reader.shown(entry)
    return Record(
        view=reader.view(entry),
        text=shown.text,
        data=shown.data,
        is_cut=entry.is_cut,
        is_hidden=shown.is_hidden,
        facts=reader.facts(entry),
    )


def iso(at: float) -> str:
    """Return seconds since the Unix epoch as ISO 8601 in UTC, such as 2026-01-31T10:20:30.123Z."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return moment.removesuffix("+00:00") + "Z"
