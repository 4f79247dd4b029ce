from __future__ import annotations

from typing import Any

from console.pages.connections import ConnectionsPage
from tests.console.recording import Recording
from tests.console.watching import params


async def loaded(query: str = "") -> ConnectionsPage:
    page = ConnectionsPage(params(query))
    await page.load()
    return page


def targets(update: Any) -> list[str]:
    return [partial.target for partial in update.partials]


def rows_of(update: Any) -> list[str]:
    (partial,) = [one for one in update.partials if one.target == "#connections"]
    return [row["id"] for row in partial.context["rows"]]


async def test_the_newest_connection_is_the_first_row(recording: Recording) -> None:
    first, second = recording.open("/a/"), recording.open("/b/")
    page = await loaded()
    assert [view.id for view in page.rows] == [second.id, first.id]
    assert page.note == "2 open"


async def test_the_filter_and_the_protocols_narrow_the_list(recording: Recording) -> None:
    chat = recording.open("/ws/chat/")
    recording.open("/ws/echo/")
    recording.open("/page/", type="http")
    page = await loaded("q=path:*chat*")
    assert [view.id for view in page.rows] == [chat.id]
    page = await loaded("hide=websocket")
    assert [view.protocol for view in page.rows] == ["http"]
    assert [(one.name, one.count, one.shown) for one in page.protocols] == [
        ("websocket", 2, False),
        ("http", 1, True),
    ]
    assert [one.toggled for one in page.protocols] == [[], ["websocket", "http"]]


async def test_more_than_a_page_is_turned(recording: Recording) -> None:
    for _ in range(ConnectionsPage.limit + 5):
        recording.open()
    first, second = await loaded(), await loaded("page=2")
    assert (len(first.rows), len(second.rows)) == (ConnectionsPage.limit, 5)
    assert (first.foot.next, first.foot.previous) == (2, None)
    assert (second.foot.next, second.foot.previous) == (None, 1)


async def test_nothing_happened_is_nothing_to_say(recording: Recording) -> None:
    recording.open()
    page = await loaded()
    await page.update()
    assert not await page.update()


async def test_a_new_connection_comes_with_the_counts_around_the_list(recording: Recording) -> None:
    page = await loaded()
    connection = recording.open()
    update = await page.update()
    assert rows_of(update) == [connection.id]
    assert update.fresh == 1
    assert {"#protocols", "#connections-foot", "#note"} <= set(targets(update))


async def test_an_update_of_a_row_is_not_a_new_row(recording: Recording) -> None:
    connection = recording.open()
    page = await loaded()
    await page.update()
    recording.receive(connection, text="hello")
    update = await page.update()
    assert rows_of(update) == [connection.id]
    assert update.fresh == 0
    assert "#protocols" not in targets(update)


async def test_who_comes_between_the_page_and_its_socket_is_a_row_and_is_counted(
    recording: Recording,
) -> None:
    screen = await loaded()
    connection = recording.open()
    live = await loaded()
    live.resume(screen.position)
    update = await live.update()
    assert rows_of(update) == [connection.id]
    assert {"#protocols", "#connections-foot", "#note"} <= set(targets(update))
    assert not await live.update()


async def test_a_connection_that_closes_is_not_counted_as_open_any_more(
    recording: Recording,
) -> None:
    connection = recording.open()
    page = await loaded()
    await page.update()
    recording.recorder.scope_closed(connection, None)
    update = await page.update()
    assert {"#connections", "#note"} <= set(targets(update))
    assert page.note == "0 open"


async def test_of_a_row_that_was_sent_its_counts_are_sent_alone(recording: Recording) -> None:
    page = await loaded()
    connection = recording.open()
    assert rows_of(await page.update()) == [connection.id]
    recording.receive(connection, text="hello")
    update = await page.update()
    assert "#connections" not in targets(update)
    (counts,) = update.data["counts"].values()
    assert (counts[:4], update.fresh) == (["1", "5", "0", "0"], 0)
    recording.recorder.scope_closed(connection, None)
    update = await page.update()
    assert rows_of(update) == [connection.id]
    assert "counts" not in update.data


async def test_a_new_row_comes_before_all_that_changed_on_a_full_screen(
    recording: Recording,
) -> None:
    connections = [recording.open() for _ in range(ConnectionsPage.limit - 1)]
    page = await loaded()
    for connection in connections:
        recording.receive(connection, text="x")
    new = recording.open()
    assert new.id in rows_of(await page.update())


async def test_what_the_filter_hides_is_not_sent(recording: Recording) -> None:
    page = await loaded("q=user:ada&hide=http")
    recording.open()
    recording.open("/page/", type="http", user=None)
    update = await page.update()
    assert "#connections" not in targets(update)
    assert update.fresh == 0


async def test_in_another_order_a_new_connection_is_counted_but_has_no_place(
    recording: Recording,
) -> None:
    page = await loaded("sort=path")
    recording.open()
    update = await page.update()
    assert not page.takes_new
    assert "#connections" not in targets(update)
    assert update.fresh == 1


async def test_the_inspector_follows_the_connection_that_it_shows(recording: Recording) -> None:
    shown, other = recording.open(), recording.open()
    page = await loaded(f"selected={shown.id}")
    assert page.selected is not None
    recording.receive(other, text="x")
    assert "#inspector" not in targets(await page.update())
    recording.receive(shown, text="x")
    assert "#inspector" in targets(await page.update())


async def test_a_closed_connection_that_is_pushed_out_leaves_the_screen(
    recording: Recording,
) -> None:
    first = recording.open()
    recording.recorder.scope_closed(first, None)
    page = await loaded()
    for _ in range(recording.recorder.settings.CLOSED_KEPT):
        recording.recorder.scope_closed(recording.open(), None)
    update = await page.update()
    (gone,) = [one for one in update.partials if one.target == f"#c-{first.id}"]
    assert gone.swap == "delete"


async def test_a_restarted_process_asks_for_the_page_anew(recording: Recording) -> None:
    page = await loaded()
    page.resume("ffffffffffff:3")
    assert (await page.update()).must_reload
