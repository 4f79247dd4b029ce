from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.query import parse
from console.reading import Interest
from console.relay import NoAnswer
from console.relay_protocol import GROUP, TYPE, VERSION
from console.relay_watching import STALE_S
from tests.console.several import processes, until
from tests.support.observing import observed


def names(relay: Any) -> list[str]:
    return [view.name for view in relay.processes()]


async def test_the_connections_of_all_processes_are_one_list() -> None:
    async with processes("web-1", "web-2", "web-3") as (one, two, three):
        mine, other, third = one.open("/a/"), two.open("/b/"), three.open("/c/")
        listing = await one.relay.listing()
        assert {view.id: view.process for view in listing.rows} == {
            mine.id: "web-1",
            other.id: "web-2",
            third.id: "web-3",
        }
        assert (listing.counts, listing.held) == ({"websocket": 3}, 3)


async def test_a_filter_is_applied_where_the_connections_are() -> None:
    async with processes("web-1", "web-2") as (one, two):
        one.open("/a/")
        other = two.open("/b/")
        assert [view.id for view in (await one.relay.listing(parse("path:/b/"))).rows] == [other.id]
        listing = await one.relay.listing(parse("process:web-2"), hidden=["websocket"])
        assert (listing.rows, listing.counts) == ([], {"websocket": 1})


async def test_a_connection_of_another_process_is_asked_from_it_with_its_scope() -> None:
    async with processes("web-1", "web-2") as (one, two):
        other = two.open("/b/", query_string=b"token=hunter2&page=4")
        view = await one.relay.connection(other.id)
        assert (view.process, view.path) == ("web-2", "/b/")
        assert view.scope["path"] == "/b/"
        assert "hunter2" not in repr(view)
        assert await one.relay.connection("nobody") is None


async def test_the_entries_of_all_processes_are_in_the_order_of_their_times() -> None:
    async with processes("web-1", "web-2") as (one, two):
        for number, process in enumerate([one, two, one, two]):
            for every in (one, two):
                every.clock.advance(1)
            process.open(f"/{number}/")
        page = await one.relay.entries()
        assert [entry.preview for entry in page.entries] == ["/0/", "/1/", "/2/", "/3/"]
        assert (page.matched, page.held) == (4, 4)
        assert page.since == {two.epoch: 2}


async def test_a_message_of_another_process_opens_with_cause_and_effects() -> None:
    async with processes("web-1", "web-2") as (one, two):
        sender, receiver = one.open(), two.open()
        event = one.receive(sender, text="hi")
        one.start(sender)
        cause = one.recorder.message_sent(sender, None, "specific!a", {"type": "chat.message"})
        two.start(receiver, channel="specific!a")
        two.recorder.message_delivered(receiver, "specific!a", {"type": "chat.message"}, cause)
        sent = await one.relay.entry(one.epoch, 2)
        assert [effect.process for effect in sent.effects] == ["web-2"]
        delivered = await one.relay.entry(two.epoch, 1)
        assert (delivered.view.kind, delivered.caused_by.process) == ("deliver", "web-1")
        assert event["text"] == "hi"


async def test_a_page_hears_of_what_changes_elsewhere() -> None:
    async with processes("web-1", "web-2") as (one, two):
        before = (await one.relay.entries()).since
        news = asyncio.Event()
        watched = one.relay.subscribe(Interest("tail", "dir:in"), before, news.set)
        connection = two.open()
        two.receive(connection, text="hello")
        two.send(connection, text="and out")
        async with asyncio.timeout(30):
            await news.wait()
        [(epoch, batch)] = watched.drain()
        assert epoch == two.epoch
        assert [entry.preview for entry in batch.entries] == ["hello"]
        assert (batch.end, batch.missed) == (3, 0)


