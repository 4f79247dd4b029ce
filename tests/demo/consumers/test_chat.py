from __future__ import annotations

from base64 import b64decode

import pytest

from console.demo.consumers.chat import MAX_ROOM_CHARS, MAX_TEXT_CHARS
from console.demo.routing import channels, websockets
from console.demo.thumbnails import draw
from runtime.embedded_worker import WithWorker
from tests.demo.consumers.visiting import TIMEOUT_S, Visitor, visit

LOBBY = "/ws/chat/lobby/"


async def settle(*visitors: Visitor) -> None:
    """Return when everybody's arrival has been told to everybody."""
    for visitor in visitors:
        await visitor.send_json_to({"type": "message", "text": "settled"})
        for other in visitors:
            await other.hear_until("message")


@pytest.mark.parametrize(
    ("path", "name", "code"),
    [(LOBBY, None, 4401), (f"/ws/chat/{'x' * (MAX_ROOM_CHARS + 1)}/", "grace", 4404)],
)
async def test_who_may_not_enter_is_told_why_by_a_close_code(
    path: str, name: str | None, code: int
) -> None:
    async with visit(path, name) as visitor:
        close = await visitor.receive_output(TIMEOUT_S)
        assert (close["type"], close["code"]) == ("websocket.close", code)
        assert close["reason"]


async def test_a_newcomer_and_those_who_are_there_learn_of_each_other() -> None:
    async with visit(LOBBY, "grace") as grace:
        welcome = await grace.hear()
        assert (welcome["type"], welcome["room"]) == ("welcome", "lobby")
        assert await grace.hear() == {"type": "joined", "user": welcome["you"]}

        async with visit(LOBBY, "linus") as linus:
            him = (await linus.hear_until("welcome"))["you"]
            assert him["name"] == "linus"
            assert await grace.hear() == {"type": "joined", "user": him}
            assert await linus.hear_until("present") == {"type": "present", "user": welcome["you"]}


async def test_two_tabs_of_one_person_are_two_members() -> None:
    async with visit(LOBBY, "grace") as one, visit(LOBBY, "grace") as other:
        first, second = await one.hear_until("welcome"), await other.hear_until("welcome")
        assert first["you"]["name"] == second["you"]["name"]
        assert first["you"]["id"] != second["you"]["id"]


async def test_a_message_reaches_everybody_in_the_room_its_author_too() -> None:
    async with visit(LOBBY, "grace") as grace, visit(LOBBY, "linus") as linus:
        await settle(grace, linus)
        await grace.send_json_to({"type": "message", "text": "  Hello <b>Linus</b>  "})
        for visitor in (grace, linus):
            heard = await visitor.hear()
            assert heard["type"] == "message"
            assert heard["user"]["name"] == "grace"
            assert heard["text"] == "Hello <b>Linus</b>"
            assert heard["at"].endswith("+00:00")


async def test_a_message_stays_in_its_room() -> None:
    async with visit(LOBBY, "grace") as grace, visit("/ws/chat/kitchen/", "linus") as linus:
        await settle(grace)
        await settle(linus)
        await grace.send_json_to({"type": "message", "text": "here"})
        await linus.send_json_to({"type": "message", "text": "there"})
        assert (await linus.hear())["text"] == "there"
        assert (await grace.hear())["text"] == "here"


async def test_typing_shows_to_the_others_and_not_to_the_typist() -> None:
    async with visit(LOBBY, "grace") as grace, visit(LOBBY, "linus") as linus:
        await settle(grace, linus)
        await grace.send_json_to({"type": "typing"})
        await grace.send_json_to({"type": "message", "text": "typed"})
        assert (await linus.hear())["type"] == "typing"
        assert (await grace.hear())["type"] == "message"


async def test_leaving_is_told_to_those_who_stay() -> None:
    async with visit(LOBBY, "grace") as grace:
        async with visit(LOBBY, "linus") as linus:
            him = (await linus.hear_until("welcome"))["you"]
            await settle(grace, linus)
        assert await grace.hear() == {"type": "left", "user": him}


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        "",
        "[]",
        "null",
        '{"type": "message"}',
        '{"type": "message", "text": 3}',
        '{"type": "message", "text": "  "}',
        '{"type": "chat.message", "text": "by a back door"}',
    ],
)
async def test_a_frame_that_makes_no_sense_is_explained_to_its_sender(frame: str) -> None:
    async with visit(LOBBY, "grace") as grace:
        await settle(grace)
        await grace.send_to(text_data=frame)
        answer = await grace.hear()
        assert answer["type"] == "error"
        assert "Expected" in answer["text"]
        await settle(grace)


async def test_a_binary_frame_is_explained_too() -> None:
    async with visit(LOBBY, "grace") as grace:
        await settle(grace)
        await grace.send_to(bytes_data=b"\x00")
        assert (await grace.hear())["type"] == "error"


async def test_a_message_that_is_too_long_is_refused() -> None:
    async with visit(LOBBY, "grace") as grace:
        await settle(grace)
        await grace.send_json_to({"type": "message", "text": "x" * (MAX_TEXT_CHARS + 1)})
        answer = await grace.hear()
        assert (answer["type"], str(MAX_TEXT_CHARS) in answer["text"]) == ("error", True)


async def test_a_thumbnail_is_drawn_by_the_worker_and_shown_to_the_room() -> None:
    application = WithWorker(websockets, channels)
    async with visit(LOBBY, "grace", application) as grace, visit(LOBBY, "linus") as linus:
        await settle(grace, linus)
        await grace.send_json_to({"type": "message", "text": "/thumb hello world"})
        for visitor in (grace, linus):
            shown = await visitor.hear_until("thumbnail")
            assert (shown["user"]["name"], shown["text"]) == ("grace", "hello world")
            kind, _, data = shown["image"].partition(";base64,")
            assert (kind, b64decode(data)) == ("data:image/png", draw("hello world"))


@pytest.mark.parametrize("text", ["/thumb", "/thumb  "])
async def test_a_thumbnail_of_nothing_is_refused(text: str) -> None:
    async with visit(LOBBY, "grace") as grace:
        await settle(grace)
        await grace.send_json_to({"type": "message", "text": text})
        assert "/thumb <text>" in (await grace.hear())["text"]
