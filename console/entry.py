"""One recorded happening, as it lies in the ring: bounded, not yet redacted.

Owns the vocabulary of kinds and directions and the spelling of a position.
Written by the recorder, kept by the journal, shown through `entry_view`:
nothing else may show an entry, because only there is it redacted. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from console.connection import ConnectionState

Kind: TypeAlias = Literal[
    "open",
    "accept",
    "route",
    "in",
    "handler",
    "out",
    "send",
    "group_send",
    "deliver",
    "drop",
    "join",
    "leave",
    "close",
    "error",
    "action",
]

Direction: TypeAlias = Literal["in", "out", "layer", "deliver", "life", "error", "handler"]

Position: TypeAlias = tuple[str, int]
"""(epoch, offset): where an entry lies, or where a reader goes on from."""

DIRECTIONS: dict[Kind, Direction] = {
    "open": "life",
    "accept": "life",
    "route": "life",
    "in": "in",
    "handler": "handler",
    "out": "out",
    "send": "layer",
    "group_send": "layer",
    "deliver": "deliver",
    "drop": "error",
    "join": "layer",
    "leave": "layer",
    "close": "life",
    "error": "error",
    "action": "life",
}
"""From the application's side: `in` came to it, `out` left it."""

CONSOLE_TRACE = "console-"
"""The id of a trace that somebody began through the console starts so, in every process."""

OVERHEAD_BYTES = 400
"""What an entry weighs besides its payload, for the bound of the ring."""


class Entry:
    """One happening. Not a frozen dataclass: it is made in the hot path, where that costs double.

    Attributes:
        offset: its place in the journal, given there.
        at: seconds since the Unix epoch.
        kind: what happened.
        type: the type of its event or message; a word of its own for other kinds.
        connection: the connection that it happened on, if any.
        payload: text, bytes or a bounded copy of a dict; None if it has none.
        size_bytes: the payload's true size; None if nobody has measured it yet.
        kept_bytes: what the payload weighs in the ring.
        is_cut: whether the payload was longer than what is kept.
        trace: id of everything that one inbound event caused; "" if unlinked.
        cause: position of the entry that caused it; "" if unlinked.
        took_s: how long its handler ran, filled in when that ends.
        group, channel: the layer's names, for what happened there.
        note: one line that is not payload: an error, a close, a drop's reason.
        facts: what only some entries have, by name.
        preview: the redacted preview, kept after the first reader has paid for it.
        searchable: the redacted text, kept after the first search has paid for it.
    """

    __slots__ = (
        "at",
        "cause",
        "channel",
        "connection",
        "facts",
        "group",
        "is_cut",
        "kept_bytes",
        "kind",
        "note",
        "offset",
        "payload",
        "preview",
        "searchable",
        "size_bytes",
        "took_s",
        "trace",
        "type",
    )

    def __init__(
        self,
        at: float,
        kind: Kind,
        type: str,
        connection: ConnectionState | None,
        trace: str = "",
        cause: str = "",
    ) -> None:
        self.offset = -1
        self.at = at
        self.kind: Kind = kind
        self.type = type
        self.connection = connection
        self.trace = trace
        self.cause = cause
        self.payload: object = None
        self.size_bytes: int | None = None
        self.kept_bytes = 0
        self.is_cut = False
        self.took_s: float | None = None
        self.group = ""
        self.channel = ""
        self.note = ""
        self.facts: dict[str, object] | None = None
        self.preview: str | None = None
        self.searchable: str | None = None

    def __repr__(self) -> str:
        return f"<Entry {self.offset} {self.kind} {self.type}>"


def spell(epoch: str, offset: int) -> str:
    """Return a position as text, such as "5f00c2:17"."""
    return f"{epoch}:{offset}"


def spell_all(own: Position, others: Mapping[str, int]) -> str:
    """Return positions in several processes as text, the reader's own first."""
    return ",".join([spell(*own), *(spell(epoch, others[epoch]) for epoch in sorted(others))])


def unspell_all(text: str) -> dict[str, int]:
    """Return the offsets that `text` spells, by the epochs; what spells none is left out."""
    return dict(position for part in text.split(",") if (position := unspell(part)) is not None)


def unspell(text: str) -> Position | None:
    """Return the position that `text` spells, or None if it spells none."""
    epoch, colon, offset = text.rpartition(":")
    return (epoch, int(offset)) if colon and offset.isdecimal() else None
