from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string

from console.live import render
from console.pages.connection import ConnectionPage
from console.redact import REDACTED
from tests.console.recording import Recording
from tests.console.watching import params


async def loaded(connection: Any, query: str = "") -> ConnectionPage:
    page = ConnectionPage(params(query), connection.id)
    await page.load()
    return page


def handle(recording: Recording, connection: Any, took_s: float) -> None:
    event = recording.receive(connection, text="{}")
    recording.begin(connection, event)
    recording.clock.advance(took_s)
    recording.recorder.handler_finished(connection, event, None)


async def test_how_long_its_handlers_took_is_counted_once_and_follows_them(
    recording: Recording,
) -> None:
    connection = recording.open("/ws/chat/lobby/")
    recording.start(connection)
    screen = await loaded(connection)
    assert screen.handler_times is None
    handle(recording, connection, 0.010)
    page = await loaded(connection)
    page.resume(screen.position)  # what came meanwhile is both loaded and heard of
    html = render((await page.update()).partials)
    assert page.handler_times is not None
    assert page.handler_times.count == 1
    assert "Handlers, latest 1" in html
    handle(recording, connection, 0.030)
    await page.update()
    assert (page.handler_times.count, round(page.handler_times.max_ms)) == (2, 30)


async def test_nothing_is_said_of_handlers_where_not_all_of_them_are_shown(
    recording: Recording,
) -> None:
    connection = recording.open("/ws/chat/lobby/")
    recording.start(connection)
    handle(recording, connection, 0.010)
    page = await loaded(connection, "q=dir:handler,error")
    assert [row.depth for row in page.rows] == [1], "the filter of the chip finds handlers"
    assert page.handler_times is None
    assert [kind.label for kind in page.kinds if kind.is_on] == ["handlers"]


async def test_a_session_s_values_are_written_as_json_and_its_secrets_are_marked(
    recording: Recording,
) -> None:
    session = {"_auth_user_id": "1", "room": "lobby", "seen": 3, "cart": {"<b>": [1]}}
    connection = recording.open("/ws/chat/lobby/")
    page = await loaded(connection, "tab=session")
    page.view.scope["session"] = session | {"_auth_user_id": REDACTED}
    html = render_to_string("console/parts/session.html", {"page": page})
    assert '<span class="redacted">redacted</span>' in html
    assert '<span class="js">&quot;lobby&quot;</span>' in html
    assert '<span class="jn">3</span>' in html
    assert "&lt;b&gt;" in html
    assert REDACTED not in html


async def test_the_scope_can_be_taken_away_as_python(recording: Recording) -> None:
    connection = recording.open("/ws/<b>/", headers=[(b"host", b"example.com")])
    page = await loaded(connection, "tab=scope")
    html = render_to_string("console/parts/scope.html", {"page": page})
    assert "[[b&quot;host&quot;, b&quot;example.com&quot;]]" in html
    assert "&quot;/ws/&lt;b&gt;/&quot;" in html
    assert (await loaded(connection)).scope_code == ""
