from __future__ import annotations

import pytest

from console.pages.trace import TracePage
from tests.console.recording import Layer, Recording
from tests.console.watching import params, recording

__all__ = ["recording"]


class Chat:
    """A message that is half handled: sent to a group, delivered to one of two."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.recorder = recording, recording.recorder
        self.sender, self.receiver = recording.open(), recording.open()
        recording.start(self.sender)
        recording.start(self.receiver, channel="specific!b")
        self.event = recording.receive(self.sender, text="hi")
        self.trace_id = recording.last().trace
        self.recorder.handler_started(self.sender, self.event, None, 0.001)
        self.message = {"type": "chat.message"}
        cause = self.recorder.group_sent(self.sender, Layer(), "lobby", self.message, 2)
        self.recorder.message_delivered(self.receiver, "specific!b", self.message, cause)

    def finish(self, error: BaseException | None = None) -> None:
        self.recording.clock.advance(0.02)
        self.recording.send(self.sender, text="hi yourself")
        self.recorder.handler_finished(self.sender, self.event, error)

    async def page(self, query: str = "") -> TracePage:
        page = TracePage(params(query), self.trace_id)
        await page.load()
        return page


async def test_the_head_says_what_began_it_where_it_went_and_what_is_missing(recording):
    page = await Chat(recording).page()
    assert page.root is not None
    assert page.root.preview == "hi"
    assert page.group == "lobby"
    assert (page.delivered, page.expected) == (1, 2)
    assert page.first_reply_ms is None


async def test_a_trace_grows_while_somebody_looks(recording):
    chat = Chat(recording)
    page = await chat.page()
    page.status()
    assert not (await page.update()).partials
    before = len(page.rows)
    chat.finish()
    update = await page.update()
    targets = [one.target for one in update.partials if one.target != "#status"]
    assert targets == ["#trace-head", "#spans", "#sequence"]
    assert len(page.rows) == before + 2
    assert page.first_reply_ms == pytest.approx(20)


async def test_what_others_do_does_not_make_it_draw_again(recording):
    chat = Chat(recording)
    page = await chat.page()
    page.status()
    other = recording.open("/ws/other/")
    recording.receive(other, text="nothing of this")
    assert "#spans" not in {one.target for one in (await page.update()).partials}


async def test_a_failed_handler_stands_in_the_head_and_its_span_has_the_traceback(recording):
    chat = Chat(recording)
    try:
        raise KeyError("room")
    except KeyError as error:
        chat.finish(error)
    (failure,) = (await chat.page()).failures
    page = await chat.page(f"message={failure.position}")
    assert page.span is not None
    assert page.span.position == failure.position
    assert "KeyError: 'room'" in page.message.traceback


async def test_a_span_says_how_long_it_was_on_its_way(recording):
    chat = Chat(recording)
    recording.clock.advance(0.5)
    chat.recorder.handler_started(chat.receiver, chat.message, None, 0.5)
    chat.recorder.handler_finished(chat.receiver, chat.message, None)
    page = await chat.page()
    delivery = next(
        span for span in page.trace.spans if span.entry and span.entry.kind == "deliver"
    )
    page = await chat.page(f"message={delivery.position}")
    assert page.span_waited_ms == pytest.approx(500)


@pytest.mark.parametrize("trace_id", ["nothing", "no slug: at all", ""])
async def test_a_trace_of_which_nothing_is_held_is_not_there(recording, trace_id):
    with pytest.raises(LookupError):
        await TracePage(params(), trace_id).load()
