from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.process import ProcessReport, ProcessView, Totals
from console.reading import Interest
from console.relay_protocol import (
    MOST_BYTES,
    TYPE,
    VERSION,
    Answer,
    Ask,
    Batch,
    Beat,
    ForeignMessage,
    Lease,
    OtherVersion,
    RefusedMessage,
    Rewind,
    Subscription,
    cut,
    decode,
    dumps,
    encode,
)

TOTALS = Totals(1.5, 0.0, 0.0, 3, 5_000, 100, 0, 1, {"websocket": 1})
REPORT = ProcessReport(ProcessView("web-1", 1, "example", 0.0, "e1"), TOTALS, 1_000, 0.001)
SUBSCRIPTION = Subscription("5ab", Interest("tail", "dir:in"), {"e1": 7})
FRAMES = [
    Lease("specific.x!1", 15.0, 2.5, (SUBSCRIPTION,)),
    Rewind("specific.x!1", "5ab", 7),
    Ask("a5c", "specific.x!1", "listing", {"limit": 3}),
    Answer("a5c", "e1", 0, 2, "{}"),
    Beat(REPORT, "specific.x!2", {"5ab": 7}, True),
    Batch("5ab", "e1", 0, 3, 9, (), ("c1",), ("c2",), (), 1, 2, {"http": 2}),
]


def seal(body: str) -> str:
    return f"sealed {len(body)}"


def other_seal(body: str) -> str:
    return "another"


def message(body: Any, **fields: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else dumps(body)
    return {
        "type": TYPE,
        "v": VERSION,
        "name": "web-1",
        "body": text,
        "seal": seal(text),
        **fields,
    }


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frame_arrives_as_it_was_said(frame: Any) -> None:
    sent = json.loads(json.dumps(encode(frame, "web-1", seal)))
    assert decode(sent, (seal,)) == frame


def test_a_seal_of_an_earlier_secret_is_still_known() -> None:
    sent = encode(FRAMES[1], "web-1", seal)
    assert decode(sent, (other_seal, seal)) == FRAMES[1]
    with pytest.raises(ForeignMessage, match="SECRET_KEY"):
        decode(sent, (other_seal,))


def test_another_version_is_named_and_not_read() -> None:
    with pytest.raises(OtherVersion) as caught:
        decode({"type": TYPE, "v": 9, "name": "web-9", "whatever": b"\0"}, (seal,))
    assert (caught.value.name, caught.value.version) == ("web-9", 9)


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        [],
        {},
        {"type": TYPE},
        {"type": TYPE, "v": True, "name": "x" * 10_000},
        message("no json"),
        message("[" * 100_000),
        message('"' + "x" * MOST_BYTES + '"'),
        message("é"),
        message([]),
        message({"kind": "unknown"}),
        message({"kind": ["lease"]}),
        message({"kind": "lease", "console": "x"}),
        message({"kind": "lease", "console": "x", "ttl_s": 1e9, "age_s": 0}),
        message({"kind": "lease", "console": "x", "ttl_s": float("nan"), "age_s": 0}),
        message({"kind": "rewind", "console": "x", "subscription": "s", "offset": -1}),
        message({"kind": "answer", "ask": "a", "epoch": "e", "part": 2, "parts": 2, "text": ""}),
        message({"kind": "answer", "ask": "a", "epoch": "e", "part": 0, "parts": 9**9, "text": ""}),
        message({"kind": "batch", "subscription": "s", "epoch": "<b>", "origin": 0}),
        message(
            {
                "kind": "batch",
                "subscription": "s",
                "epoch": "e",
                "origin": 0,
                "start": 5,
                "end": 4,
            }
        ),
        message(
            {
                "kind": "batch",
                "subscription": "s",
                "epoch": "e",
                "origin": 0,
                "start": 0,
                "end": 4,
                "removed": ["#x, body"],
            }
        ),
    ],
)
def test_what_is_no_frame_is_refused(hostile: Any) -> None:
    with pytest.raises(RefusedMessage):
        decode(hostile, (seal,))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(st.sampled_from(FRAMES), st.data())
def test_a_frame_with_any_field_replaced_is_read_or_refused(frame: Any, data: Any) -> None:
    body = json.loads(encode(frame, "web-1", seal)["body"])
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(json_values)
    with suppress(RefusedMessage):
        assert isinstance(decode(message(body), (seal,)), type(frame))


def test_a_message_that_would_be_too_large_is_not_made() -> None:
    with pytest.raises(RefusedMessage, match="does not fit"):
        encode(Ask("a", "c", "q", {"x": "y" * MOST_BYTES}), "web-1", seal)


@given(st.integers(0, 4), st.sampled_from(["x", '"', "\\", "\n", "é", "\0", '{"a":1}']))
def test_the_parts_of_a_text_are_the_text_and_fit_into_messages(times: int, text: str) -> None:
    long = dumps(text * 100_000 * times)
    assert "".join(cut(long)) == long
    assert all(
        len(encode(Answer("a", "e", 0, 1, part), "w", seal)["body"]) < MOST_BYTES
        for part in cut(long)
    )
