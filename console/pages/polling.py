"""A page that asks the processes what they do, again and again.

Owns when it was read last, how often that is allowed, and what each process did. What is read
and what is shown is each page's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.activity import Activity
from console.pages.page import Page, pause_s

if TYPE_CHECKING:
    from django.http import QueryDict


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
