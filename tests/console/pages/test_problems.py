from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from console.activity import Activity, DeepMailbox
from console.pages.problems import problems
from console.process import ProcessReport, ProcessStatus, Totals
from tests.console.pages.test_overview_figures import activity, handler
from tests.console.recording import PROCESS, Layer, Recording


def found(
    activities: tuple[Activity, ...] = (), entries: Any = (), statuses: Any = (), **given: Any
):
    return problems(entries, activities, statuses, **{"lag_s": {}, "limits": [], **given})


async def errors(recording: Recording) -> Any:
    page = await recording.relay.entries()
    return [entry for entry in page.entries if entry.direction == "error"]


def fail(recording: Recording, connection: Any, error: Exception) -> None:
    message = recording.receive(connection, text="x")
    recording.begin(connection, message)
    recording.recorder.handler_finished(connection, message, error)


async def test_the_same_error_again_is_counted_and_leads_to_the_latest() -> None:
    recording = Recording()
    connection = recording.open()
    recording.start(connection)
    for _ in range(3):
        recording.clock.advance(1.0)
        fail(recording, connection, KeyError("room"))
    recording.clock.advance(1.0)
    fail(recording, connection, ValueError("no"))
    entries = await errors(recording)
    newest, other = found(entries=entries)
    assert (newest.count, other.count) == (1, 3)
    assert "KeyError: 'room'" in other.sentence
    assert (other.tone, other.at) == ("error", 1_003.0)
    assert other.view == "channelscope:traffic"
    assert parse_qs(other.query) == {"q": ["dir:error"], "message": [entries[2].position]}


async def test_drops_of_one_channel_and_reason_are_one_problem() -> None:
    recording = Recording()
    for number in range(4):
        message = {"type": "job", "number": number}
        recording.recorder.message_dropped(None, "jobs", message, "capacity", None)
    recording.recorder.message_sent(None, Layer(), "jobs", {"type": "job"})
    [problem] = found(entries=await errors(recording))
    assert (problem.title, problem.count, problem.tone) == ("jobs lost job", 4, "warn")
    assert problem.sentence == "No room: its channel or mailbox was full"


async def test_a_path_without_a_route_leads_to_the_tester() -> None:
    recording = Recording()
    connection = recording.open("/ws/chta/")
    recording.recorder.route_missed(connection, "ws/chta/", ["ws/chat/"])
    missed = activity(missed={"/ws/chta/?a=1&b=2": 3})
    [problem] = found((missed, missed), await errors(recording))
    assert (problem.view, problem.count) == ("channelscope:routing", 6)
    assert parse_qs(problem.query) == {"path": ["/ws/chta/?a=1&b=2"]}


def test_a_handler_is_slow_when_it_has_run_often_enough_to_say_so() -> None:
    slow = activity(handlers=(handler("Chat", "chat.message", *[0.2] * 5),))
    [problem] = found((slow,))
    assert problem.title == "Chat.chat_message"
    assert problem.sentence.startswith("Slow: p95 ")
    assert parse_qs(problem.query)["q"] == ["consumer:Chat dir:handler took:>50ms"]
    assert found((activity(handlers=(handler("Chat", "x", *[0.2] * 4),)),)) == []
    assert found((activity(handlers=(handler("Chat", "x", *[0.01] * 50),)),)) == []


def test_processes_that_are_silent_or_busy_are_named() -> None:
    report = ProcessReport(PROCESS, Totals(0.0, 0.0, 0.0, 0, 1, 0, 0, 0, {}))
    [silent] = found(statuses=[ProcessStatus(report, "stale", 12.0)])
    assert (silent.title, silent.sentence) == (
        "web-1 stopped reporting",
        "Nothing heard for 12.0 s",
    )
    [busy] = found(statuses=[ProcessStatus(report)], lag_s={"web-1": 0.25})
    assert (busy.title, busy.query) == ("web-1 is busy", "process=web-1")
    assert found(statuses=[ProcessStatus(report)], lag_s={"web-1": 0.05}) == []


def test_what_is_so_now_comes_before_what_has_happened() -> None:
    deep = activity(
        deepest=(DeepMailbox("0123456789ab", "/ws/", "Chat", 12),), missed={"/nowhere/": 1}
    )
    first, limit, last = [*found((deep,), limits=["Another version."])][:3]
    assert [first.sentence, limit.sentence, last.title] == [
        "Another version.",
        "12 messages wait for it",
        "/nowhere/",
    ]
    assert (limit.view, limit.subject) == ("channelscope:connection", "0123456789ab")
