from __future__ import annotations

from console.pages.page import STATUS_S, Page
from console.relay import relay
from tests.console.recording import Clock, Recording
from tests.console.watching import params


async def test_the_measurements_are_rendered_a_few_times_a_second(recording: Recording) -> None:
    clock = Clock()
    page = Page(params(), clock=clock)
    first, processes = page.status().partials
    assert (first.target, first.is_light) == ("#status", True)
    assert processes.target == "#processes"
    recording.open()
    assert not page.status()
    clock.advance(STATUS_S)
    (second,) = page.status().partials
    assert second.context["totals"].open_count == 1
    clock.advance(STATUS_S)
    assert not page.status(), "nothing has changed"


async def test_the_processes_are_asked_for_once_in_an_update(recording: Recording) -> None:
    page = Page(params())
    page.status()
    before = page.statuses
    recording.open()
    assert page.statuses is before
    page.status()
    assert page.totals.open_count == relay.totals().open_count == 1
