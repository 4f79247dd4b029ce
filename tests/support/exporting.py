"""A process whose project exports spans: it serves one client, ends, and prints their names."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import django
from django.conf import settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Printing(InMemorySpanExporter):
    """Prints what it has, once the provider shuts it down at the end of the process."""

    def shutdown(self) -> None:
        print(json.dumps([span.name for span in self.get_finished_spans()]))
        super().shutdown()


async def talk() -> None:
    from runtime.generic.websocket import WebsocketConsumer
    from runtime.routing import ProtocolTypeRouter
    from runtime.testing import WebsocketCommunicator

    class Echo(WebsocketConsumer):
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            self.send(text_data)

    application: Any = ProtocolTypeRouter({"websocket": Echo.as_asgi()})
    client = WebsocketCommunicator(application, "/echo/")
    await client.connect()
    await client.send_to("hi")
    assert await client.receive_from() == "hi"
    await client.disconnect()


def main() -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Printing()))
    trace.set_tracer_provider(provider)
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "runtime", "console"],
        # So seldom that only the end of the process can have exported anything.
        CHANNELSCOPE={"OTEL": True, "BATCH_MS": 60_000},
        SECRET_KEY="for one test",
    )
    django.setup()
    asyncio.run(talk())


if __name__ == "__main__":
    main()
