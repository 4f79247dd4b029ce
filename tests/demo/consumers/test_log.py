from __future__ import annotations

import pytest

from console.demo.models import Log
from console.demo.routing import websockets
from tests.demo.consumers.visiting import TIMEOUT_S, Visitor

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_visit_is_written_down_from_its_beginning_to_its_end() -> None:
    async with Visitor(websockets, "/ws/log/") as visitor:
        visitor.scope["client"] = ["127.0.0.1", 52144]
        assert (await visitor.connect(TIMEOUT_S))[0]
        assert await visitor.hear_text() == "1 visit so far"
        (line,) = [line async for line in Log.objects.all()]
        assert (line.type, line.client) == ("connected", ["127.0.0.1", 52144])

        await visitor.disconnect(timeout=TIMEOUT_S)
        last = await Log.objects.alatest("pk")
        assert (last.type, last.client) == ("disconnected", ["127.0.0.1", 52144])


async def test_visits_are_counted_and_the_count_can_be_asked_for() -> None:
    await Log.objects.acreate(type="connected")
    async with Visitor(websockets, "/ws/log/") as visitor:
        assert (await visitor.connect(TIMEOUT_S))[0]
        assert await visitor.hear_text() == "2 visits so far"
        await Log.objects.acreate(type="connected")
        await visitor.send_to(text_data="and now?")
        assert await visitor.hear_text() == "3 visits so far"
