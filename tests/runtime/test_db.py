import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from runtime import db
from runtime.consumer import AsyncConsumer
from runtime.db import aclose_connections_if_due, aclose_old_connections, database_sync_to_async
from tests.support.playbook import play


@pytest.fixture
def hops(monkeypatch):
    """Count the visits to a thread that are made to close connections."""
    counted = []

    async def counting():
        counted.append(1)
        await aclose_old_connections()

    monkeypatch.setattr(db, "aclose_old_connections", counting)
    monkeypatch.setattr(db, "_opened", ())
    return counted


@database_sync_to_async
def query():
    wrapper = connections["default"]
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()[0], wrapper


async def reopen(wrapper):
    """Open the connection in the thread it belongs to, and leave it open."""
    await sync_to_async(wrapper.connect)()


async def test_nothing_visits_a_thread_while_nothing_was_opened(hops):
    await aclose_connections_if_due()
    assert hops == []


@pytest.mark.django_db(transaction=True)
async def test_a_fresh_connection_is_left_alone_and_an_old_one_closed_once(hops):
    answer, wrapper = await query()
    assert answer == 1
    await reopen(wrapper)
    wrapper.close_at = time.monotonic() + 1_000
    await aclose_connections_if_due()
    assert hops == []
    wrapper.close_at = time.monotonic() - 1
    await aclose_connections_if_due()
    await aclose_connections_if_due()
    assert hops == [1]


@pytest.mark.django_db(transaction=True)
async def test_a_connection_that_had_an_error_is_looked_after(hops):
    _, wrapper = await query()
    await reopen(wrapper)
    wrapper.close_at = None
    wrapper.errors_occurred = True
    await aclose_connections_if_due()
    assert hops == [1]
    assert not wrapper.errors_occurred


@pytest.mark.django_db(transaction=True)
async def test_one_that_the_hop_cannot_close_is_not_tried_for_ever(hops, monkeypatch):
    async def reaches_nothing():
        hops.append(1)

    monkeypatch.setattr(db, "aclose_old_connections", reaches_nothing)
    _, wrapper = await query()
    await reopen(wrapper)
    wrapper.close_at = time.monotonic() - 1
    await aclose_connections_if_due()
    await aclose_connections_if_due()
    assert hops == [1]


async def test_handlers_of_a_project_without_a_database_never_leave_the_loop(hops):
    class Quiet(AsyncConsumer):
        async def bot_ask(self, message):
            await self.send({"type": "bot.told"})

    async with play(Quiet.as_asgi(), {"type": "bot"}) as bot:
        for _ in range(3):
            await bot.put("bot.ask")
            await bot.expect("bot.told")
    assert hops == []


async def test_the_decorator_serves_methods_too():
    class Greeter:
        @database_sync_to_async
        def greet(self, name):
            return f"hello {name}"

    assert await Greeter().greet("ada") == "hello ada"
