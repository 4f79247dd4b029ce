from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import DatabaseError

from console import audit
from console.action import MOST_CONNECTIONS, Action, Outcome, RefusedAction
from console.actions import MayNotSteer, Targets, steer
from tests.console.recording import Recording

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = {"what": "Sent to the client:", "on": "connection"}


@pytest.fixture
def steering(transactional_db: None) -> User:
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="steer"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def watching(transactional_db: None) -> User:
    return User.objects.create_user("grace", is_staff=True)


def wired(recording: Recording, count: int = 1) -> tuple[Targets, list[Any]]:
    """Return open connections, and what their clients get."""
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    connections = [recording.open() for _ in range(count)]
    for connection in connections:
        connection.loop, connection.send = asyncio.get_running_loop(), send
    epoch = recording.recorder.process.epoch
    return Targets({epoch: [connection.id for connection in connections]}), sent


async def test_an_action_is_done_and_leaves_one_line_that_says_what_came_of_it(
    recording: Recording, steering: User
) -> None:
    targets, sent = wired(recording)
    outcome = await steer(steering, Action("send", text="pin=1234 hi"), targets, **WORDS)
    assert outcome == Outcome(done=1)
    assert sent == [{"type": "websocket.send", "text": "pin=1234 hi"}]
    entry = await LogEntry.objects.aget()
    assert entry.user_id == steering.pk
    assert entry.change_message.startswith("Channelscope: Sent to the client:")
    assert entry.change_message.endswith("1 done.")
    assert "1234" not in entry.change_message
    assert recording.last().kind == "action"
    assert "by ada" in recording.last().note


async def test_whoever_may_only_watch_changes_nothing_and_leaves_no_line(
    recording: Recording, watching: User
) -> None:
    targets, sent = wired(recording)
    with pytest.raises(MayNotSteer, match=r"channelscope_console\.steer"):
        await steer(watching, Action("send", text="hi"), targets, **WORDS)
    assert sent == []
    assert await LogEntry.objects.acount() == 0


async def test_what_makes_no_sense_leaves_no_line(recording: Recording, steering: User) -> None:
    with pytest.raises(RefusedAction):
        await steer(steering, Action("close", code=1), Targets({}), **WORDS)
    assert await LogEntry.objects.acount() == 0


async def test_what_cannot_be_written_down_is_not_done(
    recording: Recording, steering: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> int:
        raise DatabaseError("no space left")

    targets, sent = wired(recording)
    monkeypatch.setattr(audit, "_write", fail)
    with pytest.raises(DatabaseError):
        await steer(steering, Action("send", text="hi"), targets, **WORDS)
    assert sent == []


async def test_many_are_done_in_portions_and_counted_together(
    recording: Recording, steering: User
) -> None:
    targets, sent = wired(recording, MOST_CONNECTIONS + 1)
    [(epoch, ids)] = targets.ids.items()
    targets = Targets({epoch: [*ids, "gone1"], "5f00c2": ["gone2"]})
    outcome = await steer(steering, Action("send", text="hi"), targets, **WORDS)
    assert outcome == Outcome(done=MOST_CONNECTIONS + 1, gone=2)
    assert len(sent) == MOST_CONNECTIONS + 1
    assert [entry.kind for entry in recording.recorder.journal].count("action") == 2


async def test_a_process_carries_out_one_portion_after_the_other(
    recording: Recording, steering: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: dict[str, int] = {}
    most: dict[str, int] = {}

    async def act(action: Action, epoch: str) -> Outcome:
        running[epoch] = running.get(epoch, 0) + 1
        most[epoch] = max(most.get(epoch, 0), running[epoch])
        await asyncio.sleep(0)
        running[epoch] -= 1
        return Outcome(done=len(action.connections))

    monkeypatch.setattr("console.actions.relay.act", act)
    ids = [f"a{number}" for number in range(3 * MOST_CONNECTIONS)]
    outcome = await steer(
        steering, Action("close"), Targets({"e0c4": ids, "5f00": ids}), what="Closed.", on="all"
    )
    assert outcome == Outcome(done=6 * MOST_CONNECTIONS)
    assert most == {"e0c4": 1, "5f00": 1}


def test_targets_are_named_by_process_and_id_each_once() -> None:
    words = ["e0c4:a1", "e0c4:a2", "e0c4:a1", "5f00:b1", "nonsense", "e0c4:<b>", ":a3", "x:"]
    targets = Targets.read(words)
    assert targets.ids == {"e0c4": ["a1", "a2"], "5f00": ["b1"]}
    assert targets.count == 3
    assert targets.words == ["e0c4:a1", "e0c4:a2", "5f00:b1"]
