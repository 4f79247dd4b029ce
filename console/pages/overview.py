"""The room Overview: whether anything is wrong, and where to go then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from console.activity import Activity, follow
from console.first_run import Check, checks
from console.handlers import STEP_S
from console.pages import overview_figures as figures
from console.pages.charts import TIME_BASES, Chart, chosen_base, time_base
from console.pages.overview_charts import charts
from console.pages.page import Update
from console.pages.polling import PollingPage
from console.pages.problems import Problem, problems
from console.pages.query_field import QueryField
from console.reading import Interest
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.entry_view import EntryView
    from console.process import ProcessStatus

ERRORS = "dir:error"
ERRORS_KEPT = 200
STEPS_AGAIN = 4
"""Of the last steps it is asked again what happened; those before them are over."""

CHECK_S = 3.0


class OverviewPage(PollingPage):
    """All processes, or the one that the address names, over the last 10 minutes at most.

    Its address may name fewer of them, as `minutes`.

    Args:
        clock: seconds that only grow.
    """

    name: ClassVar[str] = "overview"
    room: ClassVar[str] = "overview"
    template: ClassVar[str] = "console/overview.html"
    title = "Overview"

    def __init__(self, params: QueryDict, subject: str = "", **clocks: Any) -> None:
        super().__init__(params, subject, **clocks)
        self.query = QueryField.read(ERRORS, process=self.process)
        self.errors: deque[EntryView] = deque(maxlen=ERRORS_KEPT)
        self.checks: list[Check] = []
        self._has_newcomers = False
        self._checked_at = float("-inf")

    async def load(self) -> None:
        """Read what the processes did, and what went wrong."""
        await self._read_steps(whole=True)
        found = await relay.entries(self.query.query, limit=ERRORS_KEPT)
        self.reached, self.since = found.position, dict(found.since)
        self.errors.extend(found.entries)
        if self.is_first_run:
            await self._check(is_live=False)

    async def update(self) -> Update:
        """Return the regions and the charts that changed; problems as they come."""
        update = self.status()
        if self.reached is None:
            return update
        is_news = await self._hear(update)
        passed_s = self._clock() - self._read_at
        if passed_s >= self.tick_s:
            await self._read_steps(
                whole=self._has_newcomers or passed_s > (STEPS_AGAIN - 2) * STEP_S
            )
        if self.sent.is_new("form", self._form):
            update.data["needs"] = self._form  # the screen may have another one
        self._add_note(update)
        self._add(update, "time-base", (self.minutes, self.is_first_run))
        if self.is_first_run:
            await self._add_checks(update)
        elif passed_s >= self.tick_s:
            self._add_regions(update)
        elif is_news:
            found = {"problems": self.problems}
            self._add(update, "problems", found, found)
        return update

    @property
    def interest(self) -> Interest | None:
        """The errors of the other processes."""
        return Interest("tail", str(self.query.query))

    @property
    def note(self) -> str:
        """Of which time the page speaks, beside the title."""
        return (
            "waiting for the first scope" if self.is_first_run else f"last {self.minutes} minutes"
        )

    @property
    def time_bases(self) -> Sequence[int]:
        """The minutes that may be chosen."""
        return TIME_BASES

    @property
    def minutes(self) -> int:
        """What is shown: as many as are chosen, or no more than the oldest process has lived."""
        if (chosen := chosen_base(self.params.get("minutes", ""))) is not None:
            return chosen
        began = [one.process.started_at for one in self.statuses if self._is_chosen(one)]
        return time_base(time.time() - min(began, default=0.0))

    @property
    def is_first_run(self) -> bool:
        """Whether no process has ever seen a connection."""
        return not any(activity.has_opened for activity in self.activities.values())

    @property
    def readouts(self) -> list[figures.Readout]:
        """The figures at the top."""
        return figures.readouts(self._chosen, time.time(), self.minutes)

    @property
    def charts(self) -> list[Chart]:
        """The screens."""
        return charts(self._chosen, self.minutes)

    @property
    def consumers(self) -> list[figures.ConsumerRow]:
        """The consumers, those that do most first."""
        return figures.consumers(self._chosen)

    @property
    def rows(self) -> list[figures.ProcessRow]:
        """The processes."""
        return [
            figures.process_row(status, self.activities.get(status.process.epoch))
            for status in self.statuses
            if self.process in ("", status.process.name)
        ]

    @property
    def problems(self) -> list[Problem]:
        """What is wrong."""
        return self._problems_of(self.rows)

    def _problems_of(self, rows: Sequence[figures.ProcessRow]) -> list[Problem]:
        return problems(
            self.errors,
            self._chosen,
            [row.status for row in rows],
            lag_s={row.status.process.name: row.loop_lag_s for row in rows},
            limits=[*self.limits, *self._unheard],
        )

    @property
    def _unheard(self) -> list[str]:
        stale = {status.process.name for status in self.statuses if status.is_stale}  # said already
        unheard = (name for name in self.silent if name not in stale)
        return [f"{name} did not answer in time: what it does is missing." for name in unheard]

    @property
    def _chosen(self) -> Sequence[Activity]:
        """Those of the processes that still speak and that the address asks for."""
        return [
            activity
            for status in self.statuses
            if self._is_chosen(status)
            if (activity := self.activities.get(status.process.epoch)) is not None
        ]

    def _is_chosen(self, status: ProcessStatus) -> bool:
        return not status.is_stale and self.process in ("", status.process.name)

    async def _read_steps(self, *, whole: bool) -> None:
        self._read_at = self._clock()
        if whole:
            found, silent = await relay.activity()
        else:
            found, silent = await self._lately(STEPS_AGAIN)
        known = self.activities
        self._has_newcomers = not whole and not known.keys() >= found.keys()
        there = {status.process.epoch for status in self.statuses}
        self.activities = {
            epoch: activity
            for epoch, activity in {**known, **_followed(known, found)}.items()
            if epoch in there or epoch in found
        }
        self.silent = relay.names_of(silent)

    async def _hear(self, update: Update) -> bool:
        """Take the errors that came since; returns whether there were any."""
        found = await relay.changes(
            self.reached, self.query.query, limit=ERRORS_KEPT, with_connections=False
        )
        self.reached = found.position
        update.must_reload = found.must_reload
        heard = [entry for batch in self.heard() for entry in batch.entries]
        fresh = sorted([*found.entries, *heard], key=lambda entry: entry.at)
        self.errors.extend(fresh)
        return bool(fresh)

    @property
    def _form(self) -> str:
        """An element that only a screen of this form has: a chart keeps the lines it began with."""
        lines = 2 if len(self._chosen) > 1 else 1
        return "#checks" if self.is_first_run else f'#chart-connections[data-lines="{lines}"]'

    def _add_regions(self, update: Update) -> None:
        rows = self.rows
        for name, context in (
            ("readouts", {"readouts": self.readouts}),
            ("consumers", {"consumers": self.consumers}),
            ("overview-processes", {"rows": rows, "params": self.params}),
            ("problems", {"problems": self._problems_of(rows)}),
        ):
            self._add(update, name, context, context)
        charts = {chart.id: chart.data for chart in self.charts}
        changed = {one: data for one, data in charts.items() if self.sent.is_new(one, data)}
        if changed:
            update.data["charts"] = changed

    async def _add_checks(self, update: Update) -> None:
        if "checks" in self.sent and self._clock() - self._checked_at < CHECK_S:
            return
        await self._check(is_live=True)
        self._add(update, "checks", self.checks, {"checks": self.checks})

    async def _check(self, *, is_live: bool) -> None:
        self._checked_at = self._clock()
        self.checks = await checks(relay.reader.process, is_live=is_live)


def _followed(known: Mapping[str, Activity], found: Mapping[str, Activity]) -> dict[str, Activity]:
    """Return what was found, with the steps that were known already before it."""
    return {
        epoch: follow(known[epoch], activity) if epoch in known else activity
        for epoch, activity in found.items()
    }
