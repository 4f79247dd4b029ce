"""Several processes of one project, in one process: each with a recorder and a relay of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from console.process import ProcessView
from console.relay_joining import Joining
from console.relay_node import RelayNode
from runtime.layers import InMemoryChannelLayer
from tests.console.recording import Recording

SOON_S = 30.0
BATCH_S = 0.02


class Process(Recording):
    """A process whose relay has joined the others over `layer`."""

    def __init__(self, name: str, layer: Any, **settings: Any) -> None:
        epoch = name.encode().hex()[:12].ljust(12, "0")
        view = ProcessView(name, pid=len(name), host="example", started_at=0.0, epoch=epoch)
        super().__init__(view, **settings)
        self.name, self.epoch, self.layer = name, epoch, layer
        self.joining = Joining(
            self.relay.reader,
            get_layer=lambda: layer,
            find_obstacle=lambda layer: "",
            batch_s=BATCH_S,
        )
        self.relay.bind(self.recorder, self.joining)

    @property
    def node(self) -> RelayNode:
        node = self.joining.node
        assert node is not None
        return node


@asynccontextmanager
async def processes(*names: str, layer: Any = None, **settings: Any) -> AsyncIterator[Any]:
    """Processes that have joined, in the order of `names`."""
    layer = layer or InMemoryChannelLayer(strict=True, capacity=1_000)
    joined = [Process(name, layer, **settings) for name in names]
    try:
        for one in joined:
            await one.joining.wait()
        yield joined
    finally:
        for one in joined:
            await one.joining.stop()


async def until(is_so: Callable[[], Any]) -> Any:
    """Return what `is_so` returns, once that is true."""
    async with asyncio.timeout(SOON_S):
        while not (found := is_so()):
            await asyncio.sleep(0.005)  # a pause between two looks at what another task does
        return found
