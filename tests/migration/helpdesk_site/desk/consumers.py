import json

from channels.auth import login, logout
from channels.consumer import SyncConsumer
from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer, JsonWebsocketConsumer
from django.contrib.auth import authenticate
from django.core.mail import send_mail
from django.core.serializers.json import DjangoJSONEncoder

from desk.models import Comment, Ticket


class TicketConsumer(AsyncJsonWebsocketConsumer):
    """One ticket, for those who may see it."""

    async def connect(self):
        self.ticket_id = self.scope["url_route"]["kwargs"]["ticket"]
        self.group = f"ticket_{self.ticket_id}"
        if not await self.may_see():
            await self.close(code=4003)
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept(
            subprotocol="desk.v1" if "desk.v1" in self.scope["subprotocols"] else None
        )

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content, **kwargs):
        if content.get("action") == "comment":
            comment = await self.write(content["text"])
            await self.channel_layer.group_send(
                self.group,
                {"type": "ticket.comment", "author": comment.author.username, "text": comment.text},
            )
            await self.channel_layer.send(
                "mail", {"type": "mail.send", "ticket": self.ticket_id, "text": comment.text}
            )
        elif content.get("action") == "history":
            await self.send_json(await self.history())
        else:
            await self.send_json({"error": "unknown action"}, close=True)

    async def ticket_comment(self, event):
        await self.send_json({"author": event["author"], "text": event["text"]})

    @classmethod
    async def encode_json(cls, content):
        return json.dumps(content, cls=DjangoJSONEncoder)

    @database_sync_to_async
    def may_see(self):
        user = self.scope["user"]
        tickets = Ticket.objects.filter(pk=self.ticket_id)
        return user.is_authenticated and (user.is_staff or tickets.filter(owner=user).exists())

    @database_sync_to_async
    def write(self, text):
        return Comment.objects.create(
            ticket_id=self.ticket_id, author=self.scope["user"], text=text
        )

    @database_sync_to_async
    def history(self):
        return list(Comment.objects.filter(ticket=self.ticket_id).values("text", "at"))


class StatusConsumer(JsonWebsocketConsumer):
    """The status of all tickets, in a synchronous consumer that joins its group by itself."""

    groups = ["status"]

    def receive_json(self, content, **kwargs):
        tickets = Ticket.objects.filter(status=content["status"])
        self.send_json({"count": tickets.count()})

    def ticket_status(self, event):
        self.send_json({"id": event["id"], "status": event["status"]})


class LoginConsumer(AsyncJsonWebsocketConsumer):
    """Signs in and out over an open connection."""

    async def receive_json(self, content, **kwargs):
        if content.get("action") == "logout":
            await logout(self.scope)
        else:
            user = await database_sync_to_async(authenticate)(
                username=content["name"], password=content["password"]
            )
            if user is not None:
                await login(self.scope, user)
                await database_sync_to_async(self.scope["session"].save)()
        await self.send_json({"user": self.scope["user"].get_username()})


class CountConsumer(AsyncHttpConsumer):
    """The number of open tickets, for machines."""

    async def handle(self, body):
        count = await Ticket.objects.filter(status=Ticket.OPEN).acount()
        await self.send_response(
            200,
            json.dumps({"open": count}).encode(),
            headers=[(b"content-type", b"application/json")],
        )


class MailConsumer(SyncConsumer):
    """Writes to the owner of a ticket, in the worker."""

    def mail_send(self, event):
        ticket = Ticket.objects.get(pk=event["ticket"])
        send_mail(f"Re: {ticket.title}", event["text"], "desk@example.com", [ticket.owner.email])
