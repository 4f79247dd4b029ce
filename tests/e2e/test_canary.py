"""A secret is put wherever one can be, and is then looked for wherever Channelscope says anything.

Two servers on one Redis: the secrets come to one, and everything is read through the other, so
that all of it has crossed the channel layer.
"""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
import websockets

from tests.e2e.console import Console
from tests.e2e.servers import SOON_S, DemoServer, running_demo
from tests.support.canary_app import CARRIED, SECRET
from tests.support.redis_server import RedisServer

METRICS_TOKEN = "what-prometheus-says"

SERVER = ("daphne", "-v", "0", "--fd", "{fd}", "tests.support.canary_app:application")

EXPORTS = (
    "export/traffic.ndjson",
    "export/traffic.har",
    "export/connections.ndjson",
    "export/connections.har",
)


@dataclass(frozen=True, slots=True)
class Project:
    """Two servers, and where what they say ends up."""

    seen: DemoServer
    console: Console
    server: RedisServer
    log: Path


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[Project]:
    data = tmp_path_factory.mktemp("canary")
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.canary_settings",
        "DEMO_LAYER": "runtime.layers.redis.RedisChannelLayer",
        "DEMO_REDIS_URL": redis_server.url,
        "OUR_LOG": str(data / "ours.log"),
        "METRICS_TOKEN": METRICS_TOKEN,
    }
    with ExitStack() as stack:
        seen = stack.enter_context(running_demo(SERVER, data, name="seen", **variables))
        looking = stack.enter_context(running_demo(SERVER, data, name="looking", **variables))
        yield Project(seen, Console(looking), redis_server, data / "ours.log")


def spellings(secret: str) -> list[bytes]:
    """Return the secret as it may be written."""
    plain = secret.encode()
    encoded = [b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)]
    spelled = [plain, quote(secret, safe="").encode(), plain.hex().encode()]
    return [*spelled, plain.hex(" ").encode(), *encoded]


def require_none(where: str, said: str | bytes, *secrets: str) -> None:
    data = said.encode() if isinstance(said, str) else said
    for secret in secrets or (SECRET, CARRIED):
        for spelling in spellings(secret):
            at = data.find(spelling)
            assert at < 0, f"{where} has a secret: {data[max(at - 200, 0) : at + 60]!r}"


async def sing(project: Project) -> None:
    """Let a client come that has a secret everywhere, and go."""
    url = f"{project.seen.websocket_url}/ws/canary/{SECRET}/?token={SECRET}&visible=yes"
    async with websockets.connect(
        url,
        subprotocols=["canary", f"bearer.{SECRET}"],  # type: ignore[list-item]
        additional_headers={
            "Cookie": f"sessionid={SECRET}; theme=dark",
            "Authorization": f"Bearer {SECRET}",
            "X-Api-Key": SECRET,
            "Referer": f"http://example.com/?access_token={SECRET}&next=%2F%3Ftoken%3D{SECRET}",
        },
    ) as socket:
        said = {"visible": "yes", "password": SECRET, "deep": [{"client_secret": SECRET}]}
        said = {**said, "pin": SECRET, "iban": SECRET}
        await socket.send(json.dumps({**said, "as_text": json.dumps(said)}))
        assert json.loads(await socket.recv())["visible"] == "yes"
        await socket.send(json.dumps({"leave": True}))
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
    async with websockets.connect(
        url,
        subprotocols=["canary"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Digest {SECRET}", "X-Api-Key": SECRET},
    ) as socket:
        await socket.send(json.dumps({"fail": True}))
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
    await asyncio.to_thread(fill_in_form, project)


def fill_in_form(project: Project) -> None:
    form = urllib.request.Request(
        f"{project.seen.url}/form/?signature={SECRET}",
        data=f"visible=yes&password={SECRET}&csrfmiddlewaretoken={SECRET}".encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"auth={SECRET}"},
    )
    with urllib.request.urlopen(form, timeout=SOON_S) as response:
        assert SECRET in response.read().decode()
    missed = f"{project.seen.url}/nothing/here/?token={SECRET}"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(missed, timeout=SOON_S)


