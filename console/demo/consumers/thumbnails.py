"""The worker's side of the fixed channel `thumbnails`."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync

from console.demo.thumbnails import draw
from runtime.consumer import SyncConsumer

CHANNEL = "thumbnails"


class ThumbnailConsumer(SyncConsumer):
    """Draws what it is asked for and sends the picture back to the asker.

    Synchronous, because drawing keeps a processor busy: that belongs on a thread.
    """

    def thumbnail_generate(self, message: dict[str, Any]) -> None:
        """Answer {"type": "thumbnail.generate", "text", "reply_to": channel}."""
        answer = {
            "type": "thumbnail.ready",
            "text": message["text"],
            "png": draw(message["text"]),
        }
        async_to_sync(self.channel_layer.send)(message["reply_to"], answer)
