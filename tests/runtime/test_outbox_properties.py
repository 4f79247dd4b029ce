"""Whatever is sent to a client, and however slowly it takes: what is unsent stays within its
bounds, nothing is reordered, and each frame is taken, or lost as the policy says, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from runtime.outbox import Outbox, Policy

LIMIT_MESSAGES = 3
LIMIT_BYTES = 10


@dataclass(frozen=True)
class Sends:
    """The consumer sends a frame."""

    key: str
    size_bytes: int


@dataclass(frozen=True)
class SaysMore:
    """The consumer sends an event that is no frame, which nothing may lose."""


@dataclass(frozen=True)
class Takes:
    """The client takes up to `count` events."""

    count: int


Step = Sends | SaysMore | Takes

steps = st.lists(
    st.one_of(
        st.builds(Sends, st.sampled_from("abcd"), st.integers(0, LIMIT_BYTES + 4)),
        st.builds(Sends, st.sampled_from("ab"), st.integers(1, 3)),
        st.builds(SaysMore),
        st.builds(Takes, st.integers(1, 4)),
    ),
    max_size=25,
)


@dataclass
class Line:
    """A consumer's outbox, and a client that takes an event when it is told to."""

    policy: Policy
    put: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    lost: list[dict[str, Any]] = field(default_factory=list)
    overflows: int = 0

    def __post_init__(self) -> None:
        self.in_hand: dict[str, Any] | None = None
        self.permits = asyncio.Semaphore(0)
        self.outbox = Outbox(
            self.deliver,
            self.policy,
            limit_messages=LIMIT_MESSAGES,
            limit_bytes=LIMIT_BYTES,
            key_of=lambda event: event["key"],
            on_lost=self.lost.append,
            on_overflow=self.note_overflow,
        )

    async def deliver(self, event: dict[str, Any]) -> None:
        self.in_hand = event
        await self.permits.acquire()
        self.taken.append(event)
        self.in_hand = None

    def note_overflow(self) -> None:
        self.overflows += 1

    async def put_frame(self, step: Sends) -> None:
        text = "x" * step.size_bytes
        await self.send({"type": "websocket.send", "text": text, "key": step.key})

    async def send(self, event: dict[str, Any]) -> None:
        event["number"] = len(self.put)
        self.put.append(event)
        await self.outbox.send(event)

    async def take(self, count: int) -> None:
        for _ in range(min(count, len(self.outbox))):
            wanted = len(self.taken) + 1
            self.permits.release()
            while len(self.taken) < wanted:
                await asyncio.sleep(0)
        await asyncio.sleep(0)  # the writer picks up the next one

    def unsent(self) -> list[dict[str, Any]]:
        waiting = [frame.event for frame in self.outbox._waiting]
        return waiting if self.in_hand is None else [self.in_hand, *waiting]


def frames(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == "websocket.send"]


def numbers(events: Sequence[dict[str, Any]]) -> list[int]:
    return [event["number"] for event in events]


async def perform(policy: Policy, script: list[Step]) -> Line:
    line = Line(policy)
    for step in script:
        if isinstance(step, Sends):
            await line.put_frame(step)
        elif isinstance(step, SaysMore):
            await line.send({"type": "websocket.accept"})
        else:
            await line.take(step.count)
        check_bounds(line)
    await line.take(len(line.outbox))
    await line.outbox.close()
    assert (len(line.outbox), line.unsent()) == (0, [])
    return line


def check_bounds(line: Line) -> None:
    unsent = line.unsent()
    assert len(line.outbox) == len(unsent)
    waiting = frames(unsent)
    # What is not a frame cannot be refused, and the frame that is being written not be taken back.
    alone = 2 if line.policy == "coalesce" else 1
    assert len(waiting) <= max(LIMIT_MESSAGES, alone)
    size_bytes = sum(len(event["text"]) for event in waiting)
    assert size_bytes <= LIMIT_BYTES or len(waiting) <= alone


def check_story(line: Line) -> None:
    is_other = [event for event in line.put if event["type"] != "websocket.send"]
    assert [event for event in line.taken if event["type"] != "websocket.send"] == is_other
    assert not set(numbers(line.taken)) & set(numbers(line.lost))
    gone = len(line.taken) + len(line.lost) + line.outbox.coalesced
    assert gone == len(line.put), "an event vanished, or came twice"
    assert line.overflows <= (1 if line.policy == "close" else 0)


def run(policy: Policy, script: list[Step]) -> Line:
    line = asyncio.run(perform(policy, script), debug=True)
    check_story(line)
    return line


policies = pytest.mark.parametrize("policy", ["drop", "close"])


@policies
@given(steps)
@effort(max_examples=150, deadline=None)
def test_what_a_slow_client_takes_is_in_order(policy: Policy, script: list[Step]) -> None:
    line = run(policy, script)
    assert numbers(line.taken) == sorted(numbers(line.taken))
    assert line.outbox.coalesced == 0


@given(steps)
@effort(max_examples=150, deadline=None)
def test_nothing_more_is_sent_to_a_client_that_was_too_slow(script: list[Step]) -> None:
    line = run("close", script)
    assert bool(line.lost) == bool(line.overflows)
    if line.lost:
        last_taken = max(numbers(frames(line.taken)), default=-1)
        assert last_taken < min(numbers(line.lost))
        assert numbers(line.lost) == numbers(frames(line.put))[-len(line.lost) :]


@given(steps)
@effort(max_examples=300, deadline=None)
def test_a_client_gets_the_latest_of_what_coalesces(script: list[Step]) -> None:
    line = run("coalesce", script)
    sent = frames(line.put)
    if sent:
        assert sent[-1]["number"] in numbers(line.taken)
    for key in "abcd":
        of_key = [event["number"] for event in line.taken if event.get("key") == key]
        assert of_key == sorted(of_key)
