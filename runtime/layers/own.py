"""What a node sends to its own channels, while it is on its way through the server.

Owns the knowledge that the server does not have: how full an own channel is, with what is
under way to it, and whether its consumer had room. So a sender in the same loop is told of
a full channel. Pure bookkeeping, on the node's loop. Used by the nodes of the Redis layers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable


class OwnTraffic:
    """The numbers of the messages that are under way to own channels.

    Attributes:
        is_unsure: whether something was let go of that may come yet. Set back by who knows that
            nothing of it can.
    """

    __slots__ = ("_arrivals", "_groups", "_outcomes", "_under_way", "is_unsure")

    def __init__(self) -> None:
        self.is_unsure = False
        self._under_way: dict[str, deque[int]] = {}
        self._outcomes: dict[int, asyncio.Future[bool]] = {}
        self._groups: dict[str, deque[int]] = {}
        self._arrivals: dict[str, list[tuple[int, asyncio.Future[None]]]] = {}

    def __repr__(self) -> str:
        return f"<OwnTraffic channels={len(self._under_way)} outcomes={len(self._outcomes)}>"

    def count(self, channel: str) -> int:
        """Return how many messages are under way to `channel`."""
        numbers = self._under_way.get(channel)
        return len(numbers) if numbers is not None else 0

    @property
    def is_to_groups(self) -> bool:
        """Whether anything is under way to a group with own members."""
        return bool(self._groups)

    def is_quiet(self, channel: str, groups: Iterable[str]) -> bool:
        """Return whether nothing is under way to `channel`, which is in `groups`."""
        if channel in self._under_way:
            return False
        return not self._groups or not any(group in self._groups for group in groups)

    def sent(self, channel: str, number: int) -> None:
        """Take note of a message to a channel."""
        self._under_way.setdefault(channel, deque()).append(number)

    def not_sent(self, channel: str, number: int) -> None:
        """Take it back: the server has not taken the message."""
        numbers = self._under_way.get(channel)
        if numbers is not None and number in numbers:
            numbers.remove(number)
            if not numbers:
                del self._under_way[channel]

    def outcome(self, number: int) -> asyncio.Future[bool]:
        """Return what will say whether the consumer had room for a message."""
        future = self._outcomes[number] = asyncio.get_running_loop().create_future()
        return future

    def arrived(self, channel: str, number: int) -> None:
        """Take note that a message is here; what was sent before it and is not, is lost."""
        numbers = self._under_way.get(channel)
        if numbers is not None:
            while numbers and numbers[0] <= number:
                numbers.popleft()
            if not numbers:
                del self._under_way[channel]

    def delivered(self, number: int, had_room: bool) -> None:
        """Say what became of a message to a consumer, and let go of those lost before it."""
        while self._outcomes:
            first = next(iter(self._outcomes))
            if first > number:
                return
            outcome = self._outcomes.pop(first)
            if not outcome.done():
                outcome.set_result(had_room if first == number else True)

    def count_to_groups(self, groups: Iterable[str]) -> int:
        """Return how many messages are under way to any of `groups`."""
        return sum(len(self._groups.get(group, ())) for group in groups)

    def group_sent(self, group: str, number: int) -> None:
        """Take note of a message to a group with own members."""
        self._groups.setdefault(group, deque()).append(number)

    def group_arrived(self, group: str, number: int) -> None:
        """Take note that a message is here; what was sent before it and is not, is lost."""
        numbers = self._groups.get(group)
        if numbers is None:
            return
        while numbers and numbers[0] <= number:
            numbers.popleft()
        if not numbers:
            del self._groups[group]
        waiting = self._arrivals.pop(group, [])
        later = [one for one in waiting if one[0] > number]
        if later:
            self._arrivals[group] = later
        _release(arrival for awaited, arrival in waiting if awaited <= number)

    async def wait_for_group(self, group: str, timeout_s: float) -> None:
        """Return when what was sent to `group` until now is here."""
        numbers = self._groups.get(group)
        if numbers is None:
            return
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals.setdefault(group, []).append((numbers[-1], arrival))
        await asyncio.wait([arrival], timeout=timeout_s)

    def lose_all(self) -> None:
        """Let go of all: what is under way may not come, or not soon."""
        self.is_unsure = True
        self._under_way.clear()
        outcomes, self._outcomes = self._outcomes, {}
        for outcome in outcomes.values():
            if not outcome.done():
                outcome.set_result(True)
        self._groups.clear()
        arrivals, self._arrivals = self._arrivals, {}
        for waiting in arrivals.values():
            _release(arrival for _, arrival in waiting)


def _release(waiting: Iterable[asyncio.Future[None]]) -> None:
    for arrival in waiting:
        if not arrival.done():
            arrival.set_result(None)
