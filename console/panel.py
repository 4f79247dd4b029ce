"""The panel of django-debug-toolbar: what this request sent through the channel layers.

Owns what the toolbar keeps of it, as plain data that its store may write down: rows that are
redacted as the console's own are. Made by the toolbar for each request that it shows itself
on, for sync and async views alike; named in DEBUG_TOOLBAR_PANELS as
"console.panel.LayerPanel".

Source: django-debug-toolbar, "Third-party panels: API"
"""

from __future__ import annotations

from typing import Any

from debug_toolbar.panels import Panel
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from console.conf import settings
from console.relay import relay
from console.sends import Collection, Sent
from runtime.taps import current_connection


class LayerPanel(Panel):
    """Layer messages of one request: groups, receivers, deliveries, and the time in the layer."""

    is_async = True
    title = "Channel layer"
    template = "console/toolbar_panel.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._collection = Collection(settings.PAYLOAD_BYTES)

    @property
    def nav_subtitle(self) -> str:
        """How many messages, and how long the layer took for them."""
        stats = self.get_stats()
        count = stats.get("count", 0)
        messages = "1 message" if count == 1 else f"{count} messages"
        return f"{messages} in {stats.get('took_ms', 0.0):.2f} ms" if count else messages

    def enable_instrumentation(self) -> None:
        """Begin to collect."""
        self._collection.begin()

    def disable_instrumentation(self) -> None:
        """Collect no more."""
        self._collection.end()

    def generate_stats(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Keep what was collected, redacted, for the toolbar's store."""
        collection = self._collection
        self.record_stats(
            {
                "count": collection.count,
                "left_out": collection.count - len(collection.sent),
                "took_ms": collection.took_s * 1_000,
                "trace": _own_trace() or collection.trace,
                "rows": [self._row(sent) for sent in collection.sent],
            }
        )

    def generate_server_timing(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Say in the response's Server-Timing how long the layers took."""
        stats = self.get_stats()
        title = f"Channel layer {stats['count']} messages"
        self.record_server_timing("layer_time", title, stats["took_ms"])

    def _row(self, sent: Sent) -> dict[str, Any]:
        entry, reader = sent.entry, relay.reader.entry_reader
        return {
            "is_group": entry.kind == "group_send",
            "target": entry.group or entry.channel,
            "type": entry.type,
            "preview": reader.preview(entry),
            "size_bytes": reader.size_bytes(entry),
            "receivers": sent.receivers,
            "delivered": self._collection.delivered(sent),
            "dropped": self._collection.dropped(sent),
            "is_linked": sent.cause is not None,
            "took_ms": None if sent.took_s is None else sent.took_s * 1_000,
            "trace": sent.cause[0] if sent.cause is not None else "",
        }


def _own_trace() -> str:
    """Return the id of the trace of the request that runs; "" if nobody records it."""
    connection = current_connection.get()
    cause = relay.recorder.cause_of(connection) if connection is not None else None
    return cause[0] if cause is not None else ""
