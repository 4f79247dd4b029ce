"""The chat of the introduction: its consumer, and the routes of its example."""

from django.urls import path

from runtime.generic.websocket import WebsocketConsumer
from runtime.routing import URLRouter


class ChatConsumer(WebsocketConsumer):
    def connect(self):
        self.username = "Anonymous"
        self.accept()
        self.send(text_data=f"[Welcome {self.username}!]")

    def receive(self, *, text_data):
        if text_data.startswith("/name"):
            self.username = text_data[5:].strip()
            self.send(text_data=f"[set your username to {self.username}]")
        else:
            self.send(text_data=self.username + ": " + text_data)

    def disconnect(self, message):
        pass


class AdminChatConsumer(ChatConsumer):
    def connect(self):
        self.accept()
        self.send(text_data="[Welcome admin!]")


class PublicChatConsumer(ChatConsumer):
    pass


chat_routes = URLRouter(
    [
        path("chat/admin/", AdminChatConsumer.as_asgi()),
        path("chat/", PublicChatConsumer.as_asgi()),
    ]
)
