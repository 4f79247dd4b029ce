"""An entry as a person may see it: redacted, cut to size, and plain data.

Owns the formatting: preview, text, JSON and hex. The only way out of the ring.
Built when somebody reads, never when something happens. Pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.capture import Frozen, thaw
from console.connection import ConnectionState
from console.connection_view import badge_of, code_of, error_names
from console.entry import CONSOLE_TRACE, DIRECTIONS, Direction, Entry, Kind, spell
from console.query_keys import keys_of
from console.redact import Hook, Redactor, Shown, dump

HEX_BYTES = 4_096
HEX_ROW_BYTES = 8
PREVIEW_BYTES = 24

SEARCHABLE_CHARS = 2_048
"""Redacted text that is kept for the next search; longer ones are redacted again."""

_PLAIN = frozenset({"type", "kind", "group", "channel", "trace"})
_MESSAGES = frozenset({"send", "group_send", "deliver", "drop"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class EntryView:
    """One row of a list of entries.

    Attributes:
        position: "epoch:offset".
        at: seconds since the Unix epoch.
        connection: id of its connection, or "".
        who: who was signed in there; "anonymous", or "" if nobody knows.
        preview: one line of what it says.
        took_ms: how long its handler ran, if it has ended.
        cause: position of the entry that caused it, or "".
        waited_ms: how long what a handler handled had waited for it.
        receivers: members of the group when the message was sent, if that is known.
        is_linked: whether its layer carries the cause to the receivers.
    """

    position: str
    offset: int
    at: float
    kind: Kind
    direction: Direction
    badge: str
    connection: str
    who: str
    short_id: str
    type: str
    preview: str
    size_bytes: int | None
    took_ms: float | None
    path: str
    group: str
    channel: str
    process: str
    trace: str
    cause: str
    waited_ms: float | None = None
    receivers: int | None = None
    is_linked: bool = True

    @property
    def origin(self) -> str:
        """ "console" for what somebody did there, and for what came of it; else ""."""
        return "console" if self.trace.startswith(CONSOLE_TRACE) else ""

    def as_json(self) -> dict[str, object]:
        """Return the row for the tail: short keys, and none whose value is empty."""
        row = {
            "position": self.position,
            "at": self.at,
            "kind": self.kind,
            "dir": self.direction,
            "badge": self.badge,
            "connection": self.connection,
            "who": self.who,
            "id": self.short_id,
            "type": self.type,
            "preview": self.preview,
            "size": self.size_bytes,
            "took": self.took_ms,
            "path": self.path,
            "group": self.group,
            "channel": self.channel,
            "process": self.process,
            "trace": self.trace,
            "cause": self.cause,
            "waited": self.waited_ms,
            "receivers": self.receivers,
            "unlinked": "" if self.is_linked else True,
        }
        return {key: value for key, value in row.items() if value not in ("", None)}


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One entry with all that was kept of it.

    Attributes:
        view: its row.
        json: the payload as JSON, or None if it is none.
        text: the payload as text, as long as it was kept.
        hex: rows of (offset, bytes, characters) of the payload's first 4 KB.
        is_truncated: whether the payload was longer than what was kept.
        size_bytes: the payload's true size.
        facts: what else is known, by name.
        caused_by: the entry that caused it, if it is still held.
        effects: the first entries that it caused.
    """

    view: EntryView
    json: Any
    text: str
    hex: tuple[tuple[str, str, str], ...]
    is_truncated: bool
    size_bytes: int | None
    facts: Mapping[str, object] = field(default_factory=dict)
    caused_by: EntryView | None = None
    effects: tuple[EntryView, ...] = ()


