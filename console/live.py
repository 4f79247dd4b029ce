"""The console's own WebSocket: keeps a page that somebody looks at up to date.

A page says what it shows::

    {"page": "connections", "subject": "", "query": "?q=user:ada", "position": "5f00c2:17"}

and gets, at most each `BATCH_MS` and only if something changed, the same partials
that the GET view renders, as htmx swaps them, and what the page's script takes::

    {"content": "<hx-partial ...>", "position": "5f00c2:31", "fresh": 2, "entries": [...]}

It answers `{"seen": ...}` once that is on the screen, and gets nothing before it
has: a slow viewer sees fewer, later states, and nothing queues for it here.

Staff only, refused before the handshake is accepted; the right is asked for again
every 30 seconds, and with it ends the socket. One task a viewer, which ends with it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import QueryDict
from django.template.loader import render_to_string
from django.urls import set_script_prefix
from django.utils.safestring import SafeString

from console import mount, zones
from console.own_time import Timed
from console.pages.client import ClientPage
from console.pages.connection import ConnectionPage
from console.pages.connections import ConnectionsPage
from console.pages.groups import GroupsPage
from console.pages.overview import OverviewPage
from console.pages.page import Page, Partial, Update
from console.pages.recordings import RecordingsPage
from console.pages.routing import RoutingPage
from console.pages.settings import SettingsPage
from console.pages.trace import TracePage
from console.pages.traces import TracesPage
from console.pages.traffic import TrafficPage
from console.pages.workers import WorkersPage
from console.policy import may_watch, steering_obstacle
from console.relay import Watch, relay
from console.viewer import user_now
from console.virtual_live import VirtualConsumer
from runtime.auth import AuthMiddlewareStack
from runtime.generic.websocket import AsyncJsonWebsocketConsumer
from runtime.security.websocket import AllowedHostsOriginValidator
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import Receive, Scope, Send

PAGES: Final[dict[str, type[Page]]] = {
    page.name: page
    for page in (
        OverviewPage,
        ConnectionsPage,
        ConnectionPage,
        TrafficPage,
        TracesPage,
        TracePage,
        GroupsPage,
        RoutingPage,
        WorkersPage,
        SettingsPage,
        ClientPage,
        RecordingsPage,
    )
}
FORBIDDEN: Final = 4403
NOT_UNDERSTOOD: Final = 4400


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One viewer.

    Args:
        recheck_s: seconds between two looks at whether the viewer may still watch.
    """

    def __init__(self, *args: Any, recheck_s: float = 30.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.recheck_s = recheck_s
        self._feed: asyncio.Task[None] | None = None
        self._seen = asyncio.Event()

    async def connect(self) -> None:
        """Accept staff; refuse everybody else with HTTP 403."""
        if not may_watch(self.scope["user"]):
            await self.close()
            return
        set_script_prefix(f"{self.scope.get('root_path', '')}/")
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Take what the page says: which page it is, or that it has shown a batch."""
        if not isinstance(content, dict):
            await self.close(NOT_UNDERSTOOD, "expected an object")
        elif "seen" in content:
            self._seen.set()
        elif (page_class := PAGES.get(content.get("page", ""))) is None:
            await self.close(NOT_UNDERSTOOD, "unknown page")
        else:
            params = QueryDict(str(content.get("query", "")).lstrip("?"))
            page = page_class(params, str(content.get("subject", "")))
            await self._stop()
            position = str(content.get("position", ""))
            self._feed = spawn(self._show(page, position), name="console viewer")

    async def disconnect(self, code: int | None) -> None:
        """Stop feeding a viewer that is gone."""
        await self._stop()

    async def _stop(self) -> None:
        feed, self._feed = self._feed, None
        if feed is not None:
            await cancel_and_wait(feed)

    async def _show(self, page: Page, position: str) -> None:
        zones.choose(self.scope.get("cookies", {}))
        async with relay.watch() as watch:
            try:
                await page.load()
            except LookupError:
                await self.send_json({"reload": True})
                return
            page.obstacle = await steering_obstacle(self.scope["user"])
            page.resume(position)
            with page.following(watch.wake):
                await self._keep_current(page, watch)

    async def _keep_current(self, page: Page, watch: Watch) -> None:
        checked_at = time.monotonic()
        while True:
            if time.monotonic() - checked_at >= self.recheck_s:
                checked_at = time.monotonic()
                if not may_watch(await user_now(self.scope)):
                    await self.close(FORBIDDEN, "not staff any more")
                    return
            timed = Timed(page.update())
            update = await timed
            update.must_reload |= page.is_outdated()
            if update:
                watch.rest(timed.seconds + await self._deliver(update, page.position))
            await watch.changed_within(page.tick_s)

    async def _deliver(self, update: Update, position: str) -> float:
        """Send a batch, and wait until it is shown. Returns the seconds that rendering took."""
        cost_s = 0.0
        batch: dict[str, Any] = {"position": position, **update.data}
        if update.must_reload:
            batch["reload"] = True
        if update.fresh:
            batch["fresh"] = update.fresh
        if update.partials:
            batch["content"], cost_s = await _rendered(update.partials)
        self._seen.clear()
        await self.send_json(batch)
        await self._seen.wait()
        return cost_s


async def _rendered(partials: list[Partial]) -> tuple[str, float]:
    if all(partial.is_light for partial in partials):
        return _render_timed(partials)
    # In a thread: the application's events must not wait for the console's templates.
    in_thread = sync_to_async(_render_timed, thread_sensitive=False)
    return await in_thread(partials)


def _render_timed(partials: list[Partial]) -> tuple[str, float]:
    """Return partials as HTML, and the seconds of this thread that it took."""
    began_s = time.thread_time()
    return render(partials), time.thread_time() - began_s


def render(partials: list[Partial]) -> str:
    """Return partials as the HTML that htmx swaps, each into its target."""
    regions = [
        {
            "target": partial.target,
            "swap": partial.swap,
            # Each space around it would be a node that stays beside the region, swap after swap.
            "html": SafeString(render_to_string(partial.template, partial.context).strip()),
        }
        for partial in partials
    ]
    return render_to_string("console/live.html", {"regions": regions})


async def _by_socket(scope: Scope, receive: Receive, send: Send) -> None:
    serve = VirtualConsumer.as_asgi() if mount.is_virtual(scope) else LiveConsumer.as_asgi()
    await serve(scope, receive, send)


application = AllowedHostsOriginValidator(AuthMiddlewareStack(_by_socket))
"""The ASGI application that the recorder puts at the console's `live/` and below it."""
