"""A worker of the fixed channels within a server, on the same event loop.

Owns its start and its restart; the work is that of `runtime.worker`. For a layer that lives in
the memory of one process: with one that joins processes, `manage.py runworker` is a process of
its own. Called by the server, as the outermost layer around the WebSockets.
"""

from __future__ import annotations

import asyncio
from contextvars import Context

from runtime.layers import get_channel_layer
from runtime.routing import ChannelNameRouter
from runtime.tasks import spawn
from runtime.typing import ASGIApplication, Receive, Scope, Send
from runtime.worker import Worker


class WithWorker:
    """An ASGI application that is `application`, and sees to it that a worker runs beside it.

    The first scope starts the worker, because not every server tells an application that
    it begins (Daphne has no lifespan). One that failed has been reported by its spawner,
    and the next scope starts another; what was sent meanwhile waits in the layer.

    Args:
        application: served as it is.
        router: the applications of the fixed channels, all of which are served.
    """

    def __init__(self, application: ASGIApplication, router: ChannelNameRouter) -> None:
        self.application = application
        self.router = router
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope, with the worker running."""
        if not self._is_running():
            # In a context of its own: the worker is no part of the connection that comes first.
            self._work = Context().run(self._start)
        return await self.application(scope, receive, send)

    def _is_running(self) -> bool:
        if self._work is None or self._work.done():
            return False
        return self._work.get_loop() is asyncio.get_running_loop()

    def _start(self) -> asyncio.Task[None]:
        channels = list(self.router.application_mapping)
        worker = Worker(self.router, channels, get_channel_layer())
        return spawn(worker.handle(), name=f"worker of {', '.join(channels)}")