class EntryReader:
    """Shows the entries of one process.

    Args:
        process: the name of the process.
        epoch: the epoch of its journal.
        redactor: hides what is secret.
        preview_chars: characters of a preview.
    """

    def __init__(self, process: str, epoch: str, redactor: Redactor, preview_chars: int) -> None:
        self.process = process
        self.epoch = epoch
        self.redactor = redactor
        self.preview_chars = preview_chars

    def view(self, entry: Entry) -> EntryView:
        """Return the row of `entry`."""
        known, facts = entry.connection, entry.facts or {}
        return EntryView(
            position=spell(self.epoch, entry.offset),
            offset=entry.offset,
            at=entry.at,
            kind=entry.kind,
            direction=DIRECTIONS[entry.kind],
            badge=badge_of(known.protocol) if known else "",
            connection=known.id if known else "",
            who=known.user_now() if known else "",
            short_id=known.short_id if known else "",
            type=entry.type,
            preview=self.preview(entry),
            size_bytes=self.size_bytes(entry),
            took_ms=None if entry.took_s is None else entry.took_s * 1_000,
            path=self.path(known) if known else "",
            group=entry.group,
            channel=entry.channel,
            process=self.process,
            trace=entry.trace,
            cause=entry.cause,
            waited_ms=_milliseconds(facts.get("waited_s")),
            receivers=_number(facts.get("receivers")),
            is_linked="unlinked" not in facts,
        )

    def detail(
        self, entry: Entry, caused_by: Entry | None = None, effects: tuple[Entry, ...] = ()
    ) -> EntryDetail:
        """Return all that may be seen of `entry`."""
        shown = self.shown(entry)
        data = shown.text.encode() if shown.data is None else shown.data
        return EntryDetail(
            view=self.view(entry),
            json=self._json(shown.text),
            text=shown.text,
            hex=hex_rows(data[:HEX_BYTES]),
            is_truncated=entry.is_cut,
            size_bytes=self.size_bytes(entry),
            facts=self.facts(entry),
            caused_by=self.view(caused_by) if caused_by else None,
            effects=tuple(map(self.view, effects)),
        )

    def shown(self, entry: Entry) -> Shown:
        """Return what may be seen of the payload."""
        direction = DIRECTIONS[entry.kind]
        return self.redactor.payload(
            thaw(entry.payload),
            direction=direction if direction in ("in", "out") else "layer",
            hook=hook_of(entry.connection),
            is_cut=entry.is_cut,
        )

    def searchable(self, entry: Entry) -> str:
        """Return the payload's text, kept for the next search if that takes little memory.

        Redaction takes most of the time of a search, and a person who filters searches again.
        """
        if entry.searchable is not None:
            return entry.searchable
        text = self.shown(entry).text
        known = entry.connection
        # Before its consumer is known, nobody knows its hook either.
        is_settled = known is None or known.consumer_class is not None or known.is_closed
        if is_settled and (text is entry.payload or len(text) <= SEARCHABLE_CHARS):
            entry.searchable = text
        return text

    def size_bytes(self, entry: Entry) -> int | None:
        """Return the payload's true size; a layer message's is measured when first asked for."""
        if entry.size_bytes is None and entry.kind in _MESSAGES:
            measured = len(dump(thaw(entry.payload)).encode("utf-8", "replace"))
            entry.size_bytes = max(measured, entry.kept_bytes) if entry.is_cut else measured
        return entry.size_bytes

    def preview(self, entry: Entry) -> str:
        """Return one line of what `entry` says, made once."""
        if entry.preview is None:
            line = _one_line(self._headline(entry), self.preview_chars)
            # The line of a connection still changes while its route is not known.
            if entry.kind == "open" and not (entry.connection and entry.connection.is_closed):
                return line
            entry.preview = line
        return entry.preview

    def path(self, known: ConnectionState) -> str:
        """Return the path of a connection without its secret arguments."""
        return self.redactor.path(known.path, known.arguments)

    def facts(self, entry: Entry) -> dict[str, object]:
        """Return what is known of `entry` besides its payload."""
        facts = dict(self.redactor.value(entry.facts or {}))
        if isinstance(waited_s := facts.pop("waited_s", None), int | float):
            facts["waited_ms"] = round(waited_s * 1_000, 3)
        if entry.note:
            facts["note"] = self.redactor.text(entry.note)
        return facts

    def _headline(self, entry: Entry) -> str:
        known = entry.connection
        if entry.kind == "open" and known is not None:
            return f"{known.method} {self.path(known)}".strip()
        if entry.kind == "route" and known is not None:
            shown = self.redactor.value(known.arguments)
            return " ".join((entry.note, *(f"{name}={value!r}" for name, value in shown.items())))
        if entry.kind == "handler" and known is not None and known.consumer_class is not None:
            return f"{known.consumer_class.__name__}.{entry.type.replace('.', '_')} {entry.note}"
        if entry.kind == "close" and known is not None:
            return closing_line(known, self.redactor)
        if entry.kind in ("join", "leave"):
            return entry.group
        if entry.note and entry.payload is None:
            return self.redactor.text(entry.note)
        return " ".join(filter(None, (entry.note, self._payload_line(entry))))

    def _payload_line(self, entry: Entry) -> str:
        is_binary = isinstance(entry.payload, bytes) and not isinstance(entry.payload, Frozen)
        if entry.searchable is not None and not is_binary:
            return entry.searchable  # a search has just redacted it
        shown = self.shown(entry)
        return shown.text if shown.data is None else shown.data[:PREVIEW_BYTES].hex(" ")

    def _json(self, text: str) -> Any:
        try:
            parsed = json.loads(text, parse_float=_finite)
        except (ValueError, RecursionError):
            return None
        return self.redactor.value(parsed) if isinstance(parsed, dict | list) else None


