"""The room Recordings: what is kept, and one recording with its steps and its exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings as django_settings

from console import recordings
from console.connection_view import ConnectionView
from console.entry_view import EntryView
from console.exports.pytest_case import filename, pytest_case
from console.exports.record import Record
from console.pages.page import Page, Update
from console.policy import impersonation_obstacle, steering_obstacle
from console.recorded import Recorded
from console.recordings import MOST_BYTES, MOST_S, MOST_STEPS, ROOM_BYTES, Summary

if TYPE_CHECKING:
    from django.http import QueryDict

PLOT_WIDTH = 300
LANES: dict[str, tuple[str, int]] = {
    "in": ("in", 4),
    "out": ("out", 26),
    "layer": ("layer", 48),
    "deliver": ("layer", 48),
}
"""The lane of the plot that a direction is drawn in, and where it is."""

STEPS_SHOWN = 1_000
TICK_S = 0.4


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step.

    Attributes:
        at_s: from the beginning of the recording.
        is_expected: whether a replay answers for it.
        is_elsewhere: whether another connection caused it.
    """

    view: EntryView
    at_s: float
    is_expected: bool
    is_elsewhere: bool


class RecordingsPage(Page):
    """All recordings, and the one that its subject names.

    Attributes:
        viewer: who looks; set by the view.
        obstacle: why the viewer may not record or replay; "" if they may.
        as_obstacle: why the viewer may not do so as another user; "" if they may.
        rows: the recordings, newest first.
        chosen: the one that is open, if one is.
        held: what is in it.
        connection: the one of its connections that is replayed and exported.
    """

    name: ClassVar[str] = "recordings"
    room: ClassVar[str] = "recordings"
    template: ClassVar[str] = "console/recordings.html"
    title = "Recordings"

    limits_said: ClassVar[str] = (
        f"at most {MOST_STEPS:,} steps, {MOST_BYTES // 1_000_000} MB and {MOST_S / 60:g} minutes"
    )

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.viewer: Any = None
        self.obstacle = ""
        self.as_obstacle = "Nobody looks."
        self.search = params.get("find", "")
        self.rows: list[Summary] = []
        self.chosen: Summary | None = None
        self.held: Recorded | None = None
        self.connection: ConnectionView | None = None

    @property
    def note(self) -> str:
        """How many there are."""
        return f"{len(self.rows)} kept"

    @property
    def total_bytes(self) -> int:
        """What they weigh together."""
        return sum(row.size_bytes for row in self.rows)

    @property
    def room_bytes(self) -> int:
        """What they may weigh together."""
        return ROOM_BYTES

    @property
    def matching(self) -> list[Summary]:
        """Those that the search field asks for."""
        words = self.search.lower()
        return [row for row in self.rows if words in _words(row)]

    @property
    def tick_s(self) -> float:
        """How often the table is read: another process may write to it."""
        return TICK_S

    async def load(self) -> None:
        """Read the recordings and the one that is open. Raises LookupError if it is not kept."""
        await super().load()
        if self.viewer is not None:
            self.obstacle = await steering_obstacle(self.viewer)
            self.as_obstacle = await impersonation_obstacle(self.viewer)
        await self._read()

    async def update(self) -> Update:
        """Return the lists again if a recording came, went or grew."""
        update, was_running = self.status(), self._is_running
        try:
            await self._read()
        except LookupError:
            update.must_reload = True
            return update
        # Once it has ended there is nothing to stop, and all the rest to do with it.
        update.must_reload = was_running and not self._is_running
        context = {"page": self}
        shown = {row.number: (row.name, row.state, row.step_count) for row in self.rows}
        self._add(update, "recordings", shown, context)
        self._add_note(update)
        if self.chosen is not None and self.chosen.number in shown:
            steps = shown[self.chosen.number]
            self._add(update, "steps", steps, context)
            self._add(update, "recording-facts", steps, context)
            if not self._is_running:  # it may have ended before this page was live
                self._add(update, "recording-stop", steps, context)
        return update

    @property
    def _is_running(self) -> bool:
        return self.chosen is not None and self.chosen.state == "running"

    async def _read(self) -> None:
        self.rows = await recordings.listed()
        number = int(self.subject) if self.subject.isdecimal() else 0
        if not number:
            return
        known = self.chosen
        self.chosen = await recordings.summary(number)
        if known is None or known.step_count != self.chosen.step_count:
            self.held = await recordings.recorded(number)
        views = self.chosen.views
        asked = self.params.get("connection", "")
        self.connection = views.get(asked) or next(iter(views.values()), None)

    @property
    def steps(self) -> Sequence[StepRow]:
        """What happened, oldest first; on the connection that is chosen, if one is."""
        if self.held is None:
            return []
        records = self._records(self.held)[:STEPS_SHOWN]
        connection = self.connection.id if self.connection is not None else ""
        foreign = {one.view.position for one in self.held.elsewhere(connection)}
        return [self._row(one, foreign) for one in records]

    def _records(self, held: Recorded) -> list[Record]:
        return held.on(self.connection.id) if self.connection is not None else list(held.records)

    def _row(self, record: Record, foreign: set[str]) -> StepRow:
        assert self.held is not None
        view = record.view
        is_elsewhere = view.position in foreign
        return StepRow(
            view,
            max(view.at - self.held.began_at, 0.0),
            view.kind in ("accept", "out") and not is_elsewhere,
            is_elsewhere,
        )

    @property
    def recorded_user(self) -> str:
        """Who was signed in there, if the viewer may be that user in a replay; else ""."""
        user = self.connection.user if self.connection is not None else ""
        is_other = user not in ("", "anonymous", self.viewer_name)
        return user if is_other and not self.as_obstacle else ""

    @property
    def viewer_name(self) -> str:
        """What the viewer is called."""
        return self.viewer.get_username() if self.viewer is not None else ""

    @property
    def length_s(self) -> float:
        """From the first thing that happened to the last."""
        if self.held is None or not self.held.records:
            return 0.0
        return self.held.records[-1].view.at - self.held.began_at

    @property
    def ticks(self) -> dict[str, str]:
        """The plot's lanes, each as an SVG path."""
        paths: dict[str, list[str]] = {"in": [], "out": [], "layer": []}
        length_s = max(self.length_s, 0.001)
        for step in self.steps:
            lane = LANES.get(step.view.direction)
            if lane is not None:
                x = round(2 + (PLOT_WIDTH - 4) * step.at_s / length_s, 1)
                paths[lane[0]].append(f"M{x} {lane[1]}v14")
        return {name: "".join(dict.fromkeys(parts)) for name, parts in paths.items()}

    @property
    def axis(self) -> list[str]:
        """Six times along the plot."""
        return [f"{self.length_s * part / 5:.1f}" for part in range(6)]

    @property
    def test_code(self) -> str:
        """The test that the recording becomes; "" if it is of no WebSocket."""
        if self.held is None or self.connection is None or not self.is_replayed_as_test:
            return ""
        application = str(getattr(django_settings, "ASGI_APPLICATION", "asgi.application"))
        return pytest_case(self.held, self.connection.id, application=application)

    @property
    def test_filename(self) -> str:
        """What the test's file is called."""
        return filename(self.held) if self.held is not None else ""

    @property
    def is_replayed_as_test(self) -> bool:
        """Whether the chosen connection can become a test."""
        return self.connection is not None and self.connection.protocol == "websocket"


def _words(row: Summary) -> str:
    views = row.views.values()
    paths = " ".join(f"{view.path} {view.user}" for view in views)
    return f"{row.name} {row.of} {row.by} {paths}".lower()
