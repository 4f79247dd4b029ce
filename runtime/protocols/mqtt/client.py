"""The client library, as this package uses it.

Owns all that knows `aiomqtt` and the `paho` below it: options, properties, and when a message
is acknowledged. One object lives for all connections of a session, because it numbers the
messages whose delivery is not certain yet, and sends those again.

Source: MQTT Version 5.0, section 4.3 "Quality of Service levels and protocol flows"
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Self

import aiomqtt
from paho.mqtt.client import (
    MQTT_CLEAN_START_FIRST_ONLY,
    MQTT_ERR_NO_CONN,
    MQTT_ERR_PROTOCOL,
    MQTTMessage,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from runtime.protocols.mqtt.events import Publication, read_publication
from runtime.protocols.mqtt.settings import MqttSettings

MqttError = aiomqtt.MqttError

INBOX = 10_000
"""Messages that wait in the library; beyond it those of QoS 0 are lost."""

UNACKNOWLEDGED = 100
"""Messages of QoS 1 and 2 that the broker sends before it waits for an acknowledgement."""

KEEP_RETAINED_BACK = 1
"""Retained messages come when a subscription is new, and not again with each connection."""

NONSENSE = frozenset({0x81, 0x82})
"""The reason codes "Malformed Packet" and "Protocol Error"."""

REFUSED = 0x80
"""From this reason code on, the answer to a subscription is no."""

_PAHO_NAMES = {
    "content_type": "ContentType",
    "response_topic": "ResponseTopic",
    "correlation_data": "CorrelationData",
    "message_expiry_s": "MessageExpiryInterval",
    "user_properties": "UserProperty",
}


class SessionClient(aiomqtt.Client):
    """A client that acknowledges QoS 1 when it is told to: what nobody took comes again.

    QoS 2 is acknowledged by the library. Its last step says nothing about the message.

    Args:
        settings: of the session.
        on_malformed: told of what the broker sent that cannot be read.
    """

    def __init__(self, settings: MqttSettings, on_malformed: Callable[[bytes, str], None]) -> None:
        self._on_malformed = on_malformed
        self._is_version_5 = settings.version == 5
        is_kept = settings.CLIENT_ID is not None
        super().__init__(
            settings.HOST,
            settings.port,
            identifier=settings.CLIENT_ID,
            username=settings.USERNAME,
            password=settings.PASSWORD,
            protocol=aiomqtt.ProtocolVersion(settings.version),
            keepalive=settings.KEEPALIVE_S,
            tls_context=settings.tls_context(),
            will=_will(settings),
            max_queued_incoming_messages=INBOX,
            **(_options_5(settings, is_kept) if self._is_version_5 else _options_311(is_kept)),
        )

    async def __aenter__(self) -> Self:
        """Connect; raises MqttError also for a connection that is lost in the same moment."""
        ours = self._disconnected = asyncio.Future()
        await super().__aenter__()
        if self._disconnected is not ours:  # the library has put a new one in place of the loss
            self._disconnected.set_result(None)
            await self.__aexit__(None, None, None)
            raise MqttError("the broker was gone at once") from ours.exception()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        """Disconnect; the next connection waits for its own answer, not for that of this one."""
        try:
            await super().__aexit__(*raised)
        finally:
            if self._connected.done():
                self._connected = asyncio.Future()

    async def publish_for_sure(self, publication: Publication) -> None:
        """Publish, and return when the broker has it: after the next connection, if need be.

        Raises:
            MqttError: it was not sent. Never with QoS 1 or 2.
        """
        try:
            await self.publish(
                publication.topic,
                publication.payload,
                publication.qos,
                publication.retain,
                self._properties_of(publication),
                timeout=float("inf"),
            )
        except aiomqtt.MqttCodeError as error:
            # The library has it all the same, and sends it as soon as it is connected.
            if publication.qos == 0 or error.rc != MQTT_ERR_NO_CONN:
                raise

    async def subscribe_again(self, topic_filter: str, qos: int) -> None:
        """Subscribe; retained messages come with the first time alone, if the broker can."""
        if self._is_version_5:
            options = SubscribeOptions(qos=qos, retainHandling=KEEP_RETAINED_BACK)
            codes = await self.subscribe(topic_filter, options=options)
        else:
            codes = await self.subscribe(topic_filter, qos=qos)
        if any(code >= REFUSED for code in codes):
            raise aiomqtt.MqttError(f"the broker refuses the subscription to {topic_filter!r}")

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Let the broker forget a message of QoS 1."""
        if message.qos == 1:
            self._client.manual_ack_set(True)
            self._client.ack(message.mid, 1)
            self._client.manual_ack_set(False)

    def _on_message(self, client: Any, userdata: Any, message: MQTTMessage) -> None:
        # paho asks right after this call whether it is to acknowledge. Not for longer than the
        # packet takes: with this set it would leave the end of a QoS 2 flow unanswered.
        if message.qos == 1:
            client.manual_ack_set(True)
            self._loop.call_soon(client.manual_ack_set, False)
        try:
            super()._on_message(client, userdata, message)
        except ValueError as error:  # a topic that is no UTF-8, or has a wildcard
            client.manual_ack_set(False)  # it would come for ever
            self._on_malformed(bytes(message._topic), f"a topic: {error}")

    def _properties_of(self, publication: Publication) -> Any:
        if not self._is_version_5 or not publication.properties:
            return None
        properties = _new_properties(PacketTypes.PUBLISH)
        for name, value in publication.properties.items():
            if name == "user_properties":
                value = [tuple(pair) for pair in value]
            setattr(properties, _PAHO_NAMES[name], value)
        return properties


def is_nonsense(error: BaseException | None) -> bool:
    """Return whether a connection ended because what came was no MQTT."""
    while error is not None:
        code = getattr(error, "rc", None)
        if code == MQTT_ERR_PROTOCOL or getattr(code, "value", code) in NONSENSE:
            return True
        error = error.__cause__
    return False


def plain_properties(message: aiomqtt.Message) -> Mapping[str, Any]:
    """Return the properties of a message as plain values, by this package's names."""
    found = vars(message.properties) if message.properties is not None else {}
    plain = {ours: found[theirs] for ours, theirs in _PAHO_NAMES.items() if theirs in found}
    if "user_properties" in plain:
        plain["user_properties"] = [list(pair) for pair in plain["user_properties"]]
    return plain


def _new_properties(packet: int) -> Any:
    # Any, because its attributes are those of the packet.
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho says no types here


def _will(settings: MqttSettings) -> aiomqtt.Will | None:
    if settings.WILL is None:
        return None
    will = read_publication({"type": "mqtt.publish", **settings.WILL})
    return aiomqtt.Will(will.topic, will.payload, will.qos, will.retain)


def _options_5(settings: MqttSettings, is_kept: bool) -> dict[str, Any]:
    properties = _new_properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = settings.SESSION_EXPIRY_S if is_kept else 0
    properties.ReceiveMaximum = UNACKNOWLEDGED
    return {
        "properties": properties,
        "clean_start": False if is_kept else MQTT_CLEAN_START_FIRST_ONLY,
    }


def _options_311(is_kept: bool) -> dict[str, Any]:
    return {"clean_session": not is_kept}
