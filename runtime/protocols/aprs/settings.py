"""What CHANNELS_APRS may say.

Owns names, types and defaults, and the rules between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.core.exceptions import ImproperlyConfigured

from runtime.protocols.aprs.packet import is_station
from runtime.protocols.options import read_options

NAME = "CHANNELS_APRS"
LINKS = ("aprs-is", "kiss")


@dataclass(frozen=True, slots=True)
class AprsSettings:
    """One station.

    Attributes:
        CALLSIGN: of the station, with its SSID.
        LINK: "aprs-is" for the network of servers, "kiss" for a radio's TNC.
        HOST, PORT: of the server or the TNC.
        PASSCODE: of the call sign on APRS-IS; without it the server only listens.
        TRANSMIT: whether a radio may transmit; without it the server only listens.
        FILTER: what APRS-IS shall send, besides what is for the station.
        PATH: by which stations a radio's packets are passed on.
        TOCALL: the name of the program, as packets carry it.
        PACKETS: whether all packets are given out, besides the messages to the station.
        SCOPE_TIMEOUT_S: seconds of silence after which a conversation is over.
        MAX_SCOPES: conversations at most; the one that was silent for longest makes room.
        RETRY_S: seconds before a message is first sent again.
        TRIES: how often a message is sent at most.
    """

    CALLSIGN: str
    LINK: str = "aprs-is"
    HOST: str = "rotate.aprs2.net"
    PORT: int = 14580
    PASSCODE: int | None = field(default=None, repr=False)
    TRANSMIT: bool = False
    FILTER: str = ""
    PATH: tuple[str, ...] = ("WIDE1-1", "WIDE2-1")
    TOCALL: str = "APZCSC"
    PACKETS: bool = False
    SCOPE_TIMEOUT_S: float = 1800.0
    MAX_SCOPES: int = 10_000
    RETRY_S: float = 30.0
    TRIES: int = 5

    def __post_init__(self) -> None:
        if not is_station(self.CALLSIGN) or self.CALLSIGN.upper() != self.CALLSIGN:
            raise ImproperlyConfigured(
                f"{NAME}['CALLSIGN'] has to be a call sign such as 'N0CALL-10'; it is"
                f" {self.CALLSIGN!r:.20}."
            )
        if self.LINK not in LINKS:
            raise ImproperlyConfigured(
                f"{NAME}['LINK'] has to be one of {', '.join(LINKS)}; it is {self.LINK!r:.20}."
            )

    @property
    def may_send(self) -> bool:
        """Whether the station does more than listen."""
        return self.TRANSMIT if self.LINK == "kiss" else self.PASSCODE is not None


def aprs_settings() -> AprsSettings:
    """Return what the project's settings say. Raises ImproperlyConfigured."""
    return read_options(NAME, AprsSettings)
