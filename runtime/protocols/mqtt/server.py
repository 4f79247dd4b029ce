"""The MQTT server: one client session, its scopes, and what goes in and out.

Owns who gets which message. The session has a scope of its own; a subscription that asks for
one has another. Run by `manage.py runmqtt`.

What comes is acknowledged when a scope has taken it, and what a consumer publishes waits here
until the broker is there: with QoS 1 or 2 and a CLIENT_ID nothing is lost while the broker is
away or this server is stopped.

Source: MQTT Version 5.0; docs/decisions/0030-mqtt-sessions.md
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from runtime.drops import drops
from runtime.exceptions import MissingLibrary, UnknownEvent
from runtime.protocols.connecting import Backoff, stay_connected
from runtime.protocols.mqtt import events
from runtime.protocols.mqtt.router import FILTER_KEY
from runtime.protocols.mqtt.settings import MqttSettings, mqtt_settings
from runtime.protocols.mqtt.topics import matches
from runtime.protocols.scopes import OpenScope
from runtime.protocols.server import ProtocolServer
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import ASGIApplication, Event, Scope

if TYPE_CHECKING:
    from aiomqtt import Message

    from runtime.protocols.mqtt.client import SessionClient

logger = logging.getLogger("runtime.protocols")

SESSION = ""
"""The key of the session's own scope. Those of subscriptions are their filters."""

SETTLE_S = 5.0
"""How long the messages of a session that is taken up again wait for the consumers to subscribe."""

RETRY_S = 0.1
"""A pause before a message of QoS 0 is tried again whose connection has just gone."""


