"""Steering: who asks is held against the policy, it is written down, and then it is done.

Owns that order, which no caller can leave out, and the spreading of an action over the
processes whose connections it is for. What an action is, is in `action`; how a process
carries it out, in `acting`. Called by the views.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from console import audit
from console.action import MOST_CONNECTIONS, Action, Outcome, total
from console.policy import steering_obstacle
from console.relay import relay


class MayNotSteer(PermissionError):
    """Somebody asked for an action who may not.

    Attributes:
        reason: why not, as a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Targets:
    """Connections, by the epoch of the process that has them."""

    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, words: Iterable[str]) -> Targets:
        """Return those that words such as "epoch:id" name; other words name none."""
        found: dict[str, list[str]] = {}
        for word in words:
            epoch, _, one = word.partition(":")
            if epoch.isascii() and epoch.isalnum() and one.isascii() and one.isalnum():
                found.setdefault(epoch, []).append(one)
        return cls({epoch: list(dict.fromkeys(ids)) for epoch, ids in found.items()})

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.ids.values()))

    @property
    def words(self) -> list[str]:
        """Each as "epoch:id"."""
        return [f"{epoch}:{one}" for epoch, ids in self.ids.items() for one in ids]

    def portions(self, action: Action) -> Iterator[tuple[str, list[Action]]]:
        """Yield each process, and `action` for as many of its connections as a message takes."""
        for epoch, ids in self.ids.items():
            slices = (
                ids[at : at + MOST_CONNECTIONS] for at in range(0, len(ids), MOST_CONNECTIONS)
            )
            yield epoch, [replace(action, connections=tuple(some)) for some in slices]


async def steer(
    user: Any, action: Action, targets: Targets | None = None, *, what: str, on: str
) -> Outcome:
    """Carry out `action` for `user`, and return what became of it.

    Args:
        targets: connections, for an action on those; None for one on a group or a channel.
        what: a sentence for the audit line, such as "Closed with code 4001."
        on: on what, such as "connection 5f00c2a1b7e4".

    Raises:
        MayNotSteer: the user may not.
        RefusedAction: it cannot be carried out as it is asked for.
    """
    if obstacle := await steering_obstacle(user):
        raise MayNotSteer(obstacle)
    action = replace(action, by=user.get_username())
    action.require_valid()
    line = await audit.record(user, what, on, action.payload)
    portions = [("", [action])] if targets is None else targets.portions(action)
    outcome = total(await asyncio.gather(*(_in_turn(*portion) for portion in portions)))
    await line.add(str(outcome))
    return outcome


async def _in_turn(epoch: str, actions: Iterable[Action]) -> Outcome:
    """Let one process carry out one after the other: it takes a few at once, and no more."""
    return total([await relay.act(action, epoch) for action in actions])
