"""What is on the screen is what its socket has sent, in every room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from console.live import PAGES
from console.pages.sent import Sent
from tests.console.recording import Clock, Layer, Recording
from tests.console.watching import params

REGIONS = {
    "overview": {"#note", "#readouts", "#consumers", "#overview-processes", "#problems"},
    "connections": {"#protocols", "#connections-foot", "#note"},
    "traces": {"#traces", "#traces-foot"},
    "groups": {"#groups", "#groups-foot", "#note"},
    "routing": {"#tree", "#missed"},
    "workers": {"#note", "#workers", "#channels", "#letters", "#mailboxes"},
    "settings": {"#limits", "#relay"},
    "recordings": {"#note", "#recordings"},
}
"""What of each room is not told by the position from which it goes on."""

TOLD_BY_POSITION = {"connection", "traffic", "trace", "client"}


def test_a_region_is_new_until_it_was_sent_as_it_is() -> None:
    sent = Sent()
    assert "foot" not in sent
    assert [sent.is_new("foot", state) for state in (None, None, 1, 1, None)] == [
        True, False, True, False, True,
    ]  # fmt: skip
    assert "foot" in sent


def test_of_a_list_the_rows_are_sent_that_changed_and_those_counted_that_came() -> None:
    sent = Sent()
    assert sent.new_rows("list", {"a": 1, "b": 1}) == ([1, 1], 0)
    assert sent.new_rows("list", {"a": 1, "b": 2, "c": 3}) == ([2, 3], 1)
    assert sent.new_rows("list", {"c": 3}) == ([], 0)
    assert sent.new_rows("list", {"a": 1, "c": 3}) == ([1], 1)


def test_every_page_is_told_what_it_missed_in_one_way_or_the_other() -> None:
    assert REGIONS.keys() | TOLD_BY_POSITION == PAGES.keys()
    assert not [one for one in PAGES.values() if "resume" in vars(one)], "there is one rule"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", REGIONS)
async def test_what_a_page_read_while_it_was_loaded_is_not_on_the_screen_yet(
    recording: Recording, settings: Any, name: str
) -> None:
    settings.ASGI_APPLICATION = "console.demo.asgi.router"
    connection = recording.open("/ws/chat/lobby/")
    recording.start(connection, channel="specific!a")
    recording.recorder.group_joined(Layer(), "chat.lobby", "specific!a")
    recording.receive(connection, text="hello")
    clock = Clock()
    clocks: dict[str, Callable[[], float]] = (
        {"clock": clock} if name in ("overview", "workers") else {}
    )
    page = PAGES[name](params(), **clocks)
    await page.load()
    page.resume(page.position)
    clock.advance(1.0)
    update = await page.update()
    assert {one.target for one in update.partials} >= REGIONS[name] | {"#status", "#processes"}
