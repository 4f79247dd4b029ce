"""An echo that can be given a name: the smallest synchronous consumer."""

from __future__ import annotations

from runtime.generic.websocket import WebsocketConsumer


class EchoConsumer(WebsocketConsumer):
    """Says back what it hears, under the name that `/name` last set."""

    def connect(self) -> None:
        """Welcome a visitor who has no name yet."""
        self.username = "Anonymous"
        self.accept()
        self.send(text_data=f"[Welcome {self.username}!]")

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a name, or say `text_data` back; bytes come back as they are."""
        if text_data is None:
            self.send(bytes_data=bytes_data)
        elif text_data.startswith("/name"):
            self.username = text_data[5:].strip() or "Anonymous"
            self.send(text_data=f"[set your username to {self.username}]")
        else:
            self.send(text_data=f"{self.username}: {text_data}")
