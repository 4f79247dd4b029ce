from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.action import Action, Outcome
from console.reader import Reader
from console.relay_protocol import Act, Answer, Ask, Beat, cut
from console.relay_replies import Replies, heard
from console.relay_requests import MOST_ANSWERED, Requests
from tests.console.recording import PROCESS, Recording

CONSOLE = "console!1"


class Transport:
    """Stands for the way to the others.

    Attributes:
        said: what went out, by the channel that it went to.
        takes: how many more messages it takes.
    """

    channel = "here!1"

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []
        self.takes = 1_000

    async def send(self, channel: str, frame: Any) -> bool:
        self.takes -= 1
        if self.takes < 0:
            return False
        self.said.append((channel, frame))
        return True


class Publisher:
    """Stands for what introduces this process to a console."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def introduce(self, console: str) -> None:
        await self.transport.send(console, "introduced")


class Here:
    """One process that is asked."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.transport = Transport()
        transport: Any = self.transport
        publisher: Any = Publisher(self.transport)
        self.requests = Requests(Reader(self.recording.recorder), transport, publisher)

    async def settle(self) -> None:
        while tasks := list(self.requests.tasks()):
            await asyncio.wait(tasks, timeout=30)

    async def answer(self, *frames: Any) -> list[Answer]:
        """Return the answers to these, once all are given."""
        for frame in frames:
            self.requests.take(frame)
        await self.settle()
        return [one for _, one in self.transport.said if isinstance(one, Answer)]


@pytest.fixture
def here() -> Here:
    return Here()


def ask(question: str = "connection", console: str = CONSOLE, **arguments: Any) -> Ask:
    return Ask("a1", console, question, arguments or {"id": "nobody"})


async def test_who_asks_learns_first_who_it_is_that_answers(here: Here) -> None:
    [answer] = await here.answer(ask())
    assert here.transport.said == [(CONSOLE, "introduced"), (CONSOLE, answer)]
    assert (answer.ask, answer.epoch, answer.part, answer.parts) == ("a1", PROCESS.epoch, 0, 1)


async def test_what_the_own_console_asks_is_read_without_the_relay(here: Here) -> None:
    assert await here.answer(ask(console=Transport.channel)) == []
    assert here.transport.said == []


@pytest.mark.parametrize(
    "wrong",
    [
        ask("nonsense"),
        ask("connection", id=7),
        ask("entry", offset=-1),
        ask("matching", query='"never closed'),
        ask("matching", query="x" * 100_000),
        ask("matching"),
    ],
)
async def test_a_question_that_nobody_asks_so_is_not_answered(here: Here, wrong: Ask) -> None:
    assert await here.answer(wrong) == []
    assert len(await here.answer(ask())) == 1, "the next one is"


async def test_a_long_answer_comes_in_parts_of_which_each_fits_a_message(here: Here) -> None:
    for number in range(300):
        here.recording.open(f"/{number}/" + "x" * 2_000)
    request = {"query": "", "sort": "", "hidden": [], "limit": 300}
    answers = await here.answer(ask("listing", **request))
    assert len(answers) > 3
    assert [one.part for one in answers] == list(range(answers[0].parts))
    text = "".join(one.text for one in answers)
    assert cut(text) == [one.text for one in answers]
    assert len(text.split("\n")) == 301


async def test_the_rest_of_an_answer_is_not_sent_where_a_part_is_not_taken(here: Here) -> None:
    for number in range(300):
        here.recording.open(f"/{number}/" + "x" * 2_000)
    here.transport.takes = 2  # the introduction, and one part
    request = {"query": "", "sort": "", "hidden": [], "limit": 300}
    assert len(await here.answer(ask("listing", **request))) == 1
    assert here.transport.takes == -1


async def test_one_question_too_many_at_once_is_passed_over(here: Here) -> None:
    many = [Ask(str(number), CONSOLE, "connection", {"id": "x"}) for number in range(20)]
    answers = await here.answer(*many)
    assert [one.ask for one in answers] == [str(number) for number in range(MOST_ANSWERED)]
    assert len(await here.answer(ask())) == MOST_ANSWERED + 1


async def test_what_came_of_an_action_is_answered_and_of_its_copy_nothing(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.relay_requests.time.time", lambda: 100.0)
    act = Act("b1", CONSOLE, PROCESS.epoch, 100.0, Action("close", connections=("gone",)))
    [answer] = await here.answer(act, act)
    [read] = await heard(Replies({answer.epoch: answer.text}), Outcome)
    assert read.values == [Outcome(gone=1)]
    assert not any(isinstance(one, Beat) for _, one in here.transport.said)
