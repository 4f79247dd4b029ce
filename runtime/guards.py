"""What stands between a tap and an observer that knows nothing of faults: it may raise.

Owns that an observer's fault never reaches the application, and that observers hear of no event
without a type. Wrapped around each hook that its observer does not name in `never_raise`. Pure.

Source: docs/decisions/0002-taps.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.taps import Connection
    from runtime.typing import Event


def has_type(event: Event) -> bool:
    """Return whether `event` is one: observers hear of no other, so that none trips over it.

    What is none ends in an error of the consumer or the server, and that is heard of.
    """
    try:
        return isinstance(event["type"], str)
    except Exception:  # it may be anything
        return False


def guarded(
    method: Callable[..., Any], hook: str, count: int, fail: Callable[[], None]
) -> Callable[..., Any]:
    """Return an observer's method as a call that does not raise.

    Args:
        hook: its name.
        count: of its arguments.
        fail: called while the exception is handled.
    """
    guard = _BY_HOOK.get(hook) or _BY_COUNT.get(count, _guarded_any)
    return guard(method, fail)


# Whether an event is one is asked in line, of what nearly all are: a call costs as much as a hook.


def _guarded_received(method: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(connection: Connection, event: Event, at: float) -> Any:
        try:
            if (type(event) is dict and type(event.get("type")) is str) or has_type(event):
                return method(connection, event, at)
        except Exception:  # the one kind of place: an observer's fault is not the application's
            return fail()
        return None

    return call


def _guarded_sent(method: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(connection: Connection, event: Event) -> Any:
        try:
            if (type(event) is dict and type(event.get("type")) is str) or has_type(event):
                return method(connection, event)
        except Exception:  # as above
            return fail()
        return None

    return call


# The hooks of every message take two to four arguments. Named one by one these cost half of
# what `*args` does, which is packed and unpacked at each call.


def _guarded_2(method: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(first: Any, second: Any) -> Any:
        try:
            return method(first, second)
        except Exception:  # as above
            return fail()

    return call


def _guarded_3(method: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(first: Any, second: Any, third: Any) -> Any:
        try:
            return method(first, second, third)
        except Exception:  # as above
            return fail()

    return call


def _guarded_4(method: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(first: Any, second: Any, third: Any, fourth: Any) -> Any:
        try:
            return method(first, second, third, fourth)
        except Exception:  # as above
            return fail()

    return call


def _guarded_any(method: Callable[..., Any], fail: Callable[[], None]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        try:
            return method(*args)
        except Exception:  # as above
            return fail()

    return call


_BY_HOOK = {"event_received": _guarded_received, "event_sent": _guarded_sent}
"""What a client or an application says may be anything."""

_BY_COUNT = {2: _guarded_2, 3: _guarded_3, 4: _guarded_4}
