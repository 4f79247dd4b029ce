"""What each contract of a layer is run by: a layer for each test, a loop, and an end to both.

Owns the making, the time limit and the closing. Knows no rule that a layer has to keep; those
are in the modules beside this one. Imports no test framework.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from runtime.taps import HOOKS, Cause, Observer, taps
from runtime.typing import Message

T = TypeVar("T", bound="LayerContract")


class LayerContract:
    """The base of contracts: derive from those that a layer keeps, and override `make_layer()`.

    Attributes:
        patience_s: how long a test waits for what has to happen.
    """

    patience_s = 10.0

    def make_layer(self, **options: Any) -> Any:
        """Return a new layer that shares nothing with those of other tests.

        Args:
            options: `expiry`, `capacity` or `channel_capacity`, as the constructor of
                `BaseChannelLayer` takes them.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement make_layer()")

    async def close_layer(self, layer: Any) -> None:
        """Let go of what `layer` holds, on the loop that used it."""
        if hasattr(layer, "close"):
            await layer.close()

    def run(self, test: Awaitable[None]) -> None:
        """Run `test` on a loop of its own; raises TimeoutError when it hangs."""
        asyncio.run(self._in_time(test))

    async def take(self, layer: Any, channel: str) -> Message:
        """Return the next message of `channel`, which has to come."""
        async with asyncio.timeout(self.patience_s):
            message: Message = await layer.receive(channel)
            return message

    async def take_numbers(self, layer: Any, channel: str, count: int) -> list[int]:
        """Return the "n" of the next `count` messages."""
        return [(await self.take(layer, channel))["n"] for _ in range(count)]

    async def require_empty(self, layer: Any, *channels: str) -> None:
        """Fail if something waits on one of `channels`: what is sent now must come first."""
        for channel in channels:
            first = await self._first_after_a_probe(layer, channel)
            assert first == {"type": "contract.probe"}, f"{channel} was not empty: {first!r}"

    async def _first_after_a_probe(self, layer: Any, channel: str) -> Message:
        async with asyncio.timeout(self.patience_s):
            while True:
                await layer.send(channel, {"type": "contract.probe"})
                try:
                    async with asyncio.timeout(self.patience_s / 5):
                        first: Message = await layer.receive(channel)
                        return first
                except TimeoutError:
                    continue  # a probe may expire while a connection is opened

    async def _in_time(self, test: Awaitable[None]) -> None:
        async with asyncio.timeout(6 * self.patience_s):
            await test


def with_layer(
    **options: Any,
) -> Callable[[Callable[[T, Any], Awaitable[None]]], Callable[[T], None]]:
    """Make of an asynchronous test that takes a layer one that a runner can call.

    Args:
        options: what the layer is made with.
    """

    def decorate(test: Callable[[T, Any], Awaitable[None]]) -> Callable[[T], None]:
        async def on_a_layer(self: T) -> None:
            layer = self.make_layer(**options)
            try:
                await test(self, layer)
            finally:
                await self.close_layer(layer)

        def run(self: T) -> None:
            self.run(on_a_layer(self))

        # Not functools.wraps(): pytest would look through it, and ask for a fixture "layer".
        run.__name__, run.__doc__ = test.__name__, test.__doc__
        run.__qualname__, run.__module__ = test.__qualname__, test.__module__
        return run

    return decorate


@contextmanager
def refused(*kinds: type[BaseException]) -> Iterator[None]:
    """Require that the body of the `with` fails with one of `kinds`."""
    try:
        yield
    except kinds:
        return
    raise AssertionError(f"nothing was raised; expected {' or '.join(k.__name__ for k in kinds)}")


async def until(is_true: Callable[[], bool], timeout_s: float) -> None:
    """Let the loop run until `is_true()`; raises TimeoutError if that takes too long."""
    async with asyncio.timeout(timeout_s):
        while not is_true():  # noqa: ASYNC110 (a layer of whatever kind has no event to wait for)
            await asyncio.sleep(0.001)


class Heard(Observer):
    """Writes down what a layer tells its observers: (hook, arguments)."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, tuple[Any, ...]]] = []

    def of(self, hook: str) -> list[tuple[Any, ...]]:
        """Return the arguments of each call of `hook`."""
        return [arguments for name, arguments in self.notes if name == hook]

    def hooks(self, *hooks: str) -> list[str]:
        """Return the names of those of `hooks` that were called, in the order of the calls."""
        return [name for name, _ in self.notes if name in hooks]


def _noting(hook: str) -> Callable[..., Cause | None]:
    def note(self: Heard, *arguments: Any) -> Cause | None:
        self.notes.append((hook, arguments))
        return CAUSES.get(hook)

    return note


CAUSES: dict[str, Cause] = {
    "message_sent": ("trace", "entry:1"),
    "group_sent": ("trace", "entry:2"),
}
"""What `Heard` says of the origin of a message that it hears of."""

for _hook in HOOKS:
    setattr(Heard, _hook, _noting(_hook))


@contextmanager
def heard() -> Iterator[Heard]:
    """Listen to the taps for the body of the `with`."""
    observer = Heard()
    taps.attach(observer)
    try:
        yield observer
    finally:
        taps.detach(observer)
