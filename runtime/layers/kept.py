"""The histories of groups on servers, as one node keeps and reads them.

Owns the commands, and what a log is when it has been read. How a message reaches the members is
the business of the nodes. Used by the nodes of the Redis layers.

Source: docs/decisions/0019-history-on-a-server.md
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from runtime.exceptions import UndecodableMessage
from runtime.layers.codec import Codec
from runtime.layers.connection import Argument
from runtime.layers.entries import Head, read_head
from runtime.layers.history import POSITION_KEY, Position, Replay, Retention, no_history
from runtime.layers.history_scripts import REPLAY
from runtime.layers.keys import Keys
from runtime.layers.scripts import Script
from runtime.layers.shards import Shards
from runtime.typing import Message

NOWHERE = Position("", 0)
"""A position that no history has."""


class KeptEntry(NamedTuple):
    """One message of a log.

    Attributes:
        position: where it stands.
        head: of its entry.
        payload: the message in its envelope.
    """

    position: Position
    head: Head
    payload: bytes


class KeptLog(NamedTuple):
    """What a group has kept.

    Attributes:
        position: of its last message.
        length: how many are kept.
        entries: those that were asked for, in order.
    """

    position: Position
    length: int
    entries: list[KeptEntry]


class KeptGroups:
    """The groups with history.

    Args:
        retention_of: how much a group keeps; None if it has no history.
        keep_ms: how long a server remembers what was sent to it.
    """

    def __init__(
        self,
        servers: Shards,
        keys: Keys,
        codec: Codec,
        retention_of: Callable[[str], Retention | None],
        keep_ms: int,
    ) -> None:
        self.retention_of = retention_of
        self._servers = servers
        self._keys = keys
        self._codec = codec
        self._keep_ms = keep_ms

    def keeping(
        self, script: Script, group: str, head: str, payload: bytes, *more: Argument
    ) -> tuple[Argument, ...]:
        """Return the command that runs one of the scripts that keep a message."""
        sender, number, _ = head.split(" ", 2)
        mark = self._keys.kept(group, sender, int(number))
        keys = (*self._keys.history(group), mark.key, self._keys.group(group))
        limits = (*self._bounds(group), mark.bit, self._keep_ms)
        return script.command(keys, _new_epoch(), *limits, head, payload, *more)

    async def read(self, group: str, since: Position | None) -> KeptLog:
        """Return what was kept after `since`, or all if that is none of this history.

        Raises:
            ValueError: the group has no history.
        """
        log, about = self._keys.history(group)
        wanted = since or NOWHERE
        limits = (self._bounds(group)[0], wanted.epoch, wanted.offset)
        command = REPLAY.command([log, about], _new_epoch(), *limits)
        epoch, offset, length, entries = await self._servers.call(self._keys.group(group), *command)
        name = epoch.decode()
        return KeptLog(
            Position(name, offset),
            length,
            [
                KeptEntry(Position(name, offset - back), read_head(head), payload)
                for back, (_, (head, payload)) in reversed([*enumerate(entries)])
            ],
        )

    def ask_position(self, group: str, answer: Callable[[Position], None]) -> None:
        """Ask for the position of the last message of `group`, before what is sent after this."""
        _, about = self._keys.history(group)

        def answered(reply: Any) -> None:
            if not isinstance(reply, Exception):  # else what follows fails too
                epoch, offset = reply
                answer(NOWHERE if offset is None else Position(epoch.decode(), int(offset)))

        self._servers.tell(self._keys.group(group), answered, "HMGET", about, "epoch", "offset")

    async def replay(self, group: str, since: Position | str | None) -> Replay:
        """Return what was sent to `group` after `since`; see `HistoryLayer`."""
        position = since if isinstance(since, Position) else Position.parse(since)
        log = await self.read(group, position)
        messages = self._decoded(log.entries)
        first = log.position.offset - log.length
        if since is None:
            is_known = first == 0
        else:
            known = position or NOWHERE
            is_same = known.epoch == log.position.epoch
            is_known = is_same and first <= known.offset <= log.position.offset
        is_complete = is_known and len(messages) == len(log.entries)
        return Replay(messages, log.position, is_complete)

    def with_position(self, payload: bytes, position: str) -> bytes:
        """Return a payload whose message says its position, for whom the head does not reach."""
        try:
            message, cause, _ = self._codec.decode(payload)
        except UndecodableMessage:
            return payload  # who receives it says so
        return self._codec.encode({**message, POSITION_KEY: position}, cause)

    def _bounds(self, group: str) -> tuple[int, int]:
        retention = self.retention_of(group)
        if retention is None:
            raise no_history(group)
        return max(1, int(retention.seconds * 1000)), retention.messages

    def _decoded(self, entries: Sequence[KeptEntry]) -> list[Message]:
        messages: list[Message] = []
        for entry in entries:
            try:
                message = self._codec.decode(entry.payload).message
            except UndecodableMessage:
                continue  # the replay is not complete then
            messages.append({**message, POSITION_KEY: str(entry.position)})
        return messages


def _new_epoch() -> str:
    return secrets.token_urlsafe(9)
