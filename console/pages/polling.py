"""A page that asks the processes what they do, again and again, and sends what has changed of it.

Owns when it was read last, how often that is allowed, and which regions are on the screen as they
would be now. What is read and what is shown is each page's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console.activity import Activity
from console.pages.page import Page, Partial, Update, pause_s

if TYPE_CHECKING:
    from django.http import QueryDict


class PollingPage(Page):
    """Its base.

    Args:
        clock: seconds that only grow.

    Attributes:
        activities: what each process did, by its epoch, as far as it was read.
    """

    def __init__(
        self,
        params: QueryDict,
        subject: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(params, subject, clock)
        self.activities: dict[str, Activity] = {}
        self._read_at = float("-inf")
        self._shown: dict[str, Any] = {}

    @property
    def tick_s(self) -> float:
        """Between two looks at what the processes do, at least."""
        return pause_s(len(self.statuses))

    def _add(
        self, update: Update, name: str, state: Any, context: dict[str, Any] | None = None
    ) -> None:
        """Add a region, if what it shows is not on the screen already.

        Args:
            state: what it shows, to be compared.
            context: of its template; the page and its parameters, if None.
        """
        if self._shown.get(name) == state:
            return
        self._shown[name] = state
        context = {"page": self, "params": self.params} if context is None else context
        update.partials.append(Partial(f"#{name}", f"console/partials/{name}.html", context))
