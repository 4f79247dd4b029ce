"""What every page of the console is: an address understood, read through the relay.

Owns the contract between pages and those who show them: the views take a loaded
page as the template's `page`, the live consumer sends its updates. No request and
no socket comes this far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from console.entry import Position, spell_all, unspell_all
from console.pages.lacking import Lacking
from console.pages.query_field import QueryField
from console.pages.sent import Sent
from console.policy import NOT_STAFF
from console.query_keys import Key, Room, completions, keys_of
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.process import ProcessStatus, ProcessView, Totals
    from console.reading import Interest
    from console.relay_protocol import Batch
    from console.relay_watching import Watched

ASK_S = 0.35
"""Between two askings of all processes by a page that none of them wakes."""

STATUS_S = 0.5
"""Between two renderings of the measurements along the bottom, which change all the time."""

ANSWERS_PER_S = 250
"""What such a page takes at most: of very many processes it asks less often."""

TRANSIENT = ("q", "page", "before")
"""Parameters that a new filter starts afresh; a form keeps all the others."""


@dataclass(frozen=True, slots=True)
class Crumb:
    """A page above this one: its view's name and what it is called."""

    view: str
    label: str


@dataclass(frozen=True, slots=True)
class Partial:
    """One region that changed.

    Attributes:
        target: selector of the element.
        template: what to render for it.
        context: for that template.
        swap: an htmx swap style; "rows" merges rows by id.
        is_light: whether it is rendered sooner than handed to a thread.
    """

    target: str
    template: str
    context: dict[str, Any]
    swap: str = "outerMorph"
    is_light: bool = False


@dataclass(slots=True)
class Update:
    """What changed on a page since the last one.

    Attributes:
        partials: regions to render again.
        fresh: things that were not there before, for the "N new" of a paused page.
        data: what the page's own script takes, as JSON.
        must_reload: the page on the screen cannot be brought up to date piece by piece.
    """

    partials: list[Partial] = field(default_factory=list)
    fresh: int = 0
    data: dict[str, Any] = field(default_factory=dict)
    must_reload: bool = False

    def __bool__(self) -> bool:
        return bool(self.partials or self.data or self.must_reload)


