"""The room Groups: every group of all processes, and one of them with who is in it.

Owns what is read when, and what of it is sent again. What happens wakes it; it asks the
processes at once after a quiet while, then at most each `REFRESH_S`, and only while somebody looks.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from console.group_view import (
    MOST_MEMBERS,
    SORTS,
    GroupDetail,
    GroupRow,
    MemberView,
    Sort,
    in_order,
)
from console.pages.charts import Chart, Signal
from console.pages.dialogs import message_types
from console.pages.group_map import GroupMap, draw
from console.pages.layer_groups import KnownToLayer, known_to_layer
from console.pages.page import Page, Update
from console.query import Field, Pattern, Query, parse
from console.reading import Interest
from console.relay import relay
from console.templatetags.channelscope import rate

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.entry_view import EntryView

LIMIT = 200
RECENT = 8
REFRESH_S = 0.4
LAYER_S = 5.0
"""How often the layer itself is asked: an answer costs what it holds."""

HAPPENINGS = "kind:join,leave,group_send"
MINUTES = 5
DROPS_SEEN = 200
SENDS_SEEN = 500


class GroupsPage(Page):
    """The list of groups; its subject is the name of the one that is looked at, or ""."""

    name: ClassVar[str] = "groups"
    room: ClassVar[str] = "groups"
    template: ClassVar[str] = "console/groups.html"
    title = "Groups"
    limit = LIMIT
    most_members = MOST_MEMBERS
    sorts = SORTS

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        asked = params.get("sort", "")
        self.sort: Sort = next((one for one in SORTS if one == asked), "members")
        self.contains = params.get("name", "").strip()
        self.found: list[GroupRow] = []
        self.detail: GroupDetail | None = None
        self.recent: deque[EntryView] = deque(maxlen=RECENT)
        self.known = KnownToLayer()
        self.dropped = 0
        self._is_behind = False
        self._read_at = self._layer_read_at = float("-inf")

    @property
    def rows(self) -> list[GroupRow]:
        """The first groups in the order that is asked for."""
        return in_order(self.found, self.sort)[:LIMIT]

    @property
    def memberships(self) -> int:
        """How many memberships there are in all groups that are listed."""
        return sum(row.members for row in self.found)

    @property
    def members(self) -> Sequence[MemberView]:
        """The members that are listed: those that were seen to come, then those of the layer."""
        seen = self.detail.members if self.detail is not None else ()
        room = MOST_MEMBERS - len(seen)
        return (*seen, *(MemberView(channel) for channel in self.known.unseen[:room]))

    @property
    def map(self) -> GroupMap | None:
        """The picture of who is in it and what else they are in."""
        return draw(self.detail) if self.detail is not None else None

    @property
    def chart(self) -> Chart:
        """How much is sent to it."""
        detail = self.detail or self._without_a_trace()
        said = rate(detail.row.rate)
        sentence = f"Messages sent to {self.subject}, last {MINUTES} minutes. Now: {said} a second."
        values = detail.flow.sent_per_s
        signal = Signal("now", "dir", "layer", said, values, "/s", "d-layer", is_area=True)
        return Chart("chart-group", "Sends per second", sentence, (signal,), minutes=MINUTES)

    @property
    def types(self) -> list[str]:
        """Types of messages that its members have handlers for."""
        found = self.detail.consumers if self.detail is not None else ()
        return list(dict.fromkeys(one for path in found for one in message_types(path)))

    @property
    def asked_of_all(self) -> str:
        """What a question about all its members says in its address: whom it is for."""
        query = str(Field("group", (Pattern((self.subject,)),)))
        return urlencode({"all": "1", "q": query, "process": self.process, "group": self.subject})

    @property
    def note(self) -> str:
        """How many there are, beside the title."""
        return f"{len(self.found)} group{'' if len(self.found) == 1 else 's'}"

    @property
    def wanted(self) -> Query:
        """What happens that concerns the page: in its group, or in any."""
        happenings = parse(HAPPENINGS)
        if not self.subject:
            return happenings
        term = Field("group", (Pattern((self.subject,)),))
        return happenings.narrowed(Query((term,)))

    @property
    def tick_s(self) -> float:
        """When it reads the groups again."""
        return max(self._wait_s, 0.0)

    @property
    def _wait_s(self) -> float:
        # Rates and sparklines fall because time passes.
        pause_s = REFRESH_S if self._is_behind else 2 * REFRESH_S
        return self._read_at + pause_s - time.monotonic()

    @property
    def interest(self) -> Interest | None:
        """Who joins and leaves in the other processes, and what is sent."""
        return Interest("tail", str(self.wanted), limit=20)

    async def load(self) -> None:
        """Read the groups and, if one is looked at, its members."""
        found = await relay.entries(self.wanted, limit=RECENT)
        self.reached, self.since = found.position, dict(found.since)
        self.recent.extend(found.entries)
        await self._read()
        if self.subject and self.detail is None:
            self.detail = self._without_a_trace()

    async def update(self) -> Update:
        """Return the regions that look different now."""
        update = self.status()
        if self.reached is None:
            return update
        changes = await relay.changes(
            self.reached, self.wanted, limit=RECENT, with_connections=False
        )
        self.reached = changes.position
        update.must_reload = changes.must_reload
        entries = [*changes.entries, *(one for batch in self.heard() for one in batch.entries)]
        if entries:
            self.recent.extend(sorted(entries, key=lambda entry: entry.at))
            self._is_behind = True
        if self._wait_s <= 0:
            await self._read()
        elif "groups" in self.sent:
            return update
        self._add_changed(update)
        return update

    async def _read(self) -> None:
        self._is_behind = False
        self._read_at = time.monotonic()
        rows, silent = await relay.groups(self.contains, self.process)
        if self.subject:
            self.detail, silent_too = await relay.group(self.subject, self.process)
            silent = list(dict.fromkeys((*silent, *silent_too)))
        self.silent = silent
        if self._read_at - self._layer_read_at >= LAYER_S:
            self._layer_read_at = self._read_at
            self.known = await known_to_layer(rows, self.subject, self.detail, self.contains)
            self.dropped = await self._count_drops() if self.subject else 0
        # One process alone says nothing of what the others, and the layer, have besides.
        self.found = rows if self.process else [*rows, *self._only_in_layer(rows)]
        if self.subject and self.detail is None:
            self.detail = self._without_a_trace() if self.reached is not None else None

    async def _count_drops(self) -> int:
        """Return how many of its deliveries were lost, of those that are held."""
        drops = await relay.entries(parse("kind:drop"), limit=DROPS_SEEN)
        if not drops.entries:
            return 0
        term = Field("group", (Pattern((self.subject,)),))
        sends = await relay.entries(
            parse("kind:group_send").narrowed(Query((term,))), limit=SENDS_SEEN
        )
        sent = {one.position for one in sends.entries}
        return sum(1 for one in drops.entries if one.cause in sent)

    def _only_in_layer(self, rows: Sequence[GroupRow]) -> list[GroupRow]:
        seen = {row.name for row in rows}
        return [row for row in self.known.rows if row.name not in seen]

    def _without_a_trace(self) -> GroupDetail:
        """Return a group in which no process has a member: it may get some."""
        known = [row for row in self.known.rows if row.name == self.subject]
        return GroupDetail(known[0] if known else GroupRow(self.subject, is_observed=False))

    def _regions(self) -> dict[str, Any]:
        """Return what each region shows, to tell which has changed."""
        regions: dict[str, Any] = {"groups": self.rows, "groups-foot": self._foot()}
        if not self.subject:
            regions["group-none"] = bool(self.found)
        if self.detail is not None:
            presence = list(self.known.presence)
            regions |= {
                "group-head": (
                    self.detail.row,
                    dict(self.detail.by_process),
                    self.detail.flow.addressed_lately,
                    self.dropped,
                    self.obstacle,
                ),
                "group-map": self.map,
                "members": (self.members, self.detail.row.members),
                "presence": presence,
                "happenings": [entry.position for entry in self.recent],
                "reach": (self.detail.row.members, dict(self.detail.by_process)),
            }
        return regions

    def _foot(self) -> tuple[int, int]:
        return len(self.found), self.memberships

    def _add_changed(self, update: Update) -> None:
        for name, state in self._regions().items():
            self._add(update, name, state)
        self._add_note(update)
        if self.detail is not None and self.sent.is_new((chart := self.chart).id, chart.data):
            update.data["charts"] = {chart.id: chart.data}
