"""An observer that writes down what it hears, for tests of who fires which tap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runtime.taps import HOOKS, Observer, taps


class Notebook(Observer):
    """Keeps (hook, arguments) in the order of hearing."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[Any, ...]]] = []

    def names(self) -> list[str]:
        return [hook for hook, _ in self.heard]

    def of(self, hook: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.heard if name == hook]


def _writing(hook: str) -> Any:
    def write(self: Notebook, *arguments: Any) -> None:
        self.heard.append((hook, arguments))

    return write


for _hook in HOOKS:
    setattr(Notebook, _hook, _writing(_hook))


@contextmanager
def observed(observer: Any = None) -> Iterator[Any]:
    """Attach an observer, by default a new Notebook, for the body of the `with`."""
    observer = Notebook() if observer is None else observer
    taps.attach(observer)
    try:
        yield observer
    finally:
        taps.detach(observer)
