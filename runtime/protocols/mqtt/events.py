"""The events of MQTT as dicts: reading those that an application sends, making those it gets.

Owns their keys and the checks. Knows neither a broker nor a library: properties are plain
values here, and `client` turns them into the library's.

Source: MQTT Version 5.0, section 3.3 "PUBLISH"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runtime.exceptions import UnknownEvent
from runtime.protocols.mqtt.topics import InvalidTopic, check_filter, check_topic
from runtime.typing import Event

KNOWN = "mqtt.publish, mqtt.subscribe or mqtt.unsubscribe"

PROPERTIES: Mapping[str, type] = {
    "content_type": str,
    "response_topic": str,
    "correlation_data": bytes,
    "message_expiry_s": int,
    "user_properties": list,
}
"""What a message of MQTT 5 may carry beside its payload, and as what."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to publish."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A filter to subscribe to.

    Attributes:
        own_scope: whether what it selects goes to a scope that is opened for it.
    """

    topic: str
    qos: int = 0
    own_scope: bool = False


def read_publication(event: Event | Mapping[str, Any]) -> Publication:
    """Return what an event "mqtt.publish" says.

    Raises:
        UnknownEvent: it says something else. It is a ValueError.
    """
    payload = event.get("payload", b"")
    if isinstance(payload, str):
        payload = payload.encode()
    if not isinstance(payload, bytes):
        raise UnknownEvent(event, "a payload of bytes or text")
    retain, properties = event.get("retain", False), event.get("properties") or {}
    if not isinstance(retain, bool):
        raise UnknownEvent(event, "retain to be True or False")
    for name, value in properties.items():
        if name not in PROPERTIES or not isinstance(value, PROPERTIES[name]):
            raise UnknownEvent(event, f"properties among {', '.join(PROPERTIES)}")
    topic = _checked(check_topic, event)
    return Publication(topic, payload, _qos(event), retain, properties)


def read_subscription(event: Event) -> Subscription:
    """Return what an event "mqtt.subscribe" or "mqtt.unsubscribe" says.

    Raises:
        UnknownEvent: it says something else.
    """
    topic = _checked(check_filter, event)
    return Subscription(topic, _qos(event), bool(event.get("own_scope", False)))


def received(
    topic: str, payload: bytes, qos: int, retain: bool, properties: Mapping[str, Any]
) -> Event:
    """Return the event of a message that came."""
    event: Event = {
        "type": "mqtt.receive",
        "topic": topic,
        "payload": payload,
        "qos": qos,
        "retain": retain,
    }
    if properties:
        event["properties"] = dict(properties)
    return event


def _qos(event: Mapping[str, Any]) -> int:
    qos = event.get("qos", 0)
    if isinstance(qos, bool) or qos not in (0, 1, 2):
        raise UnknownEvent(event, "a qos of 0, 1 or 2")
    return int(qos)


def _checked(check: Any, event: Mapping[str, Any]) -> str:
    try:
        return str(check(event.get("topic", "")))
    except InvalidTopic as error:
        raise UnknownEvent(event, f"a topic that can be used: {error}") from error
