"""The APRS server: one station, its conversations, and what it hears.

Owns who gets which packet, the acknowledgements, and what is sent again. A station that writes
to ours has a scope; all that is heard has another, if the project wants it. Run by
`manage.py runaprs`.

Source: APRS Protocol Reference 1.0.1
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, ClassVar

from runtime.drops import drops
from runtime.exceptions import UnknownEvent
from runtime.protocols.aprs.delivery import Deliveries, Pending
from runtime.protocols.aprs.links import make_link
from runtime.protocols.aprs.message import Answer, Message, parse_message, split_text
from runtime.protocols.aprs.packet import MalformedPacket, Packet, is_station, unwrap
from runtime.protocols.aprs.settings import AprsSettings, aprs_settings
from runtime.protocols.connecting import Backoff, stay_connected
from runtime.protocols.scopes import OpenScope
from runtime.protocols.server import ProtocolServer
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import ASGIApplication, Event, Scope

logger = logging.getLogger("runtime.protocols")

HEARD = ""
"""The key of the scope of all that is heard. Those of conversations are call signs."""

KNOWN = "aprs.message with a text, or aprs.packet with an info"


class AprsServer(ProtocolServer):
    """Serves one station.

    Args:
        settings: of the station; by default the project's CHANNELS_APRS.
        backoff: between two connections.
    """

    protocol: ClassVar[str] = "aprs"

    def __init__(
        self,
        application: ASGIApplication,
        settings: AprsSettings | None = None,
        *,
        backoff: Backoff | None = None,
        **options: Any,
    ) -> None:
        self.settings = aprs_settings() if settings is None else settings
        bounds = {
            "scope_timeout_s": self.settings.SCOPE_TIMEOUT_S,
            "max_scopes": self.settings.MAX_SCOPES,
        }
        super().__init__(application, **{**bounds, **options})
        self.backoff = backoff or Backoff()
        self.is_connected = asyncio.Event()
        self._link = make_link(self.settings, self.report_malformed)
        self._deliveries = Deliveries(self.settings.RETRY_S, self.settings.TRIES, time.monotonic)
        self._has_more = asyncio.Event()
        self._all_settled = asyncio.Event()

    def describe(self) -> str:
        """Return which station is served, and where."""
        settings = self.settings
        manner = "" if settings.may_send else ", which only listens,"
        where = f"{settings.HOST}:{settings.PORT}"
        return f"the APRS station {settings.CALLSIGN}{manner} by {settings.LINK} at {where}"

    async def handle(self) -> None:
        """Keep the link connected."""
        delivering = spawn(self._deliver_all(), name="aprs deliveries")
        where = f"{self.settings.LINK} at {self.settings.HOST}:{self.settings.PORT}"
        try:
            await stay_connected(self._connect, self.backoff, to=where, lost=OSError)
        finally:
            await cancel_and_wait(delivering)

    async def application_send(self, scope: Scope, event: Event) -> None:
        """Send a message, which is repeated until it is acknowledged, or a packet, once.

        Raises:
            UnknownEvent: it is neither, or the station only listens.
        """
        if not self.settings.may_send:
            raise UnknownEvent(event, "nothing: the station only listens. See PASSCODE, TRANSMIT")
        if event.get("type") == "aprs.message":
            self._add_message(scope, event)
        elif event.get("type") == "aprs.packet":
            await self._send_once(self._read_packet(event))
        else:
            raise UnknownEvent(event, KNOWN)

    async def flush(self) -> None:
        """Return when all messages are acknowledged or given up."""
        while len(self._deliveries):
            self._all_settled.clear()
            await self._all_settled.wait()

    # The link

    async def _connect(self) -> None:
        async with self._link.connect() as packets:
            self.backoff.succeed()
            self.is_connected.set()
            try:
                async for packet in packets:
                    await self._take(packet)
            finally:
                self.is_connected.clear()

    async def _send_once(self, packet: Packet) -> None:
        """Send a packet. One that cannot be sent now is no loss: messages are repeated."""
        try:
            await self._link.send(packet)
        except (OSError, MalformedPacket) as error:
            logger.warning("Not sent: %r. %s", packet.to_line(), error)

    def _packet(self, info: bytes) -> Packet:
        path = self.settings.PATH if self.settings.LINK == "kiss" else ("TCPIP*",)
        return Packet(self.settings.CALLSIGN, self.settings.TOCALL, tuple(path), info)

    # What is heard

    async def _take(self, packet: Packet) -> None:
        try:
            packet = unwrap(packet)
            if packet.source == self.settings.CALLSIGN:
                return  # ourselves, passed on by others
            if self.settings.PACKETS and not self.is_stopping:
                self._give_out(packet)
            if packet.kind == "message":
                await self._take_message(packet, parse_message(packet.info))
        except MalformedPacket as error:
            self.report_malformed(packet.to_line(), error.expected)

    async def _take_message(self, packet: Packet, message: Message | Answer) -> None:
        if message.to != self.settings.CALLSIGN:
            return
        if isinstance(message, Answer):
            self._settle(packet.source, message.number, was_taken=message.kind == "ack")
            return
        if message.acknowledges:
            self._settle(packet.source, message.acknowledges, was_taken=True)
        if self._deliveries.is_new(packet.source, message):
            event = {
                "type": "aprs.message",
                "text": message.text,
                "source": packet.source,
                "number": message.number,
                "path": list(packet.path),
            }
            # Not acknowledged, it is sent again: to the next process, or when there is room.
            if self.is_stopping or not self._conversation(packet.source).offer(event):
                return
            self._deliveries.remember(packet.source, message)
        if message.number and self.settings.may_send:
            answer = Answer(packet.source, message.number)
            await self._send_once(self._packet(answer.to_info()))

    def _give_out(self, packet: Packet) -> None:
        scope: Scope = {"callsign": self.settings.CALLSIGN, "station": None, "path": "heard"}
        heard = self.get_or_create_application_instance(HEARD, scope)
        event = {
            "type": "aprs.packet",
            "source": packet.source,
            "destination": packet.destination,
            "path": list(packet.path),
            "kind": packet.kind,
            "info": packet.info,
        }
        heard.offer(event)

    def _conversation(self, station: str) -> OpenScope:
        scope: Scope = {
            "callsign": self.settings.CALLSIGN,
            "station": station,
            "path": f"stations/{station}",
        }
        return self.get_or_create_application_instance(station, scope)

    # What is sent

    def _add_message(self, scope: Scope, event: Event) -> None:
        to, text = event.get("to", scope.get("station")), event.get("text")
        if not isinstance(to, str) or not is_station(to):
            raise UnknownEvent(event, "a station in 'to'")
        if not isinstance(text, str) or not (parts := [*split_text(text)]):
            raise UnknownEvent(event, KNOWN)
        for part in parts:
            self._deliveries.add(to, part, event.get("receipt"))
        self._has_more.set()

    def _read_packet(self, event: Event) -> Packet:
        info = event.get("info")
        if isinstance(info, str):
            info = info.encode()
        if not isinstance(info, bytes) or not info or b"\r" in info or b"\n" in info:
            raise UnknownEvent(event, "an info of bytes or text, on one line")
        return self._packet(info)

    async def _deliver_all(self) -> None:
        while True:
            self._has_more.clear()
            await self.is_connected.wait()  # what waits is not given up because nobody listens
            due = self._deliveries.take_due()
            for message in due.to_send:
                await self._send_once(self._packet(message.to_info()))
            for pending in due.given_up:
                self._give_up(pending)
            if not len(self._deliveries):
                self._all_settled.set()
            await self._wait_until_due()

    async def _wait_until_due(self) -> None:
        next_at = self._deliveries.next_at
        wait_s = None if next_at is None else max(0.0, next_at - time.monotonic())
        try:
            async with asyncio.timeout(wait_s):
                await self._has_more.wait()
        except TimeoutError:
            pass

    def _settle(self, station: str, number: str, *, was_taken: bool) -> None:
        pending = self._deliveries.settle(station, number)
        if pending is None:
            return
        if was_taken:
            self._tell(pending, is_delivered=True)
        else:
            self._give_up(pending)
        if not len(self._deliveries):
            self._all_settled.set()

    def _give_up(self, pending: Pending) -> None:
        message = pending.message
        lost = {"type": "aprs.message", "text": message.text, "to": message.to}
        drops.report(None, self.protocol, lost, "undelivered")
        self._tell(pending, is_delivered=False)

    def _tell(self, pending: Pending, *, is_delivered: bool) -> None:
        scope = self.scopes.get(pending.message.to)
        if pending.receipt is not None and scope is not None:
            scope.offer(
                {
                    "type": "aprs.receipt",
                    "receipt": pending.receipt,
                    "is_delivered": is_delivered,
                }
            )
