"""What a node listens to on its servers, by pub/sub.

Owns one connection to each server for listening, what is subscribed there, and the return of
all of it after an outage. What comes in is the node's business. Used by the pub/sub node.

A Cluster has sharded pub/sub: a message stays on the server that has its channel's slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from runtime.exceptions import ServerRefusal
from runtime.layers.connection import Link, answer_to
from runtime.layers.dialing import Place
from runtime.layers.entries import Seen
from runtime.layers.shards import Shards

MESSAGES: Final = frozenset({b"message", b"smessage"})


class Ear:
    """The connection to one server for listening.

    Attributes:
        wanted: the channels that are subscribed, now or when the server is back.
        seen: the numbers of what came in here.
    """

    def __init__(
        self,
        place: Place,
        make_link: Callable[..., Link],
        take: Callable[[Ear, bytes], None],
        *,
        is_sharded: bool,
    ) -> None:
        self.wanted: set[str] = set()
        self.seen = Seen()
        self.has_listened = False
        self._take = take
        self._leaving: set[bytes] = set()
        self._verbs = ("SSUBSCRIBE", "SUNSUBSCRIBE") if is_sharded else ("SUBSCRIBE", "UNSUBSCRIBE")
        self.link = make_link(place, greet=self._greet, on_push=self._pushed)

    def __repr__(self) -> str:
        return f"<Ear {self.link.place} wanted={len(self.wanted)}>"

    def subscribe(self, channel: str) -> asyncio.Future[Any]:
        """Listen to `channel`; the future is done when the server knows."""
        self.wanted.add(channel)
        return self._ask(channel)

    def unsubscribe(self, channel: str) -> None:
        """Do not listen to `channel` any more."""
        if channel in self.wanted:
            self.wanted.remove(channel)
            self._leaving.add(channel.encode())
            self.link.tell(lambda answer: self._left(channel), self._verbs[1], channel)

    def _ask(self, channel: str) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer = answer_to(future)

        def answered(reply: Any) -> None:
            if isinstance(reply, ServerRefusal) and reply.code == "MOVED":
                # With the new server comes the greeting, which subscribes to all.
                self.link.reopen(reply)
                self.link.tell(answer, self._verbs[0], channel)
            else:
                answer(reply)

        self.link.tell(answered, self._verbs[0], channel)
        return future

    async def _greet(self, link: Link) -> None:
        for channel in self.wanted:
            link.tell_first(_nothing, self._verbs[0], channel)

    def _pushed(self, reply: Any) -> bool:
        if type(reply) is not list or len(reply) != 3:
            return False
        if reply[0] in MESSAGES:
            self._take(self, reply[2])
            return True
        if reply[0] == b"sunsubscribe" and reply[1] not in self._leaving:
            # The slot has gone to another server: open anew, there.
            self.link.reopen(ConnectionError("a slot has moved"))
            return True
        return False

    def _left(self, channel: str) -> None:
        self._leaving.discard(channel.encode())


class Subscriptions:
    """All that a node listens to.

    Args:
        servers: who has which channel.
        make_link: makes a connection for listening.
        take: given each message that comes in.
        is_sharded: whether the servers are a Cluster.
    """

    def __init__(
        self,
        servers: Shards,
        make_link: Callable[..., Link],
        take: Callable[[Ear, bytes], None],
        *,
        is_sharded: bool,
    ) -> None:
        self._servers = servers
        self._make_link = make_link
        self._take = take
        self._is_sharded = is_sharded
        self.ears: dict[Link, Ear] = {}

    def __repr__(self) -> str:
        return f"<Subscriptions {list(self.ears.values())}>"

    @property
    def publish(self) -> str:
        """The command that sends."""
        return "SPUBLISH" if self._is_sharded else "PUBLISH"

    def subscribe(self, channel: str) -> asyncio.Future[Any]:
        """Listen to `channel`; the future is done when its server knows."""
        return self._ear_for(channel).subscribe(channel)

    def unsubscribe(self, channel: str) -> None:
        """Do not listen to `channel` any more."""
        for ear in self.ears.values():
            ear.unsubscribe(channel)

    def check(self) -> None:
        """Let each server say that it is there: silence is noticed by the connection."""
        for ear in self.ears.values():
            ear.link.tell(_nothing, "PING")

    async def close(self) -> None:
        """Stop listening."""
        for ear in self.ears.values():
            await ear.link.close()

    def drop_sockets(self) -> None:
        """Forget the sockets, after a fork."""
        for ear in self.ears.values():
            ear.link.drop_socket()

    def _ear_for(self, channel: str) -> Ear:
        link = self._servers.link_for(channel)
        ear = self.ears.get(link)
        if ear is None:
            ear = self.ears[link] = Ear(
                link.place, self._make_link, self._take, is_sharded=self._is_sharded
            )
        return ear


def _nothing(answer: Any) -> None:
    """Pass over an answer."""
