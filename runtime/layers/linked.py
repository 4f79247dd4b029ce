"""A node's connections to its servers, and the beat in which it says that it is there.

Owns how they are made and what each is greeted with. What goes over them is the business of the
subclasses, see `runtime.layers.served`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Final

from runtime.layers.addresses import Cluster
from runtime.layers.cluster import ClusterShards
from runtime.layers.connection import Link
from runtime.layers.dialing import Place
from runtime.layers.history_scripts import HISTORY_SCRIPTS
from runtime.layers.job_scripts import JOB_SCRIPTS
from runtime.layers.node import Node, NodeOptions
from runtime.layers.scripts import SCRIPTS, TAKEN, loading
from runtime.layers.sentinel import place_of
from runtime.layers.shards import Shards

BEATS: Final = 3
"""How often a lease is renewed before it would end."""

BEATS_AFTER_LOSS: Final = 2
"""With how many beats after a loss this node says again what the others have to know of it: one
that found it gone just before may still be at forgetting it."""

LOADING: Final = loading((*SCRIPTS, *JOB_SCRIPTS, *HISTORY_SCRIPTS))
"""Sent on each connection for commands."""


class LinkedNode(Node):
    """A node with connections.

    Attributes:
        servers: the connections for commands.
    """

    def __init__(self, options: NodeOptions, heir_of: LinkedNode | None = None) -> None:
        super().__init__(options, heir_of)
        self._beat: asyncio.TimerHandle | None = None
        self.servers = self._connect()

    @abstractmethod
    async def _greet(self, link: Link) -> None:
        """Say anew what a server may have lost, before anything else is sent."""

    @abstractmethod
    def _beat_once(self) -> None:
        """Renew the lease."""

    def _connect(self) -> Shards:
        hosts = self.options.hosts
        if isinstance(hosts, Cluster):
            return ClusterShards(hosts, self._make_link, self.options.timeout_s)
        return Shards([place_of(host) for host in hosts], self._make_link)

    def _make_link(self, place: Place) -> Link:
        return Link(
            place,
            timeout_s=self.options.timeout_s,
            setup=[*LOADING, ("CLIENT", "SETNAME", self.options.keys.connection(self.id))],
            greet=self._greet,
            on_change=self._changed,
        )

    def _make_reader(self, place: Place) -> Link:
        name = self.options.keys.connection(self.id, "reader")
        return Link(
            place,
            timeout_s=self.options.timeout_s,
            silence_s=self.options.lease_s / BEATS + self.options.timeout_s,
            setup=[*loading([TAKEN]), ("CLIENT", "SETNAME", name)],
        )

    def _changed(self, link: Link, error: Exception | None) -> None:
        if self.options.on_change is not None:
            self.options.on_change(self, error)

    def _beat_later(self) -> None:
        self._beat = self.loop.call_later(self.options.lease_s / BEATS, self._beat_once)

    def _stop_beating(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
