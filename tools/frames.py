"""What a room that never stands still costs a browser: frames a second and long tasks by Chromium's
own trace, and the page's memory over time.

    python -m tools.frames --entries 200 --trace-s 20 --memory-s 180
    python -m tools.frames --room connections --connections 5000

Owns the load, which is steady, and the reading of the trace. The page asks for every frame, as one
does that somebody scrolls: a frame that comes late is seen. Of many connections those speak in turn
that a list of the newest has on its page.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import websockets
from playwright.async_api import Browser, CDPSession, async_playwright
from websockets.typing import Origin

from tests.e2e.servers import DAPHNE, DemoServer, running_demo
from tools import browser
from tools.scene import CHROMIUM_ARGUMENTS

ENTRIES_PER_ECHO = 3
"""What the console has of one echo: the event, its handler, and the answer."""

ROWS = {"traffic": "#tail [data-id]", "connections": "#connections tr"}
"""The rooms that can be measured, and what a row is there."""

SPEAKING = 200
OPENING_AT_ONCE = 50
LONG_TASK_US = 50_000
SAMPLE_S = 10.0
CATEGORIES = "devtools.timeline,disabled-by-default-devtools.timeline.frame,toplevel,__metadata"

PARTS = (
    "FunctionCall",
    "EventDispatch",
    "FireAnimationFrame",
    "HitTest",
    "IntersectionObserverController::computeIntersections",
    "Layerize",
    "Layout",
    "MinorGC",
    "MajorGC",
    "Commit",
    "Paint",
    "ParseHTML",
    "PrePaint",
    "RasterTask",
    "UpdateLayoutTree",
)
"""Events of the trace that say what a page is busy with. One may lie within another."""

ASK_FOR_EVERY_FRAME = """() => {
    const times = (globalThis.frameTimes = []);
    const tick = (at) => { times.push(at); globalThis.asking = requestAnimationFrame(tick); };
    globalThis.asking = requestAnimationFrame(tick);
}"""


@dataclass(frozen=True, slots=True)
class Frames:
    """What a trace says.

    Attributes:
        drawn: frames a second.
        dropped: frames a second that the compositor says it dropped.
        late_share: of the page's frames, which part came more than half a frame late.
        long_tasks: of the page's main thread, their milliseconds.
        long_on_processor: of those, the milliseconds that the thread ran: the others waited for
            a processor that something else kept busy.
        busy_share: how much of the time the page's main thread ran.
        spent_ms: of each second, by what the page was busy with.
        document: elements in the document, in the end.
    """

    drawn: float
    dropped: float
    late_share: float
    long_tasks: list[float]
    long_on_processor: list[float]
    busy_share: float
    spent_ms: dict[str, float]
    document: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What the page holds, after its garbage has been collected."""

    at_s: float
    heap_mb: float
    nodes: int
    listeners: int
    rows: int


async def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--room", choices=ROWS, default="traffic")
    parser.add_argument("--connections", type=int, default=1, help="that are open")
    parser.add_argument("--entries", type=float, default=200.0, help="a second")
    parser.add_argument("--trace-s", type=float, default=20.0)
    parser.add_argument("--memory-s", type=float, default=180.0)
    asked = parser.parse_args(arguments)
    path = browser.find()
    if path is None:
        raise FileNotFoundError(browser.MISSING)
    with (
        tempfile.TemporaryDirectory() as data,
        running_demo(DAPHNE, Path(data)) as demo,
    ):
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(
                executable_path=path, args=CHROMIUM_ARGUMENTS
            )
            per_second = asked.entries / ENTRIES_PER_ECHO
            async with _echoes(demo, per_second, asked.connections) as sent:
                await _measure(chromium, demo, asked, sent)
            await chromium.close()


async def _measure(
    chromium: Browser, demo: DemoServer, asked: argparse.Namespace, sent: list[int]
) -> None:
    page = await chromium.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(demo.new_sign_in_link())
    await page.goto(f"{demo.url}/console/{asked.room}/")
    cdp = await page.context.new_cdp_session(page)
    rows = page.locator(ROWS[asked.room])
    there = rows.nth(20) if asked.connections > SPEAKING or asked.room == "traffic" else rows.first
    await there.wait_for(state="attached", timeout=60_000)
    await page.evaluate(ASK_FOR_EVERY_FRAME)
    before, began = sent[0], time.monotonic()
    events = await _traced(cdp, asked.trace_s)
    late = await page.evaluate("globalThis.frameTimes")
    await page.evaluate("cancelAnimationFrame(globalThis.asking)")
    rate = (sent[0] - before) * ENTRIES_PER_ECHO / (time.monotonic() - began)
    document = await page.evaluate("document.querySelectorAll('*').length")
    frames = _read(events, asked.trace_s, late, document)
    measured = {"entries_per_s": round(rate, 1), "load": os.getloadavg()[0], **_plain(frames)}
    print(json.dumps(measured), flush=True)
    await cdp.send("Performance.enable")
    started = time.monotonic()
    while (at_s := time.monotonic() - started) <= asked.memory_s:
        found = await _memory(cdp, at_s, await rows.count())
        print(json.dumps(_plain(found)), flush=True)
        await asyncio.sleep(SAMPLE_S)  # a pause between two samples


