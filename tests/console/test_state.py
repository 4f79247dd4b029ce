from __future__ import annotations

import gc

from hypothesis import given
from hypothesis import strategies as st

from console.connection import ConnectionState
from console.handlers import OTHERS
from console.state import (
    ERRORS_KEPT,
    MISSES_KEPT,
    PATH_CHARS,
    Memberships,
    ProtocolCounts,
    State,
)
from runtime.taps import Connection
from tests.console.recording import Layer


def opened(state: State, revision: int, kind: str = "websocket") -> ConnectionState:
    known = ConnectionState(Connection({"type": kind, "path": "/"}))
    state.open(known)
    known.revision = revision
    return known


def closed(state: State, known: ConnectionState, revision: int) -> None:
    known.end(0.0)
    known.revision = revision
    state.close(known, revision)


def test_connections_are_listed_newest_first():
    state = State(closed_kept=10)
    first, second = opened(state, 0), opened(state, 1)
    closed(state, first, 2)
    assert list(state) == [second, first]
    assert state.open_count == 1
    assert state.count_by_protocol() == {"websocket": 1}


def test_what_changed_is_found_the_latest_first():
    state = State(closed_kept=10)
    first, second, third = (opened(state, revision) for revision in range(3))
    first.revision = 3
    assert state.changed_since(2) == [first, third]
    assert state.changed_since(4) == []
    assert second in state.changed_since(0)


def test_the_oldest_closed_one_of_the_protocol_is_pushed_out_and_let_go():
    state = State(closed_kept=2)
    socket = opened(state, 0)
    closed(state, socket, 1)
    requests = [opened(state, 2 + number, "http") for number in range(3)]
    for number, request in enumerate(requests):
        closed(state, request, 10 + number)
    assert state.get(socket.id) is socket
    assert state.get(requests[0].id) is None
    assert requests[0].scope is None
    assert state.removed_since(12) == [requests[0].id]
    assert state.removed_since(13) == []
    assert requests[0] not in state.changed_since(0)


def test_a_change_after_it_was_pushed_out_does_not_list_it_again():
    state = State(closed_kept=1)
    first, second = opened(state, 0), opened(state, 1)
    closed(state, first, 2)
    closed(state, second, 3)
    first.revision = 4
    assert state.changed_since(4) == []


def test_a_channel_leads_to_its_open_connection():
    state = State(closed_kept=1)
    known = opened(state, 0)
    known.channel_name = "specific!a"
    state.name_channel(known)
    assert state.of_channel("specific!a") is known
    closed(state, known, 1)
    assert state.of_channel("specific!a") is None


def test_the_same_group_on_two_layers_is_two_groups():
    memberships, one, other = Memberships(), Layer(), Layer()
    memberships.join(one, "lobby", "a")
    memberships.join(one, "lobby", "b")
    memberships.join(other, "lobby", "c")
    assert memberships.of_channel("a") == (("lobby", 2),)
    assert memberships.of_channel("c") == (("lobby", 1),)


def test_memberships_do_not_keep_a_layer_alive():
    memberships, layer = Memberships(), Layer()
    memberships.join(layer, "lobby", "a")
    memberships.leave(layer, "lobby", "a")
    del layer
    gc.collect()
    assert len(memberships._members) == 0


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("gh"), st.sampled_from("abc"))),
)
def test_memberships_are_those_that_a_set_would_hold(steps):
    memberships, layer, model = Memberships(), Layer(), set()
    for is_joining, group, channel in steps:
        if is_joining:
            memberships.join(layer, group, channel)
            model.add((group, channel))
        else:
            memberships.leave(layer, group, channel)
            model.discard((group, channel))
    for channel in "abc":
        expected = tuple(
            (group, sum(1 for name, _ in model if name == group))
            for group in "gh"
            if (group, channel) in model
        )
        assert memberships.of_channel(channel) == expected


def test_what_a_connection_did_still_counts_when_it_is_listed_no_more():
    state = State(closed_kept=1)
    for revision in range(3):
        known = opened(state, revision)
        known.count_in(10, 0.0)
        known.count_out(5, 0.0)
        closed(state, known, 10 + revision)
    opened(state, 20, "http")
    counts = state.counts()
    assert counts["websocket"] == ProtocolCounts(3, 3, 30, 3, 15)
    assert counts["http"].opened == 1


def test_the_deepest_mailboxes_come_first():
    state = State(closed_kept=1)
    shallow, deep, _ = (opened(state, revision) for revision in range(3))
    waiting = ({"type": "x"}, 1, 0, "x")
    shallow.pending.append(waiting)
    deep.pending.extend([waiting] * 5)
    assert state.deepest(10) == [deep, shallow]
    assert state.deepest(1) == [deep]
    assert state.waiting == 6
    closed(state, deep, 3)
    assert state.waiting == 1


def test_paths_without_a_route_are_bounded_and_the_latest_comes_first():
    state = State(closed_kept=1)
    for number in range(MISSES_KEPT + 10):
        known = ConnectionState(Connection({"type": "websocket", "path": f"/{number}/"}))
        state.count_miss(known, ("chat/",), float(number))
    again = ConnectionState(Connection({"type": "websocket", "path": "/50/"}))
    state.count_miss(again, ("chat/",), 1_000.0)
    misses = state.misses()
    assert state.missed_routes == MISSES_KEPT + 11
    assert len(misses) == MISSES_KEPT
    assert (misses[0].path, misses[0].count, misses[0].last_at) == ("/50/", 2, 1_000.0)
    assert len(state.misses()[-1].path) <= PATH_CHARS


def test_errors_are_counted_by_class_within_a_bound():
    state = State(closed_kept=1)
    for number in range(ERRORS_KEPT + 5):
        state.count_error("Chat", f"Error{number}")
    state.count_error("Chat", "Error0")
    assert state.errors["Chat", "Error0"] == 2
    assert state.errors[OTHERS, OTHERS] == 5


def test_groups_have_the_members_of_all_layers():
    memberships, one, other = Memberships(), Layer(), Layer()
    memberships.join(one, "lobby", "a")
    memberships.join(one, "lobby", "b")
    memberships.join(other, "lobby", "c")
    memberships.join(other, "news", "c")
    assert memberships.groups() == {"lobby": 3, "news": 1}
