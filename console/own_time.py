"""How much of the loop's time a coroutine takes itself, without what runs while it waits.

Owns the measuring alone. The loop that brings a page up to date serves the application, too:
what that did between two slices of the page's work is no cost of the page. Used by the console's
own WebSocket, which asks for less the more a page costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Timed(Generic[T]):
    """A coroutine that is timed while it is awaited::

        timed = Timed(page.update())
        update = await timed
        print(timed.seconds)

    Args:
        timer: seconds. By default those that pass: the loop does nothing else meanwhile.

    Attributes:
        seconds: what it has taken so far; work that it has left to other tasks is not in it.
    """

    def __init__(
        self, coroutine: Coroutine[Any, Any, T], timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds = 0.0
        self._coroutine = coroutine
        self._timer = timer

    def __await__(self) -> Generator[Any, None, T]:
        step: Callable[[], Any] = partial(self._coroutine.send, None)
        while True:
            began_s = self._timer()
            try:
                waits_for = step()
            except StopIteration as end:
                value: T = end.value
                return value
            finally:
                self.seconds += self._timer() - began_s
            try:
                yield waits_for
            except BaseException as error:  # whatever it is, it is the coroutine's to handle
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, None)