@asynccontextmanager
async def _echoes(demo: DemoServer, per_second: float, count: int) -> AsyncIterator[list[int]]:
    """Let clients talk to the echo at a steady rate; yield how much they have said so far."""
    sent = [0]
    async with AsyncExitStack() as stack:
        sockets: list[Any] = []
        for opened in range(0, count, OPENING_AT_ONCE):
            some = range(min(OPENING_AT_ONCE, count - opened))
            sockets += await asyncio.gather(*(_open(stack, demo) for _ in some))
        tasks = [asyncio.create_task(_talk(sockets[-SPEAKING:], per_second, sent))]
        tasks += [asyncio.create_task(_hear(socket)) for socket in sockets]
        try:
            yield sent
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _open(stack: AsyncExitStack, demo: DemoServer) -> Any:
    return await stack.enter_async_context(
        websockets.connect(
            f"{demo.websocket_url}/ws/echo/",
            origin=Origin(demo.url),
            open_timeout=60,
            ping_interval=None,
        )
    )


async def _talk(sockets: Sequence[Any], per_second: float, sent: list[int]) -> None:
    started = time.monotonic()
    while True:
        due = int((time.monotonic() - started) * per_second)
        while sent[0] < due:
            text = {"type": "quote", "symbol": "BTC-USD", "price": 98_000 + sent[0] % 997}
            await sockets[sent[0] % len(sockets)].send(json.dumps(text))
            sent[0] += 1
        await asyncio.sleep(1 / per_second)


async def _hear(socket: Any) -> None:
    async for _ in socket:
        pass


async def _traced(cdp: CDPSession, seconds: float) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    complete = asyncio.get_running_loop().create_future()
    cdp.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    cdp.on("Tracing.tracingComplete", lambda _: complete.set_result(None))
    await cdp.send("Tracing.start", {"categories": CATEGORIES, "transferMode": "ReportEvents"})
    await asyncio.sleep(seconds)  # the length of what is measured
    await cdp.send("Tracing.end")
    await complete
    return events


def _read(
    events: list[dict[str, Any]], seconds: float, times: list[float], document: int
) -> Frames:
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    # Of several renderers the page's own is the one that did the work.
    busy: dict[tuple[int, int], list[tuple[float, float]]] = {one: [] for one in threads}
    for event in events:
        where = (event["pid"], event["tid"])
        if where in busy and event["name"] in ("RunTask", "ThreadControllerImpl::RunTask"):
            busy[where].append((event.get("dur", 0), event.get("tdur", 0)))
    page = max(busy, key=lambda where: sum(ran for _, ran in busy[where]))
    tasks = busy[page]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    return Frames(
        drawn=sum(event["name"] == "DrawFrame" for event in events) / seconds,
        dropped=sum(event["name"] == "DroppedFrame" for event in events) / seconds,
        late_share=sum(gap > 25 for gap in gaps) / max(len(gaps), 1),
        long_tasks=_longest(lasted for lasted, _ in tasks),
        long_on_processor=_longest(ran for _, ran in tasks),
        busy_share=round(sum(ran for _, ran in tasks) / seconds / 1e6, 3),
        spent_ms=_spent(events, page[0], seconds),
        document=document,
    )


def _spent(events: list[dict[str, Any]], page: int, seconds: float) -> dict[str, float]:
    """Return for how many milliseconds of each second a page's process was busy with what."""
    spent: Counter[str] = Counter()
    for event in events:
        if event["name"] in PARTS and event["pid"] == page:
            spent[event["name"]] += event.get("tdur", event.get("dur", 0))
    return {name: round(us / 1_000 / seconds, 2) for name, us in spent.most_common()}


def _longest(durations_us: Iterable[float]) -> list[float]:
    long = (round(one / 1_000, 1) for one in durations_us if one > LONG_TASK_US)
    return sorted(long, reverse=True)


async def _memory(cdp: CDPSession, at_s: float, rows: int) -> Memory:
    await cdp.send("HeapProfiler.collectGarbage")
    told = (await cdp.send("Performance.getMetrics"))["metrics"]
    metrics = {metric["name"]: metric["value"] for metric in told}
    return Memory(
        at_s=round(at_s, 1),
        heap_mb=round(metrics["JSHeapUsedSize"] / 1e6, 2),
        nodes=int(metrics["Nodes"]),
        listeners=int(metrics["JSEventListeners"]),
        rows=rows,
    )


def _plain(value: Frames | Memory) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


if __name__ == "__main__":
    asyncio.run(main())
