"""What CHANNELS_MQTT may say.

Owns names, types and defaults, and the rules between them.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.core.exceptions import ImproperlyConfigured

from runtime.protocols.mqtt.events import read_publication
from runtime.protocols.options import read_options

NAME = "CHANNELS_MQTT"
VERSIONS = ("5", "3.1.1")


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The session with one broker.

    Attributes:
        HOST, PORT: of the broker; PORT is 1883, or 8883 with TLS, unless it is given.
        VERSION: of the protocol, "5" or "3.1.1".
        USERNAME, PASSWORD: if the broker asks for them.
        CLIENT_ID: by which the broker knows the session while nobody is connected. None for a
            session that it forgets.
        SESSION_EXPIRY_S: how long it keeps a session with a CLIENT_ID. With 3.1.1 it decides.
        TLS: whether the connection is encrypted.
        CA_FILE: certificates to trust in place of the system's.
        CERT_FILE, KEY_FILE: of a client certificate.
        KEEPALIVE_S: seconds of silence after which the broker is asked whether it is there.
        WILL: what the broker publishes if the connection is lost: topic, payload, qos, retain.
        OUTBOX: messages that wait for the broker before a consumer's send does.
    """

    HOST: str = "localhost"
    PORT: int = 0
    VERSION: str = "5"
    USERNAME: str | None = None
    PASSWORD: str | None = field(default=None, repr=False)
    CLIENT_ID: str | None = None
    SESSION_EXPIRY_S: int = 86_400
    TLS: bool = False
    CA_FILE: str | None = None
    CERT_FILE: str | None = None
    KEY_FILE: str | None = None
    KEEPALIVE_S: int = 60
    WILL: Mapping[str, Any] | None = None
    OUTBOX: int = 1_000

    def __post_init__(self) -> None:
        if self.VERSION not in VERSIONS:
            raise ImproperlyConfigured(
                f"{NAME}['VERSION'] has to be one of {', '.join(VERSIONS)}; it is {self.VERSION!r}."
            )
        if self.WILL is not None:
            try:
                read_publication({"type": "mqtt.publish", **self.WILL})
            except ValueError as error:
                raise ImproperlyConfigured(f"{NAME}['WILL']: {error}") from error

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self.PORT or (8883 if self.TLS else 1883)

    @property
    def version(self) -> Literal[4, 5]:
        """The protocol level."""
        return 5 if self.VERSION == "5" else 4

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what TLS needs, or None without it."""
        if not self.TLS:
            return None
        context = ssl.create_default_context(cafile=self.CA_FILE)
        if self.CERT_FILE is not None:
            context.load_cert_chain(self.CERT_FILE, self.KEY_FILE)
        return context


def mqtt_settings() -> MqttSettings:
    """Return what the project's settings say. Raises ImproperlyConfigured."""
    return read_options(NAME, MqttSettings)
