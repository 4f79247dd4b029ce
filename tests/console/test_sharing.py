from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from console.sharing import Shared


class Question:
    """Counts how often it is asked, and answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        await self.may_answer.wait()
        return number


def get(
    shared: Shared, ask: Callable[[], Coroutine[Any, Any, int]], now: float, question: str = "what"
) -> asyncio.Task[int]:
    return asyncio.ensure_future(shared.get(question, ask, now=now, age_s=0.2))


async def test_who_asks_the_same_meanwhile_or_soon_after_gets_the_same_answer() -> None:
    shared, question = Shared(), Question()
    first, second = get(shared, question, 1.0), get(shared, question, 1.1)
    await asyncio.sleep(0)
    question.may_answer.set()
    assert [await first, await second, await get(shared, question, 1.19)] == [1, 1, 1]
    assert await get(shared, question, 1.3) == 2, "it is too old"


async def test_another_question_is_another_matter() -> None:
    shared, question = Shared(), Question()
    question.may_answer.set()
    assert await get(shared, question, 1.0) == 1
    assert await get(shared, question, 1.0, "what else") == 2


async def test_who_asked_first_may_go_without_the_others_losing_their_answer() -> None:
    shared, question = Shared(), Question()
    first, second = get(shared, question, 1.0), get(shared, question, 1.0)
    await asyncio.sleep(0)
    first.cancel()
    question.may_answer.set()
    assert await second == 1
    assert first.cancelled()


async def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    async def fail() -> int:
        raise LookupError("nobody knows")

    shared, question = Shared(), Question()
    question.may_answer.set()
    for one in (get(shared, fail, 1.0), get(shared, fail, 1.0)):
        with pytest.raises(LookupError):
            await one
    assert await get(shared, question, 1.0) == 1


def test_an_answer_of_another_event_loop_is_asked_for_again() -> None:
    shared = Shared()

    async def ask() -> int:
        question = Question()
        question.may_answer.set()
        await get(shared, question, 1.0)
        return question.asked

    assert [asyncio.run(ask()), asyncio.run(ask())] == [1, 1]