class Page:
    """One page in one state.

    Args:
        clock: seconds that only grow.

    Attributes:
        name: which page, as its URL and the live consumer call it.
        template: the template of the whole page.
        gone_template: that of the page that says that there is no such subject any more.
        is_live: whether it changes while somebody looks.
        query_room: whose keys its filter knows: those of connections, or of entries.
        params: the parameters of its address.
        shortcuts: keys that only this page has, each with what it does.
        subject: what the page is about, such as a connection's id; "" for a room.
        reached: where its next update goes on from in this process; None until it is loaded.
        since: where it goes on from in the others, by their epoch.
        silent: names of processes that did not answer: what they have is missing.
        obstacle: why its viewer may not steer, as a sentence; "" if they may.
        sent: what its updates have sent, which is what is on the screen.
    """

    name: ClassVar[str]
    template: ClassVar[str]
    room: ClassVar[str]
    title = ""
    is_live: ClassVar[bool] = True
    query_room: ClassVar[Room] = "traffic"
    parent: ClassVar[Crumb | None] = None
    shortcuts: ClassVar[Sequence[tuple[str, str]]] = ()
    gone_template: ClassVar[str] = "console/gone.html"

    def __init__(
        self,
        params: QueryDict,
        subject: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.params = params
        self.subject = subject
        self.process = params.get("process", "")
        self.query = QueryField.read(params.get("q", ""), process=self.process)
        self.reached: Position | None = None
        self.since: dict[str, int] = {}
        self.silent: Sequence[str] = ()
        self.obstacle = NOT_STAFF
        self.sent = Sent()
        self._feed: Watched | None = None
        self._lacking = Lacking(clock)
        self._statuses: Sequence[ProcessStatus] | None = None
        self._status_at = float("-inf")

    @property
    def tick_s(self) -> float:
        """Seconds to its next look, even if nothing happens: rates and idleness change."""
        return 1.0

    async def load(self) -> None:
        """Read what a first look shows. Raises LookupError if there is no such subject."""
        self.reached = (await relay.changes(None)).position

    async def update(self) -> Update:
        """Return what changed since `position`, and move on."""
        return self.status()

    @property
    def position(self) -> str:
        """Where its next update goes on from in each process, as text; "" until it is loaded."""
        return spell_all(self.reached, self.since) if self.reached is not None else ""

    def resume(self, position: str) -> None:
        """Go on from where a screen was left, rather than from now."""
        left = unspell_all(position)
        if not left:
            return
        own, _ = relay.reader.position
        # One that does not know this process's epoch is of another life: it has to load anew.
        epoch = own if own in left else next(iter(left))
        self.reached = epoch, left.pop(epoch)
        self._lacking.begin(self.silent, self.since.keys(), left.keys())
        self.since |= left

    def is_outdated(self) -> bool:
        """Return whether a process has more to show than changes: the screen has nothing of it."""
        return self._lacking.is_to_be_shown(self.statuses)

    def _goes_on(self) -> bool:
        """Return whether the screen is of this life of the process, from which on it goes on."""
        epoch, offset = relay.reader.position
        if self.reached is not None and self.reached[0] == epoch:
            return True
        self.reached = epoch, offset
        return False

    @property
    def interest(self) -> Interest | None:
        """What it wants to hear of the other processes while somebody looks; None for nothing."""
        return None

    @contextmanager
    def following(self, on_news: Callable[[], None]) -> Iterator[None]:
        """Hear of the other processes as long as the context lasts.

        Args:
            on_news: called when the next update has something of theirs.
        """
        interest = self.interest
        if interest is not None:
            self._feed = relay.subscribe(interest, self.since, on_news)
        try:
            yield
        finally:
            relay.unsubscribe(self._feed)
            self._feed = None

    def heard(self) -> list[Batch]:
        """Return what the other processes have said since the last call, and move on."""
        heard = self._feed.drain() if self._feed is not None else []
        for epoch, batch in heard:
            self.since[epoch] = batch.end
        return [batch for _, batch in heard]

    def status(self) -> Update:
        """Return the measurements along the bottom and the processes, if they changed."""
        update = Update()
        # Asked once for each update, however often a page says something of them.
        processes = self._statuses = relay.statuses()
        totals, now = self.totals, self._clock()
        if now - self._status_at >= STATUS_S and self.sent.is_new("status", totals):
            self._status_at = now
            context = {"totals": totals, "processes": self.processes}
            template = "console/partials/status.html"
            update.partials.append(Partial("#status", template, context, is_light=True))
        # Of one process alone nothing is said that changes.
        self._add(update, "processes", list(map(_shown, processes)) if len(processes) > 1 else [])
        stale = self.stale
        if self.sent.is_new("stale", stale):
            update.data["stale"] = stale
        return update

    def _add(
        self, update: Update, name: str, state: Any, context: dict[str, Any] | None = None
    ) -> None:
        """Add a region, if what it shows is not on the screen already.

        Args:
            name: its element's id, which its template is called by.
            state: what it shows, to be compared.
            context: of its template; the page and its parameters, if None.
        """
        if self.sent.is_new(name, state):
            context = {"page": self, "params": self.params} if context is None else context
            update.partials.append(Partial(f"#{name}", f"console/partials/{name}.html", context))

    def _add_note(self, update: Update) -> None:
        """Add the word beside the title, if it is another now."""
        self._add(update, "note", self.note, {"note": self.note})

    @property
    def note(self) -> str:
        """A word beside the title."""
        return ""

    @property
    def query_keys(self) -> Sequence[Key]:
        """What its filter can ask for, for the help beside the field."""
        return keys_of(self.query_room)

    @property
    def query_words(self) -> Sequence[str]:
        """What may be typed there, for completion: each key, and each of its values."""
        words = completions(self.query_room).items()
        return [word for key, values in words for word in (key, *(key + one for one in values))]

    @property
    def totals(self) -> Totals:
        """The measurements of all processes, or of the one that is chosen."""
        return relay.totals(self.process, self.statuses)

    @property
    def processes(self) -> Sequence[ProcessView]:
        """The processes that answer."""
        return [status.process for status in self.statuses]

    @property
    def statuses(self) -> Sequence[ProcessStatus]:
        """How the processes are, for the choice in the top bar: as of the last update, if any."""
        return relay.statuses() if self._statuses is None else self._statuses

    @property
    def stale(self) -> list[str]:
        """The epochs of processes that have been silent for long."""
        return [one.process.epoch for one in self.statuses if one.is_stale]

    @property
    def limits(self) -> list[str]:
        """Why not all processes can be seen, a sentence each."""
        others = [
            f"{name} speaks version {version} of the relay, and is not shown: run the same"
            " version of Channelscope everywhere."
            for name, version in relay.other_versions().items()
        ]
        return [sentence for sentence in (relay.limit, relay.foreign(), *others) if sentence]

    @property
    def outage(self) -> str:
        """Why the other processes are missing for now, as a sentence; "" if they are not."""
        return relay.outage

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The parameters that a new filter keeps, as hidden fields of its form."""
        return [
            (name, value)
            for name, values in self.params.lists()
            for value in values
            if name not in TRANSIENT
        ]


def pause_s(processes: int) -> float:
    """Return how long lies between two askings of so many processes."""
    return max(ASK_S, processes / ANSWERS_PER_S)


def _shown(status: ProcessStatus) -> tuple[Any, ...]:
    """Return what the list of processes says of one, so that it is sent when that changes."""
    report = status.report
    return (
        status.process.epoch,
        status.presence,
        report.totals.open_count,
        report.rss_bytes // 1_000_000,
        round(report.loop_lag_s * 100),  # 10 ms: some are late by one or two all the time
    )
