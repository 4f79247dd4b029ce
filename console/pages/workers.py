"""The room Workers and channels: who does jobs, what waits for them, and what they gave up."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from console.activity import Activity, ChannelWork, DeepMailbox
from console.layer_view import (
    ChannelView,
    LayerView,
    LetterView,
    consumers_of_channels,
    read_layers,
    read_letters,
)
from console.pages import json_tree
from console.pages.page import Update
from console.pages.polling import PollingPage
from console.query import parse
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.process import ProcessStatus

LAYERS_EVERY_S = 0.3
"""Between two looks at the layers, at least; of many processes they are looked at as often."""

DROPS_EVERY_S = 5.0
"""How often all that is held is searched for drops without a new one: old ones leave."""

DROPS_SEEN = 1_000


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One channel of one worker."""

    status: ProcessStatus
    work: ChannelWork

    @property
    def per_s(self) -> float:
        """Jobs a second, over the last minute."""
        return self.work.done_last_minute / 60


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One named channel.

    Attributes:
        lost: drops of it among the entries that are held.
        workers: how many serve it.
    """

    view: ChannelView
    lost: int
    workers: int


@dataclass(frozen=True, slots=True)
class DeepRow:
    """One connection for which many messages wait, and its process."""

    status: ProcessStatus
    mailbox: DeepMailbox


class WorkersPage(PollingPage):
    """The workers of all processes and the named channels of all layers.

    Its address names the channel whose dead letters are looked at, as `layer` and `channel`,
    and the one that is open, as `letter`.
    """

    name: ClassVar[str] = "workers"
    room: ClassVar[str] = "workers"
    template: ClassVar[str] = "console/workers.html"
    title = "Workers"

    def __init__(self, params: QueryDict, subject: str = "", **clocks: Any) -> None:
        super().__init__(params, subject, **clocks)
        self.layer = params.get("layer", "") or "default"
        self.channel = params.get("channel", "")
        self.layers: list[LayerView] = []
        self.letters: list[LetterView] = []
        self.letters_error = ""
        self.drops: Counter[str] = Counter()
        self.served: frozenset[str] = frozenset(consumers_of_channels())
        self._layers_at = self._drops_at = float("-inf")
        self._dropped: dict[str, int] = {}

    async def load(self) -> None:
        """Read who works, what waits, and the dead letters that are looked at."""
        await super().load()
        await self._read()
        await self._read_layers()

    async def update(self) -> Update:
        """Return the regions that changed."""
        update = self.status()
        now, had_letter = self._clock(), self.letter is not None
        if now - self._read_at >= self.tick_s:
            await self._read()
        if now - self._layers_at >= LAYERS_EVERY_S:
            await self._read_layers()
        update.must_reload = had_letter and self.letter is None
        self._add(update, "workers", [_said(row.status, row.work) for row in self.rows])
        self._add(update, "channels", self.channels)
        self._add(update, "letters", (self.letters, self.letters_error))
        self._add(update, "mailboxes", [_said(row.status, row.mailbox) for row in self.deepest])
        self._add_note(update)
        return update

    @property
    def note(self) -> str:
        """How many channels are served, beside the title."""
        count = len({row.work.channel for row in self.rows})
        return f"{count} channel{'' if count == 1 else 's'} served"

    @property
    def rows(self) -> list[WorkRow]:
        """What each worker does on each channel."""
        return [
            WorkRow(status, work) for status, activity in self._known() for work in activity.work
        ]

    @property
    def deepest(self) -> list[DeepRow]:
        """The connections that fall behind, those for which most waits first."""
        rows = [
            DeepRow(status, one) for status, activity in self._known() for one in activity.deepest
        ]
        return sorted(rows, key=lambda row: -row.mailbox.waiting)

    @property
    def channels(self) -> list[tuple[LayerView, list[ChannelRow]]]:
        """The layers, each with its named channels."""
        served = Counter(row.work.channel for row in self.rows)
        return [
            (
                layer,
                [ChannelRow(one, self.drops[one.name], served[one.name]) for one in layer.channels],
            )
            for layer in self.layers
        ]

    @property
    def letter(self) -> LetterView | None:
        """The dead letter that is open."""
        chosen = self.params.get("letter", "")
        return next((one for one in self.letters if one.id == chosen), None)

    @property
    def letter_tree(self) -> json_tree.Node | None:
        """The message of the letter that is open, as a tree; None if it is cut, and is none."""
        if self.letter is None:
            return None
        try:
            return json_tree.tree(json.loads(self.letter.body))
        except (ValueError, RecursionError):
            return None

    def _known(self) -> list[tuple[ProcessStatus, Activity]]:
        return [
            (status, activity)
            for status in self.statuses
            if self.process in ("", status.process.name)
            if (activity := self.activities.get(status.process.epoch)) is not None
        ]

    async def _read_layers(self) -> None:
        self._layers_at = self._clock()
        known: dict[str, set[str]] = {"default": set(self.served)}
        for row in self.rows:
            known.setdefault(row.work.alias or "default", set()).add(row.work.channel)
        if self.channel:
            known.setdefault(self.layer, set()).add(self.channel)
        self.layers = await read_layers(known)
        await self._read_drops()
        await self._read_letters()

    async def _read_drops(self) -> None:
        dropped = {epoch: sum(one.drops.values()) for epoch, one in self.activities.items()}
        if dropped == self._dropped and self._clock() - self._drops_at < DROPS_EVERY_S:
            return
        self._dropped, self._drops_at = dropped, self._clock()
        drops = await relay.entries(parse("kind:drop"), limit=DROPS_SEEN)
        self.drops = Counter(entry.channel for entry in drops.entries if entry.channel)

    async def _read_letters(self) -> None:
        self.letters_error = ""
        if not self.channel:
            return
        try:
            self.letters = await read_letters(self.layer, self.channel)
        except LookupError as error:
            self.letters, self.letters_error = [], str(error.args[0] if error.args else error)
        except Exception as error:  # a server that is away: the page says so, and asks again
            self.letters_error = f"{type(error).__name__}: {error}"[:200]


def _said(status: ProcessStatus, did: ChannelWork | DeepMailbox) -> tuple[str, bool, object]:
    """Return what a row says: not how long ago its process was heard, which always changes."""
    return status.process.epoch, status.is_stale, did
