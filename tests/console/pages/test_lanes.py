from __future__ import annotations

from itertools import pairwise

from console.pages.lanes import LANES, STEPS, sequence
from console.traces import Held, build
from tests.console.test_traces import ALL, WEB, entry


def chat(members: int = 3):
    """One message in a group whose members are in two processes."""
    usual = {"connection": "c0", "short_id": "c0", "who": "ada"}
    yield entry("e1:0", "in", 1.0, **usual)
    yield entry("e1:1", "handler", 1.3, "e1:0", took_ms=200.0, **usual)
    yield entry("e1:2", "group_send", 1.2, "e1:0", group="lobby", receivers=members, **usual)
    for n in range(members):
        process = "e1" if n == 0 else "e2"
        who = usual if n == 0 else {"connection": f"c{n}", "short_id": f"c{n}", "who": f"u{n}"}
        at = 1.4 + n / 10
        yield entry(f"{process}:{10 + 3 * n}", "deliver", at, "e1:2", **who)
        yield entry(f"{process}:{12 + 3 * n}", "out", at + 0.02, f"{process}:{10 + 3 * n}", **who)
        yield entry(
            f"{process}:{11 + 3 * n}", "handler", at + 0.03, f"{process}:{10 + 3 * n}",
            took_ms=20.0, **who,
        )  # fmt: skip


def drawn(members: int = 3):
    return sequence(build("t1", chat(members), ALL))


def test_each_connection_has_a_lane_in_the_band_of_its_process_and_the_layer_stands_between():
    picture = drawn()
    assert [lane.title for lane in picture.lanes] == ["ada", "c0", "lobby", "c1", "c2"]
    assert [band.title for band in picture.bands] == ["e1", "e2"]
    xs = [lane.x for lane in picture.lanes]
    assert xs == sorted(xs)
    assert all(0 < x < picture.width for x in xs)


def test_a_message_goes_from_the_client_over_the_layer_to_each_member_and_back():
    directions = [arrow.direction for arrow in drawn().arrows]
    assert directions == ["in", "layer", "layer", "out", "layer", "out", "layer", "out"]
    labels = [arrow.label for arrow in drawn().arrows if arrow.label]
    assert labels[:2] == ["chat.message", "group_send"]


def test_steps_stand_below_each_other_whatever_time_lies_between():
    ys = [moment.y for moment in drawn().moments]
    assert len({b - a for a, b in pairwise(ys)}) == 1
    assert drawn().moments[0].text == "0.0"


def test_a_handler_is_at_work_from_its_cause_to_the_last_of_its_effects():
    picture = drawn()
    first = picture.acts[0]
    assert first.y < picture.arrows[0].label_y
    assert first.y + first.height > picture.arrows[1].label_y - 4


def test_more_lanes_and_steps_than_can_be_read_are_counted_not_drawn():
    picture = drawn(members=15)
    assert picture.is_cut
    assert picture.lane_count == 15
    assert sum(lane.title.startswith("c") for lane in picture.lanes) == LANES
    assert len(picture.arrows) <= STEPS


def test_nothing_is_drawn_of_what_has_left():
    left = sequence(build("t1", [entry("e1:9", "handler", 1.0, "e1:3")], {WEB: Held(5, 10)}))
    assert left.arrows == []
