"""Jobs that say on the channel `replies` when they begin and end, and wait on `go` in between."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter


class Jobs(AsyncConsumer):
    async def job_wait(self, message: dict[str, Any]) -> None:
        await wait(self.channel_layer, message)

    async def job_fail(self, message: dict[str, Any]) -> None:
        raise RuntimeError("the job failed")


class BlockingJobs(SyncConsumer):
    def job_wait(self, message: dict[str, Any]) -> None:
        async_to_sync(wait)(self.channel_layer, message)


async def wait(layer: Any, message: dict[str, Any]) -> None:
    await layer.send("replies", {"type": "begun", "n": message["n"]})
    await layer.receive("go")
    await layer.send("replies", {"type": "ended", "n": message["n"]})


application = ProtocolTypeRouter(
    {"channel": ChannelNameRouter({"jobs": Jobs.as_asgi(), "blocking": BlockingJobs.as_asgi()})}
)
