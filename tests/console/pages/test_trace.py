from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse

from console.pages.trace import TracePage
from tests.console.recording import Layer, Recording
from tests.console.watching import params, recording, user

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
        recording.begin(self.sender, self.event, waited_s=0.001)
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


async def test_one_span_leads_to_the_next_and_back(recording):
    chat = Chat(recording)
    page = await chat.page()
    shown = [row.span.position for row in page.rows if row.span.entry]
    assert (page.previous, page.next) == ("", shown[0])
    page = await chat.page(f"message={shown[1]}")
    assert (page.previous, page.next) == (shown[0], shown[2])
    page = await chat.page(f"message={shown[-1]}")
    assert (page.previous, page.next) == (shown[-2], "")


async def test_a_span_says_what_its_connection_did_while_it_waited(recording):
    connection = recording.open()
    recording.start(connection)
    first, second = recording.receive(connection, text="1"), recording.receive(connection, text="2")
    for event, waited_s in ((first, 0.0), (second, 0.5)):
        recording.begin(connection, event, waited_s=waited_s)
        recording.clock.advance(0.5)
        recording.recorder.handler_finished(connection, event, None)
    handler = recording.last()
    page = TracePage(params(f"message={recording.recorder.journal.spell(handler)}"), handler.trace)
    await page.load()
    assert page.wait is not None
    assert [(one.entry.type, round(one.ms)) for one in page.wait.own] == [
        ("websocket.receive", 500)
    ]
    assert [part.name for part in page.parts] == ["in the mailbox", "in its handler"]


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
    chat.recording.begin(chat.receiver, chat.message, waited_s=0.5)
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


@pytest.mark.django_db(transaction=True)
async def test_a_message_a_connection_and_a_group_lead_to_each_other(recording, async_client):
    chat = Chat(recording)
    chat.finish()
    await async_client.aforce_login(await sync_to_async(user)("ada", is_staff=True))
    position = next(
        recording.recorder.journal.spell(one) for one in recording.recorder.journal if one.trace
    )
    trace = reverse("channelscope:trace", args=[chat.trace_id])
    for address in (
        reverse("channelscope:traffic") + f"?message={position}",
        reverse("channelscope:connection", args=[chat.sender.id]) + f"?message={position}",
    ):
        page = (await async_client.get(address)).content.decode()
        assert f'href="{trace}?message={position.replace(":", "%3A")}"' in page
    page = (await async_client.get(trace)).content.decode()
    assert f'href="{reverse("channelscope:connection", args=[chat.sender.id])}"' in page
    assert f'href="{reverse("channelscope:group", args=["lobby"])}"' in page
    assert "export" in page
