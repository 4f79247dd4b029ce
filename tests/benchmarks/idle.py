"""An observer that hears everything and does nothing: the price of being observable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType

from runtime.taps import HOOKS, Observer, taps


def _override(hook: str) -> Callable[..., None]:
    """Return a method with the hook's own arguments, as an observer would write it."""
    method: FunctionType = getattr(Observer, hook)
    return FunctionType(method.__code__, globals(), hook)


IdleObserver = type("IdleObserver", (Observer,), {hook: _override(hook) for hook in HOOKS})


@contextmanager
def idle_observer() -> Iterator[None]:
    """Attach an observer whose methods do nothing, for the body of the `with`."""
    observer = IdleObserver()
    taps.attach(observer)
    try:
        yield
    finally:
        taps.detach(observer)
