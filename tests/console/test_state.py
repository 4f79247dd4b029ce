from __future__ import annotations

import gc

from hypothesis import given
from hypothesis import strategies as st

from console.connection import ConnectionState
from console.state import Memberships, State
from runtime.taps import Connection
from tests.console.recording import Layer


def opened(state: State, revision: int, kind: str = "websocket") -> ConnectionState:
    known = ConnectionState(Connection({"type": kind, "path": "/"}))
    state.open(known)
    state.touch(known, revision)
    return known


def closed(state: State, known: ConnectionState, revision: int) -> None:
    known.end(0.0)
    state.touch(known, revision)
    state.close(known, revision)


def test_connections_are_listed_newest_first():
    state = State(closed_kept=10)
    first, second = opened(state, 0), opened(state, 1)
    closed(state, first, 2)
    assert list(state) == [second, first]
    assert state.open_count == 1
    assert state.count_by_protocol() == {"websocket": 1}


def test_what_changed_is_found_without_looking_at_the_rest():
    state = State(closed_kept=10)
    first, second, third = (opened(state, revision) for revision in range(3))
    state.touch(first, 3)
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
    state.touch(first, 4)
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