class EntryRecord(Mapping[str, object]):
    """An entry as a query sees it; each value is worked out only if a term asks for it."""

    KEYS = (*(key.name for key in keys_of("traffic")), "text")

    def __init__(self, entry: Entry, reader: EntryReader) -> None:
        self._entry = entry
        self._reader = reader
        self._words: str | None = None

    def __getitem__(self, key: str) -> object:
        if key in _PLAIN:
            return getattr(self._entry, key)
        if key not in self.KEYS:
            raise KeyError(key)
        return getattr(self, f"_{key}")()

    def __iter__(self) -> Iterator[str]:
        return iter(self.KEYS)

    def __len__(self) -> int:
        return len(self.KEYS)

    def _dir(self) -> str:
        return DIRECTIONS[self._entry.kind]

    def _user(self) -> str:
        return self._entry.connection.user_now() if self._entry.connection else ""

    def _path(self) -> str:
        return self._reader.path(self._entry.connection) if self._entry.connection else ""

    def _process(self) -> str:
        return self._reader.process

    def _at(self) -> float:
        return self._entry.at

    def _size(self) -> int | None:
        return self._reader.size_bytes(self._entry)

    def _took(self) -> float | None:
        return None if self._entry.took_s is None else self._entry.took_s * 1_000

    def _proto(self) -> tuple[str, ...]:
        known = self._entry.connection
        return (known.protocol, badge_of(known.protocol)) if known else ()

    def _consumer(self) -> str:
        known = self._entry.connection
        return known.consumer_class.__name__ if known and known.consumer_class else ""

    def _id(self) -> tuple[str, ...]:
        known = self._entry.connection
        return (known.id, known.short_id) if known else ()

    def _is(self) -> tuple[str, ...]:
        entry, known = self._entry, self._entry.connection
        said = {
            "open": known is not None and not known.is_closed,
            "closed": known is not None and known.is_closed,
            "error": DIRECTIONS[entry.kind] == "error",
            "console": entry.trace.startswith(CONSOLE_TRACE)
            or (known is not None and known.is_from_console),
            "binary": isinstance(entry.payload, bytes) and not isinstance(entry.payload, Frozen),
            "cut": entry.is_cut,
        }
        return tuple(name for name, is_so in said.items() if is_so)

    def _code(self) -> int | None:
        known = self._entry.connection
        return code_of(known) if known else None

    def _error(self) -> tuple[str, ...]:
        entry = self._entry
        if DIRECTIONS[entry.kind] != "error":
            return ()
        return error_names(self._reader.redactor.text(entry.note))

    def _text(self) -> str:
        # Only what may be shown is searched: a search must not confirm a guess at a secret.
        if self._words is None:
            entry = self._entry
            words = (entry.type, entry.group, entry.channel, self._user(), self._path())
            shown = self._reader.searchable(entry)
            self._words = " ".join((*words, self._reader.preview(entry), shown))
        return self._words


def hook_of(known: ConnectionState | None) -> Hook | None:
    """Return the consumer's own `channelscope_redact`, if it has one."""
    consumer_class = known.consumer_class if known is not None else None
    hook: Hook | None = getattr(consumer_class, "channelscope_redact", None)
    return hook


def hex_rows(data: bytes) -> tuple[tuple[str, str, str], ...]:
    """Return `data` as rows of (offset, bytes, characters), 8 bytes a row."""
    return tuple(
        (f"{at:08x}", row.hex(" "), "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row))
        for at in range(0, len(data), HEX_ROW_BYTES)
        for row in (data[at : at + HEX_ROW_BYTES],)
    )


def closing_line(known: ConnectionState, redactor: Redactor) -> str:
    """Return how a connection ended, such as "1000 by client"."""
    code = "" if known.close_code is None else str(known.close_code)
    by = f"by {known.closed_by}" if known.closed_by else ""
    return " ".join(filter(None, (code, by, redactor.text(known.close_reason))))


def _finite(text: str) -> float:
    """Return a number; one that Python cannot hold is better shown as the text that it is."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _milliseconds(seconds: object) -> float | None:
    return seconds * 1_000 if isinstance(seconds, int | float) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _one_line(text: str, limit: int) -> str:
    # Twice the limit is looked at: white space shrinks, and the rest is never read.
    line = _CONTROL.sub("·", " ".join(text[: 2 * limit].split()))
    return line if len(line) <= limit and len(text) <= 2 * limit else f"{line[: limit - 1]}…"
