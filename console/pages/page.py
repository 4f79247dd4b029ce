"""What every page of the console is: an address understood, read through the relay.

Owns the contract between pages and those who show them: the views take a loaded
page as the template's `page`, the live consumer sends its updates. No request and
no socket comes this far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from console.entry import Position, spell, unspell
from console.pages.query_field import QueryField
from console.query import parse
from console.query_keys import Key, Room, completions, keys_of
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.process import ProcessView
    from console.relay import Totals

NOTHING = parse("id:none")
"""A query that no entry matches, for pages that want connections only."""

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
    """

    target: str
    template: str
    context: dict[str, Any]
    swap: str = "outerMorph"


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

    Attributes:
        name: which page, as its URL and the live consumer call it.
        template: the template of the whole page.
        is_live: whether it changes while somebody looks.
        query_room: whose keys its filter knows: those of connections, or of entries.
        params: the parameters of its address.
        subject: what the page is about, such as a connection's id; "" for a room.
        position: where its next update goes on from, as text.
    """

    name: ClassVar[str]
    template: ClassVar[str]
    room: ClassVar[str]
    title = ""
    is_live: ClassVar[bool] = True
    query_room: ClassVar[Room] = "traffic"
    parent: ClassVar[Crumb | None] = None

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        self.params = params
        self.subject = subject
        self.process = params.get("process", "")
        self.query = QueryField.read(params.get("q", ""), process=self.process)
        self.position = ""
        self._totals: Totals | None = None

    async def load(self) -> None:
        """Read what a first look shows. Raises LookupError if there is no such subject."""
        self.position = spell(*(await relay.changes(None)).position)

    async def update(self) -> Update:
        """Return what changed since `position`, and move on."""
        return self.status()

    def resume(self, position: str) -> None:
        """Go on from where a screen was left, rather than from now."""
        if unspell(position) is not None:
            self.position = position

    def status(self) -> Update:
        """Return the measurements along the bottom, if they changed."""
        totals = self.totals
        if totals == self._totals:
            return Update()
        self._totals = totals
        context = {"totals": totals, "processes": self.processes}
        return Update([Partial("#status", "console/partials/status.html", context)])

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
        """The measurements of all processes."""
        return relay.totals()

    @property
    def processes(self) -> Sequence[ProcessView]:
        """The processes that answer, for the choice in the top bar."""
        return relay.processes()

    @property
    def kept(self) -> list[tuple[str, str]]:
        """The parameters that a new filter keeps, as hidden fields of its form."""
        return [
            (name, value)
            for name, values in self.params.lists()
            for value in values
            if name not in TRANSIENT
        ]

    @property
    def reached(self) -> Position | None:
        """`position` as the relay takes it."""
        return unspell(self.position)
