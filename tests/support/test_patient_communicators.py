from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.testing import ApplicationCommunicator


async def late(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(20)
    await send({"type": "late"})


@pytest.mark.usefixtures("leaping_clock")
async def test_what_comes_late_is_waited_for_unless_a_test_says_for_how_long() -> None:
    async with ApplicationCommunicator(late, {"type": "any"}) as communicator:
        with pytest.raises(TimeoutError):
            await communicator.receive_output(timeout=19)
        assert await communicator.receive_output() == {"type": "late"}
