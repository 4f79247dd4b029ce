from __future__ import annotations

import asyncio

from console.demo.consumers.ticker import TickerConsumer
from tests.demo.consumers.visiting import TIMEOUT_S, visit

hasty = TickerConsumer.as_asgi(interval_s=0.001)


def ticking() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name().startswith("ticker ")]


async def test_ticks_are_numbered_from_none_and_keep_coming() -> None:
    async with visit("/", application=hasty) as visitor:
        assert [(await visitor.hear())["count"] for _ in range(4)] == [0, 1, 2, 3]


async def test_a_visitor_who_speaks_changes_nothing() -> None:
    async with visit("/", application=hasty) as visitor:
        await visitor.send_to(text_data="stop")
        await visitor.send_to(bytes_data=b"stop")
        first = (await visitor.hear())["count"]
        assert (await visitor.hear())["count"] == first + 1


async def test_the_ticking_ends_with_the_visit() -> None:
    async with visit("/", application=hasty) as visitor:
        await visitor.hear()
        (task,) = ticking()
        await visitor.disconnect(timeout=TIMEOUT_S)
        assert task.cancelled()
        assert not ticking()


async def test_the_first_tick_does_not_wait_for_the_first_interval() -> None:
    async with visit("/", application=TickerConsumer.as_asgi(interval_s=3600)) as visitor:
        assert (await visitor.hear())["count"] == 0
