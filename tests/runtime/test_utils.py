import asyncio

import pytest

from runtime.consumer import AsyncConsumer
from runtime.utils import await_many_dispatch, name_that_thing


class Bot(AsyncConsumer):
    def method(self):
        pass


def function():
    pass


HERE = "tests.runtime.test_utils"


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (function, f"{HERE}.function"),
        (Bot, f"{HERE}.Bot"),
        (Bot(), f"{HERE}.Bot"),
        (Bot().method, f"{HERE}.Bot.method"),
        (Bot.as_asgi(), f"{HERE}.Bot"),
    ],
)
def test_a_thing_has_the_name_under_which_one_looks_for_it(thing, name):
    assert name_that_thing(thing) == name


async def test_every_result_is_dispatched_until_a_callable_fails():
    queues = [asyncio.Queue(), asyncio.Queue()]
    seen = []

    class Done(Exception):
        pass

    async def dispatch(message):
        seen.append(message)
        if len(seen) == 4:
            raise Done

    for n in range(2):
        for queue in queues:
            queue.put_nowait(n)
    with pytest.raises(Done):
        async with asyncio.timeout(30):
            await await_many_dispatch([queue.get for queue in queues], dispatch)
    assert sorted(seen) == [0, 0, 1, 1]
    assert asyncio.all_tasks() == {asyncio.current_task()}
