from __future__ import annotations

import re

from console.connection_row import row_of
from console.live import render
from console.pages.connection_cells import cells_of, counts_of
from console.pages.connections import ConnectionsPage
from console.pages.page import Partial
from tests.console.recording import Recording
from tests.console.watching import params


def rendered(recording: Recording, connection: object, query: str = "") -> str:
    view = recording.relay.reader.view_of(recording.state(connection))
    page = ConnectionsPage(params(query))
    context = {"rows": [cells_of(view)], "selected": None, "page": page}
    return render([Partial("#connections", "console/parts/connection_rows.html", context, "rows")])


def test_the_counts_that_are_sent_alone_are_those_of_the_whole_row(recording: Recording) -> None:
    connection = recording.open()
    for _ in range(1_234):
        recording.receive(connection, text="hello")
    recording.send(connection, text="x" * 2_000)
    view = recording.relay.reader.view_of(recording.state(connection))
    counts = counts_of(row_of(view))
    assert counts[:4] == ["1\u00a0234", "6.2k", "1", "2.0k"]
    html = rendered(recording, connection)
    assert all(count in html for count in counts)


def test_what_a_client_has_made_up_is_escaped(recording: Recording) -> None:
    html = rendered(recording, recording.open('/ws/<b>"/', client=["<i>", 1]))
    assert "/ws/&lt;b&gt;&quot;/" in html
    assert "&lt;i&gt;:1" in html
    assert "<b>" not in html


def test_a_row_leads_to_itself_and_keeps_what_the_list_is_narrowed_to(recording: Recording) -> None:
    connection = recording.open()
    html = rendered(recording, connection, "q=path:*&selected=other&hide=http")
    (address,) = re.findall(r'<a href="([^"]+)"', html)
    path, _, query = address.replace("&amp;", "&").partition("?")
    assert path.endswith("/connections/")
    assert dict(params(query).lists()) == {
        "q": ["path:*"],
        "hide": ["http"],
        "selected": [connection.id],
    }


def test_what_is_not_known_is_a_dash(recording: Recording) -> None:
    html = rendered(recording, recording.open("", type="channel", channel=""))
    assert html.count(">\u2013<") == 5
