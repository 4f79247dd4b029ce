from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from console import recordings
from console.exports.record import Record, record
from console.models import Recording as Row
from console.recordings import Unrecorded
from tests.console.recording import Recording
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def staff(name: str) -> Any:
    return user(name, is_staff=True)


def taken(recording: Recording) -> list[Record]:
    reader = recording.relay.reader.entry_reader
    return [record(entry, reader) for entry in recording.recorder.journal]


def talk() -> tuple[Recording, Any]:
    recording = Recording()
    connection = recording.open("/ws/echo/", headers=[(b"cookie", b"sessionid=s3cret")])
    recording.receive(connection, "websocket.connect")
    recording.send(connection, "websocket.accept")
    recording.receive(connection, text="hello", password="x")
    recording.send(connection, bytes=b"\x89PNG\x00\xff")
    return recording, connection


async def begun(name: str = "Echo", **fields: Any) -> int:
    ada = await staff("ada")
    number = await recordings.begin(ada, name, "query", "path:/ws/echo/", "web-1")
    if fields:
        await Row.objects.filter(pk=number).aupdate(**fields)
    return number


async def test_what_was_taken_comes_back_as_it_was() -> None:
    recording, connection = talk()
    view = recording.relay.reader.connection(connection.id)
    assert view is not None
    number, records = await begun(), taken(recording)
    assert await recordings.add(number, records, {connection.id: view}, 0) == ""
    found = await recordings.recorded(number)
    assert list(found.records) == records
    assert found.views == {connection.id: view}
    assert found.records[-1].data == b"\x89PNG\x00\xff"


async def test_no_secret_is_in_the_table() -> None:
    recording, connection = talk()
    view = recording.relay.reader.connection(connection.id)
    assert view is not None
    number = await begun()
    await recordings.add(number, taken(recording), {connection.id: view}, 0)
    row = await Row.objects.aget(pk=number)
    steps = [str(step) async for step in row.steps.values_list("record", flat=True)]
    assert "s3cret" not in f"{row.connections} {steps}"


async def test_a_recording_is_full_after_so_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_STEPS", 3)
    recording, _ = talk()
    number, records = await begun(), taken(recording)
    assert await recordings.add(number, records, {}, 0) == "It has 3 steps."
    found = await recordings.summary(number)
    assert (found.step_count, found.missed) == (3, len(records) - 3)


async def test_a_recording_is_full_after_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_BYTES", 1_000)
    recording, _ = talk()
    number = await begun()
    assert "It has" in await recordings.add(number, taken(recording), {}, 0)
    assert (await recordings.summary(number)).size_bytes < 2_000


async def test_a_recording_ends_after_so_long() -> None:
    number = await begun(began_at=timezone.now() - timedelta(seconds=recordings.MOST_S + 1))
    assert await recordings.add(number, [], {}, 0) == "It was 600 s long."


async def test_the_oldest_make_room_and_a_running_one_is_never_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording, _ = talk()
    records = taken(recording)
    ada = await staff("ada")
    numbers = []
    for name in ("oldest", "running", "newest"):
        numbers.append(await recordings.begin(ada, name, "query", "is:open", "web-1"))
        await recordings.add(numbers[-1], records, {}, 0)
    await recordings.end(numbers[0], "done")
    size = (await recordings.summary(numbers[0])).size_bytes
    monkeypatch.setattr(recordings, "ROOM_BYTES", size * 3)
    await recordings.add(numbers[2], records, {}, 0)
    assert [row.name for row in await recordings.listed()] == ["newest", "running"]


async def test_one_whose_process_went_is_interrupted_and_can_be_ended() -> None:
    number = await begun(heard_at=timezone.now() - timedelta(seconds=30))
    assert (await recordings.summary(number)).state == "interrupted"
    await recordings.ask_to_end(number)
    found = await recordings.summary(number)
    assert (found.state, found.end_reason) == ("ended", "Its process ended.")


async def test_another_process_can_ask_it_to_end() -> None:
    number = await begun()
    await recordings.ask_to_end(number)
    assert (await recordings.summary(number)).state == "running"
    assert await recordings.add(number, [], {}, 0) == "It was stopped."


async def test_names_are_bounded_and_unknown_numbers_are_said() -> None:
    ada = await staff("ada")
    with pytest.raises(Unrecorded, match="1 to 80"):
        await recordings.begin(ada, " ", "query", "is:open", "web-1")
    with pytest.raises(Unrecorded, match="Expected one of"):
        await recordings.begin(ada, "x", "planet", "earth", "web-1")
    for asked in (recordings.summary(4711), recordings.recorded(4711)):
        with pytest.raises(LookupError):
            await asked
    with pytest.raises(LookupError):
        await recordings.rename(4711, "x")
