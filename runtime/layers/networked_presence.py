"""The presence of the layers on Redis.

Owns when the dead are looked for, when this process puts back what it had, and under which name
it tells of others. The rules are in `runtime.layers.presence`, the rosters in
`runtime.layers.rosters`.
"""

from __future__ import annotations

import itertools
import logging
import os
from typing import Any

from runtime.layers.entries import Author
from runtime.layers.keys import new_node_id
from runtime.layers.linked import BEATS_AFTER_LOSS
from runtime.layers.pool import NodePool
from runtime.layers.presence import PresenceLayer
from runtime.layers.rosters import LayerRoster
from runtime.tasks import spawn

logger = logging.getLogger("runtime.layers.networked_presence")


class PresenceOnServers(PresenceLayer):
    """The extension `presence` between processes."""

    _restores_left: int

    def _init_presence_on(self, nodes: NodePool[Any]) -> None:
        self._init_presence(LayerRoster(nodes))
        self._restores_left = 0
        self._teller, self._tellings = new_node_id(), itertools.count(1)

    def _new_author(self) -> Author:
        # The child of a fork tells under a name of its own.
        return Author(f"{self._teller}.{os.getpid()}", next(self._tellings))

    def _beat(self) -> None:
        """Look for processes that have died, if this one takes part in presence."""
        if not self._tracked:
            return
        spawn(self.tell_of_dead(), name="tell of dead", on_error=_warn)
        if self._restores_left:
            self._restores_left -= 1
            self._put_back()

    def _forget(self) -> None:
        """Forget who was tracked here: somebody has flushed the layer."""
        self._tracked.clear()

    def _restore(self) -> None:
        """Put back who is tracked here, on a server that may have lost them."""
        self._restores_left = BEATS_AFTER_LOSS
        if self._tracked:
            self._put_back()

    def _put_back(self) -> None:
        spawn(self.restore_presence(), name="restore presence", on_error=_warn)


def _warn(error: BaseException) -> None:
    logger.warning("Presence is late: %s", error)