async def test_a_list_hears_of_rows_that_come_change_and_go() -> None:
    async with processes("web-1", "web-2", CLOSED_KEPT=1) as (one, two):
        batches: list[Any] = []
        watched = one.relay.subscribe(Interest("rows"), {}, lambda: None)

        def heard(of: str) -> list[Any]:
            batches.extend(batch for _, batch in watched.drain())
            return [found for batch in batches for found in getattr(batch, of)]

        first, second = two.open("/first/"), two.open("/second/")
        await until(lambda: {first.id, second.id} <= set(heard("came")))
        two.receive(second, text="x")
        await until(lambda: (second.id, 1) in [(row.id, row.in_count) for row in heard("rows")])
        for connection in (first, second):
            two.recorder.scope_closed(connection, None)
        await until(lambda: first.id in heard("removed"))
        assert [batch.counts for batch in batches if batch.counts is not None][-1] == {
            "websocket": 1
        }


async def test_a_process_that_starts_tells_all_that_it_has() -> None:
    async with processes("web-1") as (one,):
        watched = one.relay.subscribe(Interest("tail"), {}, lambda: None)
        await until(lambda: one.node.watching.opened_at)
        async with processes("web-2", layer=one.layer) as (two,):
            two.open("/early/")
            await one.node._renew()
            await until(lambda: names(one.relay) == ["web-1", "web-2"])
            found = await until(watched.drain)
            assert [entry.preview for entry in found[0][1].entries] == ["/early/"]


async def test_a_process_that_ends_in_an_orderly_way_is_gone_at_once() -> None:
    async with processes("web-1") as (one,):
        async with processes("web-2", layer=one.layer):
            await one.relay.listing()
            await until(lambda: names(one.relay) == ["web-1", "web-2"])
        await until(lambda: names(one.relay) == ["web-1"])


async def test_a_process_that_does_not_answer_is_named() -> None:
    async with processes("web-1", "web-2") as (one, two):
        await one.relay.listing()
        await until(lambda: len(names(one.relay)) == 2)
        await two.layer.release_channel(two.node.channel)  # it hears nothing any more
        replies = await one.node.ask("connection", {"id": "x"}, timeout_s=0.1)
        assert one.relay.names_of(replies.silent) == ["web-2"]
        assert "web-2 did not answer" in str(NoAnswer(["web-2"]))


async def test_a_stale_process_is_named_and_not_waited_for() -> None:
    async with processes("web-1", "web-2") as (one, two):
        await one.relay.listing()
        await until(lambda: len(names(one.relay)) == 2)
        await two.layer.release_channel(two.node.channel)
        one.node.watching.processes[two.epoch].seen_at = one.node._clock() - STALE_S
        async with asyncio.timeout(30):
            replies = await one.node.ask("connection", {"id": "x"}, timeout_s=3_600)
        assert one.relay.names_of(replies.silent) == ["web-2"]


async def test_a_layer_that_is_away_holds_up_no_question_for_longer_than_an_answer() -> None:
    async with processes("web-1", "web-2") as (one, two):
        await one.relay.listing()
        await until(lambda: len(names(one.relay)) == 2)
        group_send, back = one.layer.group_send, asyncio.Event()

        async def away(group: str, message: Any) -> None:
            await back.wait()
            await group_send(group, message)

        one.layer.group_send = away
        async with asyncio.timeout(30):
            replies = await one.node.ask("connection", {"id": "x"}, timeout_s=0.05)
            assert replies.silent == [two.epoch]
            # The next question need not find out for itself.
            replies = await one.node.ask("connection", {"id": "x"}, timeout_s=3_600)
        assert replies.silent == [two.epoch]
        assert "The channel layer takes nothing" in one.relay.limit
        back.set()
        await until(lambda: one.relay.limit == "")
        assert (await one.node.ask("connection", {"id": "x"})).silent == []


@pytest.mark.usefixtures("leaping_clock")
async def test_nothing_is_said_while_nobody_looks() -> None:
    async with processes("web-1", "web-2") as (one, two):
        sent: list[Any] = []
        one.layer.group_send = _noting(one.layer.group_send, sent)
        one.layer.send = _noting(one.layer.send, sent)
        for _ in range(100):
            two.open()
        await asyncio.sleep(3_600)
        assert sent == []


