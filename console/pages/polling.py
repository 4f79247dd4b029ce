"""A page that asks the processes what they do, again and again.

Owns when it was read last, how often that is allowed, and what each process did. What is shown
is each page's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.activity import Activity
from console.pages.page import Page, pause_s
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

ANSWER_S = 0.8
SHARED_S = 0.2
"""How old what another viewer was told may be."""


class PollingPage(Page):
    """Its base.

    Attributes:
        activities: what each process did, by its epoch, as far as it was read.
    """

    def __init__(self, params: QueryDict, subject: str = "", **clocks: Any) -> None:
        super().__init__(params, subject, **clocks)
        self.activities: dict[str, Activity] = {}
        self._read_at = float("-inf")

    @property
    def tick_s(self) -> float:
        """Between two looks at what the processes do, at least."""
        return pause_s(len(self.statuses))

    async def _read(self) -> None:
        """Read what the processes do now; one that does not answer does what it did before."""
        self._read_at = self._clock()
        found, silent = await self._lately(1)
        there = {status.process.epoch for status in self.statuses}
        self.activities = {
            epoch: activity
            for epoch, activity in {**self.activities, **found}.items()
            if epoch in there or epoch in found
        }
        self.silent = relay.names_of(silent)

    async def _lately(self, steps: int) -> tuple[dict[str, Activity], list[str]]:
        """Return what each process did in its last `steps`, and the epochs of who is silent."""
        return await relay.shared.get(
            ("activity", steps),
            lambda: relay.activity(steps, timeout_s=ANSWER_S),
            now=self._clock(),
            age_s=SHARED_S,
        )
