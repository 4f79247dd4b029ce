"""Which processes a screen has nothing of: then changes alone do not make it whole.

Owns the rule. The HTML that a viewer has was made a moment before its socket came, and who
answered one of the two may have been late for the other; who did not answer at all has more to
show as soon as it is heard of again. Pure: the clock is handed in. Used by the live pages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from console.process import ProcessStatus

AGAIN_S = 5.0
"""Between two showings of the whole page to whoever lacks a process that goes on not to answer."""


class Lacking:
    """What one viewer's screen lacks.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._silent: Collection[str] = ()
        self._is_behind = False

    def begin(
        self, silent: Collection[str], loaded: Collection[str], on_screen: Collection[str]
    ) -> None:
        """The page was loaded again, for a screen that it was rendered for before.

        Args:
            silent: the names of those that have not answered now.
            loaded: the epochs of those that have, and `on_screen` of those that had then.
        """
        self._since, self._silent = self._clock(), silent
        self._is_behind = not set(loaded) <= set(on_screen)

    def is_to_be_shown(self, statuses: Iterable[ProcessStatus]) -> bool:
        """Return whether a process has more to show than changes; it is told once.

        Of one that goes on not to answer, it is told again after some seconds.
        """
        if self._is_behind:
            self._is_behind = False
            return True
        waited_s = self._clock() - self._since
        if not self._silent or waited_s < AGAIN_S:
            return False
        back = (one for one in statuses if one.process.name in self._silent)
        if not any(one.silent_s < waited_s for one in back):
            return False
        self._since = self._clock()
        return True
