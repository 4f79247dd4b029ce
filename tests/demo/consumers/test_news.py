from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from console.demo.consumers.news import GROUP, NewsLongPoll, announce
from console.demo.models import Headline
from runtime.layers import InMemoryChannelLayer
from runtime.taps import Observer, taps
from runtime.testing import HttpCommunicator

pytestmark = pytest.mark.django_db(transaction=True)

TIMEOUT_S = 30
patient = NewsLongPoll.as_asgi(timeout_s=3600)
impatient = NewsLongPoll.as_asgi(timeout_s=0)


class Doorkeeper(Observer):
    """Knows when somebody has joined a group."""

    def __init__(self) -> None:
        self.joined = asyncio.Event()

    def group_joined(self, layer: Any, group: str, channel: str) -> None:
        self.joined.set()


@contextmanager
def doorkeeper() -> Iterator[Doorkeeper]:
    keeper = Doorkeeper()
    taps.attach(keeper)
    try:
        yield keeper
    finally:
        taps.detach(keeper)


async def ask(request: HttpCommunicator) -> None:
    """Send the request and return when it waits for news."""
    with doorkeeper() as keeper:
        await request.send_input({"type": "http.request", "body": b""})
        await asyncio.wait_for(keeper.joined.wait(), TIMEOUT_S)


async def publish(text: str) -> int:
    headline = await Headline.objects.acreate(text=text)
    await announce(headline)
    return headline.pk


async def headlines(request: HttpCommunicator) -> list[str]:
    response = await request.get_response(TIMEOUT_S)
    assert response["status"] == 200
    assert (b"content-type", b"application/json") in response["headers"]
    return [headline["text"] for headline in json.loads(response["body"])["headlines"]]


async def test_news_that_is_there_is_told_at_once_with_the_oldest_first() -> None:
    await publish("first")
    await publish("second")
    async with HttpCommunicator(patient, "GET", "/news/wait/") as request:
        assert await headlines(request) == ["first", "second"]


async def test_news_that_was_read_is_not_told_again() -> None:
    read = await publish("read")
    await publish("unread")
    async with HttpCommunicator(patient, "GET", f"/news/wait/?after={read}") as request:
        assert await headlines(request) == ["unread"]


async def test_a_request_waits_for_what_is_published_next() -> None:
    async with HttpCommunicator(patient, "GET", "/news/wait/?after=0") as request:
        await ask(request)
        assert await request.receive_nothing()
        await publish("hot")
        await publish("hotter")
        start = await request.receive_output(TIMEOUT_S)
        body = await request.receive_output(TIMEOUT_S)
        assert start["status"] == 200
        assert json.loads(body["body"])["headlines"][0]["text"] == "hot"
        await request.wait(TIMEOUT_S)
        assert request.output_queue.empty()


async def test_without_news_the_request_is_answered_in_time_with_nothing() -> None:
    async with HttpCommunicator(impatient, "GET", "/news/wait/") as request:
        response = await request.get_response(TIMEOUT_S)
        assert (response["status"], response["body"]) == (204, b"")
        await request.wait(TIMEOUT_S)


async def test_a_reader_who_goes_away_leaves_the_group(layer: InMemoryChannelLayer) -> None:
    async with HttpCommunicator(patient, "GET", "/news/wait/") as request:
        await ask(request)
        await request.send_input({"type": "http.disconnect"})
        await request.wait(TIMEOUT_S)
        assert GROUP not in layer.groups


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1e9", "9" * 30, "%FF", "\u0663"])
async def test_a_cursor_that_is_no_number_means_all_of_it(cursor: str) -> None:
    await publish("all")
    async with HttpCommunicator(patient, "GET", f"/news/wait/?after={cursor}") as request:
        request.scope["query_string"] = f"after={cursor}".encode()
        assert await headlines(request) == ["all"]
