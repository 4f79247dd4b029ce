"""The demo's chat, spoken with by a test and recorded by this process's own recorder."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.test import Client

from console.recorded import Recorded
from console.relay import relay
from runtime.routing import get_default_application
from runtime.testing import WebsocketCommunicator

ORIGIN = [(b"origin", b"http://testserver"), (b"host", b"testserver")]


@sync_to_async
def session_of(name: str) -> tuple[bytes, bytes]:
    """Return the Cookie header of somebody who is signed in."""
    user, _ = get_user_model().objects.get_or_create(username=name)
    client = Client()
    client.force_login(user)
    return b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode()


async def recorded_chat(name: str, room: str, *texts: str) -> tuple[Recorded, str]:
    """Let somebody say something in a room. Returns what was recorded, and the connection."""
    path = f"/ws/chat/{room}/"
    headers = [*ORIGIN, await session_of(name)]
    async with WebsocketCommunicator(get_default_application(), path, headers) as socket:
        assert (await socket.connect(timeout=10))[0]
        for _ in range(2):
            await socket.receive_json_from(timeout=10)
        for text in texts:
            await socket.send_json_to({"type": "message", "text": text})
            await socket.receive_json_from(timeout=10)
    return recorded(path)


def recorded(path: str, name: str = "") -> tuple[Recorded, str]:
    """Return what this process has recorded of the newest connection to `path`."""
    reader = relay.reader
    with reader.recorder.lock:
        known = next(one.id for one in reader.recorder.state if one.path == path)
    view = reader.connection(known)
    assert view is not None
    records = tuple(reader.journal_reader.records(connections=[known]))
    return Recorded(name or f"Talk at {path}", {known: view}, records), known