class MqttServer(ProtocolServer):
    """Serves one session.

    Args:
        settings: of the session; by default the project's CHANNELS_MQTT.
        backoff: between two connections.

    Raises:
        MissingLibrary: aiomqtt is not installed.
    """

    protocol: ClassVar[str] = "mqtt"

    def __init__(
        self,
        application: ASGIApplication,
        settings: MqttSettings | None = None,
        *,
        backoff: Backoff | None = None,
        **options: Any,
    ) -> None:
        # As many as the project's own subscriptions: none of them makes room for another.
        super().__init__(application, **{"max_scopes": sys.maxsize, **options})
        try:
            from runtime.protocols.mqtt import client
        except ImportError as error:
            raise MissingLibrary("mqtt", "aiomqtt") from error
        self._library = client
        self.settings = mqtt_settings() if settings is None else settings
        self.backoff = backoff or Backoff()
        self.subscriptions: dict[str, events.Subscription] = {}
        self.is_connected = asyncio.Event()
        self._client: SessionClient | None = None
        self._outbox: asyncio.Queue[events.Publication] = asyncio.Queue(self.settings.OUTBOX)
        self._has_subscribed = asyncio.Event()
        self._settled_at = 0.0
        self._times_connected = 0

    def describe(self) -> str:
        """Return which broker is served."""
        return f"MQTT {self.settings.VERSION} from {self.settings.HOST}:{self.settings.port}"

    async def handle(self) -> None:
        """Keep the session connected."""
        # Made here, because it belongs to the event loop.
        self._client = self._library.SessionClient(self.settings, self.report_malformed)
        publishing = spawn(self._publish_all(), name="mqtt publisher")
        where = f"the MQTT broker {self.settings.HOST}:{self.settings.port}"
        try:
            await stay_connected(
                self._connect_once, self.backoff, to=where, lost=self._library.MqttError
            )
        finally:
            await cancel_and_wait(publishing)

    async def application_send(self, scope: Scope, event: Event) -> None:
        """Publish, subscribe or unsubscribe.

        Raises:
            UnknownEvent: it is none of these, or not in their form.
        """
        kind = event.get("type")
        if kind == "mqtt.publish":
            await self._outbox.put(events.read_publication(event))
        elif kind == "mqtt.subscribe":
            await self._subscribe(events.read_subscription(event))
        elif kind == "mqtt.unsubscribe":
            await self._unsubscribe(events.read_subscription(event).topic)
        else:
            raise UnknownEvent(event, events.KNOWN)

    async def flush(self) -> None:
        """Return when the broker has all that was published."""
        await self._outbox.join()

    # The connection

    async def _connect_once(self) -> None:
        try:
            await self._connect()
        except self._library.MqttError as error:
            if self._library.is_nonsense(error):
                self.report_malformed(str(error), "packets of MQTT")
            raise

    async def _connect(self) -> None:
        client = self._ready_client()
        async with client:
            self.backoff.succeed()
            self._times_connected += 1
            if self._times_connected == 1:
                self._settled_at = asyncio.get_running_loop().time() + SETTLE_S
            self.is_connected.set()
            try:
                await self._begin(client)
                async for message in client.messages:
                    await self._take(client, message)
            finally:
                self.is_connected.clear()

    async def _begin(self, client: SessionClient) -> None:
        for subscription in [*self.subscriptions.values()]:
            await client.subscribe_again(subscription.topic, subscription.qos)
        if self._times_connected == 1:
            self._open(SESSION)
            return
        for scope in [*self.scopes.values()]:
            scope.offer({"type": "mqtt.connect", "is_again": True})

    async def _publish_all(self) -> None:
        client = self._ready_client()
        while True:
            publication = await self._outbox.get()
            try:
                await self._publish(client, publication)
            except ValueError as error:  # of the library: too large
                logger.error("Not published to %r: %s", publication.topic, error)
            finally:
                self._outbox.task_done()

    async def _publish(self, client: SessionClient, publication: events.Publication) -> None:
        while True:
            await self.is_connected.wait()
            try:
                return await client.publish_for_sure(publication)
            except self._library.MqttError:
                await asyncio.sleep(RETRY_S)

    def _ready_client(self) -> SessionClient:
        assert self._client is not None, "handle() makes it first"
        return self._client

    # What comes

    async def _take(self, client: SessionClient, message: Message) -> None:
        """Give a message to its scope. What a scope has not taken stays the broker's."""
        properties = self._library.plain_properties(message)
        topic, payload = str(message.topic), bytes(message.payload)
        event = events.received(topic, payload, message.qos, bool(message.retain), properties)
        key = await self._find_key(topic)
        if key is None:
            drops.report(None, self.protocol, event, "no handler")
        else:
            while not await self._open(key).put(event):
                if self.is_stopping:
                    return
        client.acknowledge(message)

    async def _find_key(self, topic: str) -> str | None:
        """Return the scope that a topic is for; a session that has just begun is waited for."""
        loop = asyncio.get_running_loop()
        while (key := self._key_for(topic)) is None and loop.time() < self._settled_at:
            self._has_subscribed.clear()
            try:
                async with asyncio.timeout_at(self._settled_at):
                    await self._has_subscribed.wait()
            except TimeoutError:
                break
        return key

    def _key_for(self, topic: str) -> str | None:
        for subscription in self.subscriptions.values():
            if matches(subscription.topic, topic):
                return subscription.topic if subscription.own_scope else SESSION
        return None

    def _open(self, key: str) -> OpenScope:
        """Return the scope of the session, or of a subscription; a new one is told of it."""
        found = self.scopes.get(key)
        if found is not None and not found.is_ending:
            return found
        scope: Scope = {
            "client_id": self._ready_client().identifier,
            "server": (self.settings.HOST, self.settings.port),
            "protocol_version": self.settings.VERSION,
        }
        if key == SESSION:
            scope["path"] = "session"
        else:
            scope[FILTER_KEY] = scope["path"] = key
        opened = self.get_or_create_application_instance(key, scope)
        opened.offer({"type": "mqtt.connect", "is_again": False})
        return opened

    # Subscriptions

    async def _subscribe(self, subscription: events.Subscription) -> None:
        self.subscriptions[subscription.topic] = subscription
        if subscription.own_scope:
            self._open(subscription.topic)
        self._has_subscribed.set()
        if self.is_connected.is_set():
            await self._ask(
                self._ready_client().subscribe_again, subscription.topic, subscription.qos
            )

    async def _unsubscribe(self, topic_filter: str) -> None:
        subscription = self.subscriptions.pop(topic_filter, None)
        if subscription is None:
            return
        if subscription.own_scope:
            self.end_scope(topic_filter, "unsubscribed")
        if self.is_connected.is_set():
            await self._ask(self._ready_client().unsubscribe, topic_filter)

    async def _ask(self, what: Any, *arguments: Any) -> None:
        try:
            await what(*arguments)
        except self._library.MqttError as error:
            # With the next connection it is asked again; a refusal is for the log.
            logger.warning("%s of %r: %s", what.__name__, arguments[0], error)
