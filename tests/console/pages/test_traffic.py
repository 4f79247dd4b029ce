from __future__ import annotations

from console.density import STEP_S
from console.pages.traffic import ROWS_PER_UPDATE, SHOWN_AT_FIRST, TrafficPage
from tests.console.recording import Recording
from tests.console.watching import params


async def loaded(query: str = "") -> TrafficPage:
    page = TrafficPage(params(query))
    await page.load()
    return page


async def test_the_newest_event_is_the_first_row(recording: Recording) -> None:
    connection = recording.open()
    recording.receive(connection, text="one")
    recording.receive(connection, text="two")
    page = await loaded("q=dir:in")
    assert [entry.preview for entry in page.entries] == ["two", "one"]
    assert (page.foot.matched, page.foot.held) == (2, 3)


async def test_older_events_are_a_page_away(recording: Recording) -> None:
    connection = recording.open()
    for number in range(SHOWN_AT_FIRST + 10):
        recording.receive(connection, text=str(number))
    page = await loaded("q=dir:in")
    older = await loaded(f"q=dir:in&before={page.older}")
    assert [entry.preview for entry in older.entries] == [str(n) for n in reversed(range(10))]
    assert older.older == ""


async def test_what_comes_is_sent_oldest_first_and_counted(recording: Recording) -> None:
    connection = recording.open()
    page = await loaded("q=dir:in")
    recording.receive(connection, text="one")
    recording.send(connection, text="not asked for")
    recording.receive(connection, text="two")
    update = await page.update()
    assert [row["preview"] for row in update.data["entries"]] == ["one", "two"]
    assert update.fresh == 2
    assert page.foot.matched == 2


async def test_a_flood_is_sampled_and_says_how_much_it_left_out(recording: Recording) -> None:
    connection = recording.open()
    page = await loaded()
    for number in range(10 * ROWS_PER_UPDATE):
        recording.receive(connection, text=str(number))
    update = await page.update()
    sent = len(update.data["entries"])
    assert sent <= ROWS_PER_UPDATE + 1
    assert sent + update.data["left_out"] == 10 * ROWS_PER_UPDATE == update.fresh


async def test_what_left_the_ring_before_it_was_read_is_a_gap(recording: Recording) -> None:
    page = await loaded()
    connection = recording.open()
    for number in range(recording.recorder.settings.RING_ENTRIES + 10):
        recording.receive(connection, text=str(number))
    assert (await page.update()).data["missed"] == 11


async def test_a_screen_that_resumes_does_not_count_its_rows_twice(recording: Recording) -> None:
    connection = recording.open()
    screen = await loaded("q=dir:in")
    recording.receive(connection, text="one")
    page = await loaded("q=dir:in")
    page.resume(screen.position)
    update = await page.update()
    assert len(update.data["entries"]) == 1
    assert page.foot.matched == 1


async def test_a_message_has_its_cause_and_its_effects(recording: Recording) -> None:
    connection = recording.open()
    recording.start(connection)
    event = recording.receive(connection, text='{"token": "abc", "text": "hi"}')
    recording.begin(connection, event)
    recording.send(connection, text="answer")
    answer = recording.recorder.journal.spell(recording.last())
    recording.recorder.handler_finished(connection, event, None)
    detail = (await loaded(f"message={answer}")).message.detail
    assert detail is not None
    assert detail.caused_by is not None
    cause = (await loaded(f"message={detail.caused_by.position}")).message
    assert cause.detail is not None
    assert answer in [effect.position for effect in cause.detail.effects]
    assert cause.body == "json"
    assert "abc" not in cause.detail.text


async def test_a_second_click_takes_a_preset_back(recording: Recording) -> None:
    errors = (await loaded("q=dir:error")).presets[0]
    assert (errors.active, errors.query) == (True, None)
    assert (await loaded()).presets[0].query == "dir:error"


async def test_a_preset_says_how_much_there_is_to_see(recording: Recording) -> None:
    connection = recording.open()
    recording.start(connection)
    event = recording.receive(connection, text="one")
    recording.begin(connection, event)
    recording.recorder.handler_finished(connection, event, KeyError("room"))
    counts = {one.label: one.count for one in (await loaded("q=dir:in")).presets}
    assert counts["Errors"] == 1
    assert counts["Slower than 50 ms"] == 0
    assert counts["Layer only"] is None
    elsewhere = (await loaded("process=another")).presets
    assert elsewhere[0].count == 0


async def test_a_range_of_time_is_part_of_the_filter_and_drawn_on_the_strip(
    recording: Recording,
) -> None:
    connection = recording.open()
    recording.receive(connection, text="before")
    recording.clock.advance(20)
    recording.receive(connection, text="within")
    now = recording.clock.now
    recording.clock.advance(20)
    recording.receive(connection, text="after")
    page = await loaded(f"q=dir:in at:>={now - 5:.1f} at:<{now + 5:.1f}")
    assert [entry.preview for entry in page.entries] == ["within"]
    assert page.range == (round(now - 5, 1), round(now + 5, 1))
    assert page.without_range == "dir:in"
    assert page.strip.band is not None
    assert page.strip.band[1] == 20.0
    assert (await loaded("q=at:>=5")).range is None
    assert (await loaded(f"q=at:>={now:.1f} at:<{now + 5:.1f}")).without_range is None


async def test_the_strip_counts_what_matches_and_goes_on_with_what_comes(
    recording: Recording,
) -> None:
    connection = recording.open()
    recording.receive(connection, text="one")
    recording.send(connection, text="not asked for")
    page = await loaded("q=dir:in")
    assert page.density.total == 1
    recording.clock.advance(2 * STEP_S)
    recording.receive(connection, text="two")
    update = await page.update()
    assert page.density.counts["in"][-3:] == [1, 0, 1]
    assert "#density" in {one.target for one in update.partials}
    recording.clock.advance(0.1)
    assert "#density" not in {one.target for one in (await page.update()).partials}


async def test_the_strip_counts_what_the_tail_leaves_out(recording: Recording) -> None:
    connection = recording.open()
    page = await loaded("q=dir:in")
    for number in range(5 * ROWS_PER_UPDATE):
        recording.receive(connection, text=str(number))
    await page.update()
    assert page.density.total == 5 * ROWS_PER_UPDATE
