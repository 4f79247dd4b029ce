"""Whether the user of an open connection still is who it was, looked at now and then.

A request asks the database who its user is each time; a connection asked once, when it was
opened, and may outlive a logout, a new password or the account. Owns when it is
asked again: before a message, if the last time is long enough ago, and for silent
connections by one timer for the event loop. What is asked is in `runtime.auth`.

Made for consumers with `revalidate_user_every`; all others do without it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from runtime.auth import refresh_user
from runtime.exceptions import ConnectionEnding
from runtime.mailbox import Item, Mailbox
from runtime.taps import Connection
from runtime.tasks import spawn
from runtime.typing import Scope

logger = logging.getLogger("runtime.revalidation")

SIGNED_OUT: Final = 4401
"""The close code for a user who has lost the right to be there: 4000 and the status of HTTP."""

TICK_S: Final = 1.0
"""How often the timer looks which connections are due."""


class Watch:
    """The connections of one event loop whose users are looked at again.

    Args:
        clock: seconds of a clock that is not set back.
        tick_s: how often it looks which are due.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, tick_s: float = TICK_S) -> None:
        self.clock = clock
        self._tick_s = tick_s
        self._mailboxes: set[GuardedMailbox] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._checking: asyncio.Task[None] | None = None

    def enter(self, mailbox: GuardedMailbox) -> None:
        """Look after a connection from now on."""
        self._mailboxes.add(mailbox)
        if self._timer is None:
            self._wait()

    def leave(self, mailbox: GuardedMailbox) -> None:
        """Forget it."""
        self._mailboxes.discard(mailbox)
        if not self._mailboxes and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def check_due(self) -> None:
        """Look at the users of all connections that are due, one after the other."""
        for mailbox in [one for one in self._mailboxes if one.is_due]:
            await mailbox.check()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick_s, self._tick)

    def _tick(self) -> None:
        self._wait()
        is_idle = self._checking is None or self._checking.done()
        if is_idle and any(mailbox.is_due for mailbox in self._mailboxes):
            self._checking = spawn(self.check_due(), name="revalidation")


class GuardedMailbox(Mailbox):
    """A mailbox that gives out nothing for a user who has lost the right to be there.

    Args:
        connection: the observed connection it belongs to, for the taps.
        scope: with the session and the user.
        every_s: seconds between two looks at the user.
        watch: which timer looks after it while nothing comes.
    """

    __slots__ = ("_checked_at", "_every_s", "_scope", "_watch")

    def __init__(
        self, connection: Connection | None, scope: Scope, every_s: float, watch: Watch
    ) -> None:
        super().__init__(connection)
        self._scope = scope
        self._every_s = every_s
        self._watch = watch
        self._checked_at = watch.clock()
        watch.enter(self)

    @property
    def is_due(self) -> bool:
        """Whether the last look is long enough ago."""
        return self.ending is None and self._watch.clock() - self._checked_at >= self._every_s

    async def check(self) -> None:
        """Look at the user, and end the connection if it is not the same any more."""
        self._checked_at = self._watch.clock()
        try:
            is_valid = await refresh_user(self._scope)
        except Exception:
            # A database that is away for a moment must not disconnect everybody.
            logger.exception("The user of a connection could not be looked at; it stays for now.")
            return
        if not is_valid:
            self.end(ConnectionEnding(SIGNED_OUT, "signed out"), at_once=True)

    def take_now(self) -> Item | None:
        """Remove and return the next item if one waits and the user need not be looked at."""
        return None if self.is_due else super().take_now()

    async def get(self) -> Item:
        """Remove and return the next item, waiting for it; see `Mailbox.get`.

        Raises:
            ConnectionEnding: the user has lost the right to be there.
        """
        item = await super().get()
        if self.is_due and not self.is_disconnected:
            await self.check()
            if self.ending is not None and self.ending.code == SIGNED_OUT:
                raise self.ending
        return item

    async def close(self) -> None:
        """End the readers, and be looked after no longer."""
        self._watch.leave(self)
        await super().close()


def current_watch() -> Watch:
    """Return the watch of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _watches.get(loop)
    if found is None:
        found = _watches[loop] = Watch()
    return found


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()
