"""How this process comes to speak with the others of its project, or why it does not.

Owns the choice of the channel layer and the moment: nothing happens before an event loop
runs and serves, and what is served never waits. A layer that fails is tried again. Called
by the recorder when it hears of the loop; read by the relay.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from console.reader import Reader
from console.relay_node import RelayNode
from console.relay_protocol import Seal
from console.relay_tasks import spawn_unobserved
from runtime.layers import InMemoryChannelLayer, get_channel_layer
from runtime.taps import muted

logger = logging.getLogger("console.relay")

SALT = "channelscope.relay"
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0

ALONE = "so this console sees its own process only."
REMEDY = "Set CHANNEL_LAYERS to a Redis layer to see all of them."


class Joining:
    """Starts a `RelayNode` on the event loop of this process.

    Args:
        reader: of this process.
        get_layer: returns the project's channel layer, or None.
        find_obstacle: says why a layer does not lead to other processes, or "".

    Attributes:
        reader: the one that it was given.
        obstacle: why only this process is seen and what to do about it; "" if all are.
    """

    def __init__(
        self,
        reader: Reader,
        *,
        get_layer: Callable[[], Any] = get_channel_layer,
        find_obstacle: Callable[[Any], str] | None = None,
        batch_s: float = 0.25,
    ) -> None:
        self.obstacle = ""
        self.reader = reader
        self._get_layer = get_layer
        self._find_obstacle = find_obstacle or obstacle_of
        self._batch_s = batch_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._node: RelayNode | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried: asyncio.Event | None = None

    def __repr__(self) -> str:
        return f"<Joining node={self._node!r} obstacle={self.obstacle!r}>"

    @property
    def known(self) -> RelayNode | None:
        """The node, for who only looks at what it knows, on whichever thread."""
        return self._node

    @property
    def node(self) -> RelayNode | None:
        """The node, for who runs on its event loop; else None."""
        self.begin()
        return self._node if self._is_here() else None

    def begin(self) -> None:
        """Join on the event loop that runs, if no other does already; cheap when it is done."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._loop is loop or (self._loop is not None and self._loop.is_running()):
            return
        self._loop, self._node, self._tried = loop, None, asyncio.Event()
        self._task = spawn_unobserved(self._join(), "relay.join")

    async def wait(self) -> None:
        """Begin, and return when the first try has succeeded or met an obstacle."""
        self.begin()
        if self._tried is not None:
            await self._tried.wait()

    async def say_goodbye(self) -> None:
        """Tell whoever looks that this process is about to end."""
        if (node := self._node) is not None and self._is_here():
            with muted():
                await node.say_goodbye()

    async def stop(self) -> None:
        """Leave the others."""
        task, node, self._task, self._node = self._task, self._node, None, None
        self._loop = None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if node is not None:
            await node.stop()

    def _is_here(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def _join(self) -> None:
        assert self._tried is not None  # set by begin()
        tried, retry_s = self._tried, FIRST_RETRY_S
        while True:
            is_done = await self._try_to_join()
            tried.set()
            if is_done:
                return
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    async def _try_to_join(self) -> bool:
        """Return whether there is nothing left to try."""
        layer, obstacle = self._chosen()
        if obstacle:
            self.obstacle = obstacle
            return True
        node = RelayNode(self.reader, layer, seals(), batch_s=self._batch_s)
        try:
            await node.start()
        except Exception as error:
            self.obstacle = (
                f"The channel layer does not answer ({type(error).__name__}), {ALONE} It is"
                " tried again every few seconds."
            )
            logger.debug("The relay could not join.", exc_info=True)
            await node.abandon()
            return False
        self._node, self.obstacle = node, ""
        return True

    def _chosen(self) -> tuple[Any, str]:
        try:
            layer = self._get_layer()
        except Exception as error:
            return None, f"The channel layer cannot be made ({type(error).__name__}), {ALONE}"
        return layer, self._find_obstacle(layer)


def obstacle_of(layer: Any) -> str:
    """Return why `layer` does not lead to other processes, as a sentence; "" if it does."""
    if layer is None:
        return f"No channel layer is configured, {ALONE} {REMEDY}"
    if isinstance(layer, InMemoryChannelLayer) or "InMemory" in type(layer).__name__:
        return f"The in-memory channel layer stays within its process, {ALONE} {REMEDY}"
    if not hasattr(layer, "group_send"):
        return f"The channel layer {type(layer).__name__} has no groups, {ALONE} {REMEDY}"
    return ""


def seals() -> tuple[Seal, ...]:
    """Return the seals of the project: by its secret key, and by those that it had before."""
    keys = [settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", ())]
    return tuple(_seal_with(key) for key in keys)


def _seal_with(key: str) -> Seal:
    return lambda body: salted_hmac(SALT, body, key, algorithm="sha256").hexdigest()
