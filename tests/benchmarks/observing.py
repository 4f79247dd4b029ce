"""What observation costs: the recorder under a flood, and ten thousand connections read at once.

Run by `python -m tests.benchmarks.observing`; needs no server. Prints one line a figure.
"""

from __future__ import annotations

import asyncio
import os
import time

import django

CONNECTIONS = 10_000
ENTRIES = 200_000


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.console.recording import Recording

    print(f"one entry written: {measure_entry(Recording()):.2f} us")
    recording = Recording()
    for number in range(CONNECTIONS):
        scope = {"client": ["10.0.0.1", number], "query_string": b"page=1"}
        recording.start(recording.open(f"/ws/chat/{number}/", **scope), channel=f"a!{number}")
    for label, query in (("all", ""), ("a path", "path:*99*"), ("a word", "lobby")):
        asyncio.run(measure_listing(recording, label, query))


def measure_entry(recording: object) -> float:
    """Return the microseconds that one event costs its recorder."""
    from tests.console.recording import Recording

    assert isinstance(recording, Recording)
    connection, event = recording.open(), {"type": "websocket.receive", "text": "x" * 200}
    write = recording.recorder.event_received
    started_at = time.perf_counter()
    for _ in range(ENTRIES):
        write(connection, event)
    return (time.perf_counter() - started_at) / ENTRIES * 1_000_000


async def measure_listing(recording: object, label: str, query: str) -> None:
    """Print how long the first page of a list takes, and its longest slice of the loop."""
    from console.ordering import Order
    from console.query import parse
    from tests.console.recording import Recording

    assert isinstance(recording, Recording)
    reader = recording.relay.reader
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0)
    started_at = time.perf_counter()
    await reader.listing(parse(query) or None, Order(), (), 200)
    took = time.perf_counter() - started_at
    watching.cancel()
    print(
        f"{CONNECTIONS} connections, {label}: {took * 1_000:.0f} ms,"
        f" longest slice {longest * 1_000:.1f} ms"
    )


if __name__ == "__main__":
    main()
