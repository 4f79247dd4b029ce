from __future__ import annotations

from dataclasses import replace

import pytest

from console.live import PAGES
from console.pages.lacking import AGAIN_S, Lacking
from console.process import ProcessStatus
from console.relay import relay
from tests.console.recording import Clock, Recording
from tests.console.watching import params


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def web(recording: Recording) -> ProcessStatus:
    """A process that was heard of this very moment."""
    (own,) = relay.statuses()
    return ProcessStatus(own.report, "live", 0.0)


def test_a_screen_that_has_something_of_all_lacks_nothing(clock: Clock, web: ProcessStatus) -> None:
    lacking = Lacking(clock)
    lacking.begin([], ["a", "b"], ["a", "b", "gone"])
    clock.advance(AGAIN_S)
    assert not lacking.is_to_be_shown([web])


def test_of_who_was_late_for_the_screen_it_is_told_once(clock: Clock, web: ProcessStatus) -> None:
    lacking = Lacking(clock)
    lacking.begin([], ["a", "b"], ["a"])
    assert lacking.is_to_be_shown([web])
    clock.advance(AGAIN_S)
    assert not lacking.is_to_be_shown([web])


def test_of_who_did_not_answer_it_is_told_when_it_is_heard_of_again(
    clock: Clock, web: ProcessStatus
) -> None:
    lacking = Lacking(clock)
    lacking.begin([web.process.name], ["a"], ["a"])
    assert not lacking.is_to_be_shown([web]), "it may be on its way"
    clock.advance(AGAIN_S)
    unheard = replace(web, silent_s=2 * AGAIN_S)
    assert not lacking.is_to_be_shown([unheard]), "nobody has heard of it since"
    assert lacking.is_to_be_shown([web])
    assert not lacking.is_to_be_shown([web]), "not again at once"
    clock.advance(AGAIN_S)
    assert lacking.is_to_be_shown([web])


@pytest.mark.parametrize(
    "name",
    ["overview", "connections", "connection", "traffic", "traces", "groups", "routing", "workers"],
)
async def test_no_page_of_one_process_is_outdated_by_what_happens(
    recording: Recording, name: str
) -> None:
    known = recording.open()
    page = PAGES[name](params(), known.id if name == "connection" else "")
    await page.load()
    page.resume(page.position)
    for _ in range(3):
        recording.receive(known, text="x")
        await page.update()
        assert not page.is_outdated()
