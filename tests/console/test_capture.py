from __future__ import annotations

import json
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.capture import keep_event, keep_message, thaw

LIMIT = 100
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,  # what is larger is mostly drawn in vain, and shows nothing more
)


def test_text_and_bytes_are_kept_by_reference():
    text, data = "hello " * 5, b"hello " * 5
    assert keep_event({"type": "websocket.send", "text": text}, LIMIT)[0] is text
    assert keep_event({"type": "websocket.send", "bytes": data}, LIMIT)[0] is data
    assert keep_event({"type": "http.request", "body": data}, LIMIT)[0] is data


def test_a_buffer_that_its_owner_may_refill_is_copied():
    buffer = bytearray(b"before")
    kept = keep_event({"type": "websocket.send", "bytes": buffer}, LIMIT)
    buffer[:] = b"after!"
    assert kept == (b"before", 6, 6, False)


def test_what_is_too_long_is_cut_and_its_true_size_is_kept():
    payload, size, kept_bytes, is_cut = keep_event({"type": "x", "text": "a" * 250}, LIMIT)
    assert (len(payload), size, kept_bytes, is_cut) == (100, 250, 100, True)


def test_a_cut_does_not_split_a_character():
    payload, size, _, is_cut = keep_event({"type": "x", "text": "é" * 99}, 99)
    assert (payload, size, is_cut) == ("é" * 49, 198, True)


def test_an_event_without_a_body_keeps_its_other_values():
    event = {"type": "websocket.close", "code": 4001, "reason": ""}
    assert thaw(keep_event(event, LIMIT)[0]) == {"code": 4001}


@pytest.mark.parametrize(("payload", "size"), [(b"21.5", 4), ("zwölf", 6), (None, None)])
def test_a_body_beside_its_address_has_the_size_of_the_body(payload, size):
    event = {"type": "mqtt.publish", "topic": "a/b", "payload": payload}
    kept, size_bytes, _, is_cut = keep_event(event, LIMIT)
    assert thaw(kept)["topic"] == "a/b"
    assert (size_bytes, is_cut) == (size, False)


def test_an_event_that_says_nothing_keeps_nothing():
    assert keep_event({"type": "websocket.connect"}, LIMIT) == (None, None, 0, False)
    accept = {"type": "websocket.accept", "subprotocol": None, "headers": []}
    assert keep_event(accept, LIMIT) == (None, None, 0, False)


@given(st.dictionaries(st.text(), PLAIN, max_size=5))
def test_a_message_is_kept_as_it_was(message):
    payload, _, kept_bytes, is_cut = keep_message(message, 1_000_000)
    assert thaw(payload) == message
    assert not is_cut
    assert kept_bytes > 0


def test_a_later_change_of_the_message_does_not_reach_the_copy():
    message = {"tags": ["a"]}
    kept = keep_message(message, LIMIT)[0]
    message["tags"].append("b")
    assert thaw(kept) == {"tags": ["a"]}


def test_an_object_is_kept_by_the_name_of_its_class_alone():
    class Secretive:
        def __repr__(self):
            raise AssertionError("the recorder must not call the application's code")

    kept = thaw(keep_message({"thing": Secretive(), "id": uuid.UUID(int=1)}, 1_000)[0])
    assert kept["thing"].endswith("Secretive>")
    assert kept["id"] == uuid.UUID(int=1)


def test_a_message_of_any_size_is_bounded():
    message = {"rows": [{"text": "x" * 50}] * 10_000, "last": 1}
    payload, _, kept_bytes, is_cut = keep_message(message, 1_000)
    assert is_cut
    assert kept_bytes <= 1_000
    assert len(repr(payload)) < 4_000


@pytest.mark.parametrize(
    "value",
    [
        "x" * 900_000,
        "é" * 900_000,
        [{"id": n, "text": f"{n:>50}"} for n in range(9_000)],
        b"x" * 9_999,
    ],
)
def test_the_true_size_of_a_message_that_was_cut_is_about_that_of_its_json(value):
    message = {"type": "chat.message", "value": value}
    _, size_bytes, kept_bytes, is_cut = keep_message(message, 1_000)
    assert (is_cut, kept_bytes <= 1_000) == (True, True)
    told = json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=bytes.decode)
    assert size_bytes == pytest.approx(len(told.encode()), rel=0.05)


def test_the_value_of_a_key_that_was_cut_is_left_out():
    payload, *_ = keep_message({"password" * 20: 12345}, 20)
    assert 12345 not in payload.values()


@pytest.mark.parametrize("extra", [1, object()])
def test_a_message_nested_without_end_is_bounded(extra):
    message: dict = {"extra": extra}
    message["self"] = message["again"] = message
    payload, *_ = keep_message(message, 1_000)
    assert len(json.dumps(thaw(payload))) < 100_000


def test_a_list_that_is_there_a_thousand_times_is_bounded():
    shared: list = ["x"]
    for _ in range(8):
        shared = [shared] * 1_000
    payload, *_ = keep_message({"shared": shared}, 1_000_000)
    assert len(json.dumps(thaw(payload))) < 10_000_000


def test_keys_that_json_does_not_know_do_no_harm():
    payload, *_ = keep_message({(1, 2): "a", object: "b", 3: "c"}, 1_000)
    assert "c" in thaw(payload).values()


def weight(value: object) -> int:
    """Return what a kept value takes in memory, with all that is in it."""
    weighed = sys.getsizeof(value)
    if isinstance(value, dict):
        return weighed + sum(weight(item) for pair in value.items() for item in pair)
    return weighed + sum(map(weight, value)) if isinstance(value, list) else weighed


@pytest.mark.parametrize(
    "text", ["x" * 1_000, "é" * 1_000, "x" * 1_000 + "\U0001f600", "\U0001f600" + "x" * 99_000]
)
def test_a_text_is_said_to_weigh_what_it_does(text):
    payload, size, kept_bytes, _ = keep_event({"type": "x", "text": text}, 20_000)
    assert size == len(text.encode())
    assert sys.getsizeof(payload) <= kept_bytes + 60


@pytest.mark.parametrize(
    "hostile",
    [
        [[] for _ in range(50_000)],
        [{} for _ in range(50_000)],
        [{"a": None} for _ in range(50_000)],
        {str(number): None for number in range(50_000)},
        [10**4_000 + number for number in range(1_000)],
        ["x" * 100 + "\U0001f600" for _ in range(5_000)],
    ],
)
@pytest.mark.parametrize("extra", [1, object()])
def test_what_is_kept_of_a_hostile_message_takes_no_more_memory_than_is_allowed(hostile, extra):
    payload, *_ = keep_message({"type": "x", "v": hostile, "extra": extra}, 20_000)
    assert weight(payload) < 45_000
