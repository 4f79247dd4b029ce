"""That an action which comes through the relay is carried out once, and only here.

Owns what makes a sealed message worthless to whoever has kept a copy: it names the process
that it is for, whose epoch is new at each start, it is old after half a minute, and its id is
remembered for longer than that. The clock is handed in. Pure.

Source: docs/decisions/0022-steering.md
"""

from __future__ import annotations

from console.relay_protocol import Act, RefusedMessage

FRESH_S = 30.0
"""How old an action may be, or how far the clocks of two processes may be apart."""

MOST_REMEMBERED = 10_000


class TooOld(RefusedMessage):
    """An action that was asked for too long ago, or by a clock that is far from ours."""

    def __init__(self, age_s: float) -> None:
        super().__init__(
            f"It was asked for {age_s:.0f} s ago by the clock of the process that it reached,"
            f" and is carried out within {FRESH_S:.0f} s only: set the clocks of both machines."
        )


class Once:
    """What one process has been asked to do of late.

    Args:
        epoch: of this process.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._seen: dict[str, float] = {}

    def require_new(self, act: Act, now: float) -> None:
        """Return if `act` is to be carried out here and now, and remember it.

        Args:
            now: seconds since the Unix epoch.

        Raises:
            TooOld: it is not of this time.
            RefusedMessage: it is for another process, or has been here before.
        """
        if act.epoch != self._epoch:
            raise RefusedMessage("Expected an action for this process.")
        if abs(now - act.at) > FRESH_S:
            raise TooOld(now - act.at)
        self._forget(now)
        if act.id in self._seen:
            raise RefusedMessage("Expected an action that has not been here before.")
        if len(self._seen) >= MOST_REMEMBERED:
            raise RefusedMessage(f"Expected at most {MOST_REMEMBERED} actions a minute.")
        self._seen[act.id] = now

    def _forget(self, now: float) -> None:
        # An action may be dated ahead of our clock, and stays fresh for as much longer.
        while self._seen:
            first = next(iter(self._seen))
            if 0 <= now - self._seen[first] <= 2 * FRESH_S:
                return
            del self._seen[first]
