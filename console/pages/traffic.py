"""The room Traffic: every event and layer message as it passes, newest first."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from console.density import Density
from console.pages.density import DensityStrip, strip
from console.pages.message import Message
from console.pages.page import Page, Partial, Update
from console.pages.query_field import QueryField
from console.query import Bound, Query
from console.reading import Before, Changes, Interest
from console.relay import relay
from console.sampling import sample
from console.templatetags.channelscope import clock, is_slow, size, took

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.entry_view import EntryView
    from console.relay_protocol import Batch

SHOWN_AT_FIRST = 200
ERRORS, SLOW = "dir:error", "took:>50ms"
COUNTED = (ERRORS, SLOW)
"""Filters that are one click away and worth a look only if there is something to see."""

LIMIT = 500
"""Rows in the document at most."""

ROWS_PER_UPDATE = 50
"""More than a person reads in a batch: of the rest some are left out, and counted."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A filter that is one click away.

    Attributes:
        count: how many events that are held match it; None if that is not worth counting.
    """

    label: str
    query: str | None
    active: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class TailFoot:
    """How many of the events that are held match."""

    matched: int
    held: int


class TrafficPage(Page):
    """The tail of all events that match its address's filter."""

    name: ClassVar[str] = "traffic"
    room: ClassVar[str] = "traffic"
    template: ClassVar[str] = "console/traffic.html"
    title = "Traffic"
    shortcuts: ClassVar = (("t", "The trace of the open message"), ("y", "Copy the open message"))
    limit = LIMIT

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.message = Message(params)
        self.before = Before.read(params.get("before", ""))
        self.entries: list[EntryView] = []
        self.foot = TailFoot(0, 0)
        self.older = ""
        self.density = Density(time.time())
        self._density_drawn = 0
        self._loaded: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    @property
    def note(self) -> str:
        """Whether what is shown moves."""
        return "older messages" if self.before else "live tail"

    @property
    def presets(self) -> list[Preset]:
        """The filters that are one click away; a second click takes one back."""
        offered = (
            ("Errors", ERRORS),
            ("Slower than 50 ms", SLOW),
            ("Layer only", "dir:layer,deliver"),
            ("No handlers", "-dir:handler"),
        )
        now = self.query.text
        return [
            Preset(label, None if query == now else query, query == now, self._counts.get(query))
            for label, query in offered
        ]

    @property
    def range(self) -> tuple[float, float] | None:
        """The range of time that is asked for, in seconds since the Unix epoch."""
        bounds = [one for one in self.query.query.terms if isinstance(one, Bound)]
        begins = [float(one.amount) for one in bounds if one.key == "at" and ">" in one.operator]
        ends = [float(one.amount) for one in bounds if one.key == "at" and "<" in one.operator]
        return (max(begins), min(ends)) if begins and ends else None

    @property
    def without_range(self) -> str | None:
        """The filter without it."""
        terms = (one for one in self.query.query.terms if getattr(one, "key", "") != "at")
        kept = (one for one in terms if getattr(one, "key", "") != "process" or not self.process)
        return str(Query(tuple(kept))) or None

    async def load(self) -> None:
        """Read the newest entries, or those before a position, and the message that is open."""
        found, _ = await asyncio.gather(
            relay.entries(self.query.query, before=self.before, limit=SHOWN_AT_FIRST),
            self._count_presets(),
        )
        self.reached, self.since = found.position, dict(found.since)
        self.silent = found.silent
        self._loaded = {**found.since, found.position[0]: found.position[1]}
        self.entries = found.entries[::-1]
        self.foot = TailFoot(found.matched, found.held)
        self.density = found.density
        is_more = len(found.entries) == SHOWN_AT_FIRST
        self.older = _before(found.entries[0]).spell() if is_more else ""
        await self.message.load()

    @property
    def strip(self) -> DensityStrip:
        """How much passed lately, as it is drawn."""
        return strip(self.density, self.range)

    @property
    def before_at(self) -> float | None:
        """When what is shown ends, if it is not now."""
        return self.before.at if self.before is not None else None

    @property
    def interest(self) -> Interest | None:
        """What passes in the other processes, held against the filter there."""
        return Interest("tail", str(self.query.query), limit=ROWS_PER_UPDATE)

    async def update(self) -> Update:
        """Return the rows that came since, oldest first."""
        update = self.status()
        if self.reached is None:
            return update
        found = await relay.changes(
            self.reached, self.query.query, limit=ROWS_PER_UPDATE, with_connections=False
        )
        self.reached = found.position
        update.must_reload = found.must_reload
        heard = self.heard()
        entries = [*found.entries, *(entry for batch in heard for entry in batch.entries)]
        entries.sort(key=lambda entry: entry.at)
        shown = sample(entries, ROWS_PER_UPDATE)
        left_out = found.sampled_out + sum(batch.sampled_out for batch in heard)
        left_out += len(entries) - len(shown)
        gaps = self._gaps(found, heard)
        if entries or gaps:
            update.fresh = len(shown) + left_out
            update.data |= {
                "entries": [row_of(entry) for entry in shown],
                "left_out": left_out,
                "one_of": round((len(shown) + left_out) / max(len(shown), 1)),
                "missed": sum(missed for _, missed in gaps),
                "gaps": [{"process": name, "missed": missed} for name, missed in gaps],
            }
            self._count(entries, left_out)
            template = "console/partials/tail-foot.html"
            foot = Partial("#tail-foot", template, {"foot": self.foot}, is_light=True)
            update.partials.append(foot)
        self._move_density(update, entries, left_out)
        return update

    async def _count_presets(self) -> None:
        narrowed = [QueryField.read(query, process=self.process).query for query in COUNTED]
        found = await asyncio.gather(*(relay.entries(query, limit=1) for query in narrowed))
        self._counts = dict(zip(COUNTED, (page.matched for page in found), strict=True))

    def _move_density(self, update: Update, entries: Sequence[EntryView], left_out: int) -> None:
        """Bring the strip up to date, and draw it again when a step is over."""
        now = relay.recorder.clock()
        self.density.move(now)
        new = [entry for entry in entries if self._is_new(entry)]
        for entry in new:
            self.density.add(entry.direction, entry.at)
        # Nobody has seen what was left out: it is taken to be of the kind of what was not.
        for number in range(min(left_out, len(new))):
            share = left_out // len(new) + (number < left_out % len(new))
            self.density.add(new[number].direction, new[number].at, share)
        if self.density.newest != self._density_drawn:
            self._density_drawn = self.density.newest
            template = "console/partials/density.html"
            update.partials.append(Partial("#density", template, {"strip": self.strip}))

    def _gaps(self, found: Changes, heard: Sequence[Batch]) -> list[tuple[str, int]]:
        """Return what nobody saw, by the process that had it."""
        missed = Counter({found.position[0]: found.missed})
        for batch in heard:
            missed[batch.epoch] += batch.missed
        lost = [epoch for epoch in missed if missed[epoch]]
        return list(zip(relay.names_of(lost), [missed[epoch] for epoch in lost], strict=True))

    def _count(self, entries: Sequence[EntryView], left_out: int) -> None:
        """Count what came; a screen that resumes gets some rows again that `load()` has counted."""
        new = sum(1 for entry in entries if self._is_new(entry)) + left_out
        held = self.totals.held
        self.foot = TailFoot(min(self.foot.matched + new, held), held)

    def _is_new(self, entry: EntryView) -> bool:
        epoch, _, _ = entry.position.partition(":")
        return entry.offset >= self._loaded.get(epoch, 0)


def _before(entry: EntryView) -> Before:
    epoch, _, offset = entry.position.partition(":")
    return Before((epoch, int(offset)), entry.at)


def row_of(entry: EntryView) -> dict[str, Any]:
    """Return a row as tail.js fills it in: text only, formatted as the template would."""
    return {
        "id": entry.position,
        "at": entry.at,
        "time": clock(entry.at),
        "dir": entry.direction,
        "badge": entry.badge,
        "who": entry.who,
        "short_id": entry.short_id,
        "origin": entry.origin,
        "type": entry.type,
        "preview": entry.preview,
        "size": size(entry.size_bytes),
        "took": took(entry.took_ms),
        "slow": is_slow(entry.took_ms),
        "process": entry.process,
    }