async def listen(project: Project) -> list[str]:
    """Return what two pages that are open hear while the client is there."""
    heard: list[list[str]] = []
    cookies = project.console.cookies()
    origin = project.console.url
    address = origin.replace("http:", "ws:", 1) + "/console/live/"
    pages = [
        {"page": "connections", "query": ""},
        {"page": "traffic", "query": ""},
        {"page": "routing", "query": ""},
        {"page": "overview", "query": ""},
    ]

    async def follow(page: dict[str, str]) -> None:
        heard.append(said_to_it := [])
        async with websockets.connect(
            address, additional_headers={"Cookie": cookies, "Origin": origin}, max_size=None
        ) as socket:
            await socket.send(json.dumps(page))
            async for said in socket:
                said_to_it.append(str(said))
                await socket.send(json.dumps({"seen": True}))

    following = [asyncio.ensure_future(follow(page)) for page in pages]
    try:
        async with asyncio.timeout(SOON_S):
            while len(heard) < len(pages) or not all(heard):
                await asyncio.sleep(0.05)  # a pause between two looks at what the pages hear
            await sing(project)
            while "canary.sings" not in str(heard):
                await asyncio.sleep(0.05)  # as above
            await asyncio.sleep(1.0)  # and what comes after it is heard, too
    finally:
        for one in following:
            one.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    return [said for page in heard for said in page]


async def test_a_secret_is_found_nowhere(project: Project) -> None:
    heard = await listen(project)
    require_none("a batch", "\n".join(heard))
    pages = await asyncio.to_thread(read_pages, project)
    for path, page in pages.items():
        require_none(path, page)
    kept = await asyncio.to_thread(read_server, project.server)
    assert b"channelscope.relay" in b"".join(kept.values())
    for key, value in kept.items():
        # What the project itself has sent is there, because the project has sent it.
        require_none(key, value, SECRET)
    log = await asyncio.to_thread(project.log.read_bytes)
    assert b"canary.unheard" in log
    require_none("the log", log)
    for secret in (SECRET, CARRIED):
        # Last, because what is searched for is asked from the other process. Nobody's guess at a
        # secret is confirmed: a search finds what is shown, and nothing else.
        page = await asyncio.to_thread(project.console.see, f"traffic/?q={secret}")
        assert re.findall(r'data-id="([0-9a-f]+:\d+)"', page) == []


def has_all(page: str) -> bool:
    """Return whether each process has answered: who is busy may be late."""
    return "did not answer" not in page


def read_pages(project: Project) -> dict[str, str]:
    """Return every page and file that tells of the client."""
    console = project.console
    listed = console.wait_to_see("connections/", lambda page: "/ws/canary/" in page)
    traffic = console.wait_to_see("traffic/", has_all)
    pages = {"connections/": listed, "traffic/": traffic}
    connections = re.findall(r'<tr id="c-([0-9a-f]+)"', listed)
    positions = re.findall(r'data-id="([0-9a-f]+:\d+)"', traffic)
    traces = set(re.findall(r"traces/([0-9a-f]+)/", traffic + "".join(pages.values())))
    assert len(connections) >= 3
    assert len(positions) > 10
    paths = [
        "overview/",
        "routing/",
        "routing/?type=websocket&path=/ws/canary/x/",
        "traces/",
        "workers/",
        "settings/",
        "layers/",
        "client/",
        *(f"connections/{one}/" for one in connections),
        *(f"traffic/?message={one}" for one in positions),
        *(f"traces/{one}/" for one in traces),
        *(f"export/trace/{one}.otel.json" for one in traces),
        *EXPORTS,
    ]
    pages |= {path: console.wait_to_see(path, has_all) for path in paths}
    for path in EXPORTS:
        assert "visible" in pages[path] or "/ws/canary/" in pages[path], path
    assert any("canary.sings" in page for path, page in pages.items() if "message=" in path)
    for url in (project.seen.url, console.url):
        pages[f"{url}/console/metrics"] = read_metrics(url)
    return pages


def read_metrics(url: str) -> str:
    """Return what Prometheus is told of one process."""
    asking = urllib.request.Request(
        f"{url}/console/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}
    )
    with urllib.request.urlopen(asking, timeout=SOON_S) as response:
        counts: str = response.read().decode()
    assert "channelscope_ring_entries" in counts
    return counts


def read_server(server: RedisServer) -> dict[str, bytes]:
    """Return all that the server keeps, by key."""
    client = redis.Redis.from_url(server.url)
    readers: dict[bytes, Any] = {
        b"stream": client.xrange,
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    found = {}
    for key in client.scan_iter():
        kind = client.type(key)
        found[key.decode()] = key + flat(readers[kind](key))
    client.close()
    return found


def flat(value: Any) -> bytes:
    """Return all bytes in a value, one after the other."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"\n".join(flat(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple | set):
        return b"\n".join(map(flat, value))
    return str(value).encode()
