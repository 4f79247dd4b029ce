"""An observer that hears everything and does nothing: the price of being observable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runtime.taps import HOOKS, Observer, taps


def _nothing(self: Observer, *arguments: object) -> None:
    return None


IdleObserver = type("IdleObserver", (Observer,), dict.fromkeys(HOOKS, _nothing))


@contextmanager
def idle_observer() -> Iterator[None]:
    """Attach an observer whose methods do nothing, for the body of the `with`."""
    observer = IdleObserver()
    taps.attach(observer)
    try:
        yield
    finally:
        taps.detach(observer)
