"""The consumers of the project."""

from runtime.consumer import AsyncConsumer
from runtime.generic.websocket import AsyncJsonWebsocketConsumer


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """One person in one room."""


class Anything(AsyncConsumer):
    """Hears of everything and does nothing."""

    async def default_handler(self, message):
        """Take it."""
