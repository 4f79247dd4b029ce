from __future__ import annotations

from tests.demo.consumers.visiting import visit


async def test_a_visitor_is_welcomed_and_echoed_without_a_name() -> None:
    async with visit("/ws/echo/") as visitor:
        assert await visitor.hear_text() == "[Welcome Anonymous!]"
        await visitor.send_to(text_data="hello")
        assert await visitor.hear_text() == "Anonymous: hello"


async def test_a_name_holds_from_when_it_is_set() -> None:
    async with visit("/ws/echo/") as visitor:
        await visitor.hear_text()
        await visitor.send_to(text_data="/name  Grace ")
        assert await visitor.hear_text() == "[set your username to Grace]"
        await visitor.send_to(text_data="hello")
        assert await visitor.hear_text() == "Grace: hello"
        await visitor.send_to(text_data="/name")
        assert await visitor.hear_text() == "[set your username to Anonymous]"


async def test_one_visitor_s_name_is_not_another_s() -> None:
    async with visit("/ws/echo/") as one, visit("/ws/echo/") as other:
        await one.hear_text()
        await other.hear_text()
        await one.send_to(text_data="/name Grace")
        await one.hear_text()
        await other.send_to(text_data="hello")
        assert await other.hear_text() == "Anonymous: hello"


async def test_bytes_come_back_as_they_are() -> None:
    async with visit("/ws/echo/") as visitor:
        await visitor.hear_text()
        await visitor.send_to(bytes_data=b"\x00\xff")
        assert await visitor.hear_text() == b"\x00\xff"


async def test_empty_text_is_text() -> None:
    async with visit("/ws/echo/") as visitor:
        await visitor.hear_text()
        await visitor.send_to(text_data="")
        assert await visitor.hear_text() == "Anonymous: "