@pytest.mark.usefixtures("leaping_clock")
async def test_the_relay_is_out_of_sight_of_its_own_recorder() -> None:
    async with processes("web-1", "web-2") as (one, two):
        with observed(one.recorder), observed(two.recorder):
            await one.relay.listing()
            one.relay.subscribe(Interest("tail"), {}, lambda: None)
            await asyncio.sleep(60)
        assert (one.kinds(), two.kinds()) == ([], [])


async def test_what_another_application_says_is_refused_and_harms_nobody() -> None:
    async with processes("web-1", "web-2") as (one, two):
        for forged in (
            {"type": TYPE, "v": VERSION, "name": "evil", "body": "{}", "seal": "0" * 64},
            {"type": TYPE, "v": VERSION, "name": "evil", "body": "x" * 300_000, "seal": ""},
            {"type": TYPE, "v": "1", "name": 7},
            {"type": "another"},
            {"type": TYPE, "v": 2, "name": "web-9", "anything": [1]},
        ):
            await one.layer.group_send(GROUP, forged)
        other = two.open()
        assert [view.id for view in (await one.relay.listing()).rows] == [other.id]
        assert one.relay.other_versions() == {"web-9": 2}
        assert "SECRET_KEY" in one.relay.foreign()


async def test_a_full_layer_loses_nothing_that_the_ring_still_has() -> None:
    async with processes("web-1", "web-2") as (one, two):
        await one.relay.listing()
        watched = one.relay.subscribe(Interest("tail"), {two.epoch: 0}, lambda: None)
        send, refused = two.layer.send, []

        async def failing(channel: str, message: Any) -> None:
            if len(refused) < 3:
                refused.append(message)
                raise RuntimeError("full")
            await send(channel, message)

        two.layer.send = failing
        connection = two.open()
        for number in range(20):
            two.receive(connection, text=str(number))
        entries: list[Any] = []

        def has_all() -> bool:
            entries.extend(entry for _, batch in watched.drain() for entry in batch.entries)
            return len(entries) >= 21

        await until(has_all)
        assert [entry.offset for entry in entries] == list(range(21))


async def test_messages_are_bounded_however_much_there_is_to_say() -> None:
    async with processes("web-1", "web-2") as (one, two):
        for number in range(400):
            two.open(f"/{number}/" + "x" * 4_000)
        sizes: list[int] = []
        send = two.layer.send

        async def measured(channel: str, message: Any) -> None:
            sizes.append(len(message.get("body", "")))
            await send(channel, message)

        two.layer.send = measured
        listing = await one.relay.listing(limit=400)
        assert len(listing.rows) == 400
        assert len(sizes) > 5
        assert max(sizes) < 256_000


def _noting(call: Any, sent: list[Any]) -> Any:
    async def noted(*args: Any) -> None:
        sent.append(args)
        await call(*args)

    return noted


async def test_no_secret_crosses_the_layer() -> None:
    canary = "c4n4ryc4n4ry"
    async with processes("web-1", "web-2") as (one, two):
        crossed: list[Any] = []
        two.layer.send = _noting(two.layer.send, crossed)
        connection = two.open(
            f"/reset/{canary}/",
            query_string=f"token={canary}".encode(),
            headers=[(b"cookie", f"sessionid={canary}".encode())],
        )
        arguments = {"kwargs": {"token": canary}}
        two.recorder.route_matched(connection, "reset/<token>/", arguments)
        watched = one.relay.subscribe(Interest("tail"), {two.epoch: 0}, lambda: None)
        two.receive(connection, text=f'{{"password": "{canary}", "said": "something"}}')
        two.recorder.scope_closed(connection, ValueError(f"password={canary}"))
        await until(watched.drain)
        await one.relay.listing(parse("reset"))
        await one.relay.connection(connection.id)
        for offset in range(two.relay.reader.position[1]):
            assert await one.relay.entry(two.epoch, offset)
        said = repr(crossed)
        assert "something" in said
        assert canary not in said
