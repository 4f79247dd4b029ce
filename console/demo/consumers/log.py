"""A log of visits: a synchronous consumer that uses Django's ORM as a view would."""

from __future__ import annotations

from console.demo.models import Log
from runtime.generic.websocket import WebsocketConsumer


class LogConsumer(WebsocketConsumer):
    """Writes down when a visitor comes and goes, and says how many have come so far."""

    def connect(self) -> None:
        """Write the visit down and tell its number."""
        self.accept()
        self._write("connected")
        self._say_count()

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer whatever comes with the number of visits by now."""
        self._say_count()

    def disconnect(self, code: int | None) -> None:
        """Write down that the visit ended."""
        self._write("disconnected")

    def _write(self, type_: str) -> None:
        Log.objects.create(type=type_, client=self.scope.get("client"))

    def _say_count(self) -> None:
        visits = Log.objects.filter(type="connected").count()
        self.send(text_data="1 visit so far" if visits == 1 else f"{visits} visits so far")
