"""What a node listens to on its servers, by pub/sub.

Owns one connection to each server for listening, what is subscribed there, and the return of
all of it after an outage. What comes in is the node's business. Used by the pub/sub node.

A Cluster has sharded pub/sub: a message stays on the server that has its channel's slot. When a
slot moves, the server says so once and sends no more: the channel is looked for where it is now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.connection import Answer, Link, answer_to
from runtime.layers.dialing import Place
from runtime.layers.entries import Seen
from runtime.layers.shards import Shards
from runtime.tasks import cancel_and_wait, spawn

MESSAGES: Final = frozenset({b"message", b"smessage"})

AGAIN_S: Final = 0.2
"""After which a server is asked again that has refused a channel which it has by the map."""


class Stray(NamedTuple):
    """A channel that is not where it was listened to, and who waits for it to be subscribed."""

    ear: Ear
    channel: str
    answer: Answer


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
        on_stray: Callable[[Stray, bool], None],
        *,
        is_sharded: bool,
    ) -> None:
        self.wanted: set[str] = set()
        self.seen = Seen()
        self.has_listened = False
        self._take = take
        self._on_stray = on_stray
        self._leaving: set[bytes] = set()
        self._verbs = ("SSUBSCRIBE", "SUNSUBSCRIBE") if is_sharded else ("SUBSCRIBE", "UNSUBSCRIBE")
        self.link = make_link(place, greet=self._greet, on_push=self._pushed)

    def __repr__(self) -> str:
        return f"<Ear {self.link.place} wanted={len(self.wanted)}>"

    def subscribe(self, channel: str) -> asyncio.Future[Any]:
        """Listen to `channel`; the future is done when the server knows."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.ask(channel, answer_to(future))
        return future

    def ask(self, channel: str, answer: Answer) -> None:
        """Listen to `channel`, and call `answer` when the server knows."""
        self.wanted.add(channel)
        self.link.tell(self._asked(channel, answer), self._verbs[0], channel)

    def unsubscribe(self, channel: str) -> None:
        """Do not listen to `channel` any more."""
        if channel in self.wanted:
            self.wanted.remove(channel)
            self._leaving.add(channel.encode())
            self.link.tell(lambda answer: self._left(channel), self._verbs[1], channel)

    def _asked(self, channel: str, answer: Answer) -> Answer:
        def answered(reply: Any) -> None:
            if isinstance(reply, ServerRefusal) and reply.code == "MOVED":
                self._on_stray(Stray(self, channel, answer), False)
            else:
                answer(reply)

        return answered

    async def _greet(self, link: Link) -> None:
        for channel in self.wanted:
            link.tell_first(self._asked(channel, _nothing), self._verbs[0], channel)

    def _pushed(self, reply: Any) -> bool:
        if type(reply) is not list or len(reply) != 3:
            return False
        if reply[0] in MESSAGES:
            self._take(self, reply[2])
            return True
        if reply[0] == b"sunsubscribe" and reply[1] not in self._leaving:
            # The slot has gone to another server.
            self._on_stray(Stray(self, reply[1].decode(), _nothing), True)
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
        on_move: told that channels have gone to another server, where they are not listened to
            (True), and that they are again (False).
        is_sharded: whether the servers are a Cluster.
    """

    def __init__(
        self,
        servers: Shards,
        make_link: Callable[..., Link],
        take: Callable[[Ear, bytes], None],
        on_move: Callable[[bool], None],
        *,
        is_sharded: bool,
    ) -> None:
        self._servers = servers
        self._make_link = make_link
        self._take = take
        self._on_move = on_move
        self._is_sharded = is_sharded
        self.ears: dict[Link, Ear] = {}
        self._strays: list[Stray] = []
        self._have_moved = False
        self._settling: asyncio.Task[None] | None = None

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
        if self._settling is not None:
            await cancel_and_wait(self._settling)
        strays, self._strays = self._strays, []
        for stray in strays:
            reason = "the connection was closed"
            stray.answer(LayerUnavailable(str(stray.ear.link.place), reason))
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
                link.place,
                self._make_link,
                self._take,
                self._strayed,
                is_sharded=self._is_sharded,
            )
        return ear

    # --- slots that move

    def _strayed(self, stray: Stray, was_heard: bool) -> None:
        """Look for a channel whose server says that it is elsewhere."""
        self._strays.append(stray)
        if was_heard and not self._have_moved:
            self._have_moved = True
            self._on_move(True)
        if self._settling is None or self._settling.done():
            self._settling = spawn(self._settle(), name="moved slots")

    async def _settle(self) -> None:
        while self._strays:
            await self._servers.find_anew()
            strays, self._strays = self._strays, []
            asked = [self._ask_at_home(stray) for stray in strays]
            # One that is refused again, because the servers do not agree yet, has no answer.
            await asyncio.wait(asked, timeout=AGAIN_S)
        if self._have_moved:
            self._have_moved = False
            self._on_move(False)

    def _ask_at_home(self, stray: Stray) -> asyncio.Future[None]:
        """Listen to a channel where it is by the map; the future is done when its server knows."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(reply: Any) -> None:
            if not done.done():
                done.set_result(None)
            stray.answer(reply)

        channel = stray.channel
        if not any(channel in ear.wanted for ear in self.ears.values()):
            answered(None)  # nobody listens to it any more
            return done
        ear = self._ear_for(channel)
        if ear is not stray.ear:
            stray.ear.wanted.discard(channel)
        elif ear.link.is_up and not self._servers.is_at_home(channel, ear.link):
            # All of its share has moved; the others come back with the greeting.
            ear.link.reopen(ConnectionError("its slots have moved"))
        ear.ask(channel, answered)
        return done


def _nothing(answer: Any) -> None:
    """Pass over an answer."""
