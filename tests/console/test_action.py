from __future__ import annotations

import base64

import pytest

from console.action import Action, Outcome, RefusedAction, failure, total

MESSAGE = {"type": "chat.message", "text": "hi"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "send"}, "one of a text"),
        ({"kind": "send", "text": "a", "data": "YQ=="}, "one of a text"),
        ({"kind": "send", "data": "a*"}, "base64"),
        ({"kind": "send", "message": {"text": "hi"}}, '"type"'),
        ({"kind": "send", "text": "x" * 100_001}, "at most 100_000"),
        ({"kind": "deliver"}, '"type"'),
        ({"kind": "deliver", "message": {"type": ""}}, '"type"'),
        ({"kind": "close", "code": 1006}, "3000 to 4999"),
        ({"kind": "close", "reason": "é" * 62}, "123 bytes"),
        ({"kind": "join"}, "name of a group"),
        ({"kind": "leave", "group": "g" * 100}, "name of a group"),
        ({"kind": "broadcast", "message": MESSAGE}, "name of a group"),
        ({"kind": "broadcast", "group": "lobby"}, '"type"'),
        ({"kind": "post", "message": MESSAGE}, "name of a channel"),
        ({"kind": "close", "connections": ("a",) * 1_001}, "at most 1000"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_the_reason(fields, expected):
    with pytest.raises(RefusedAction) as refused:
        Action(**fields).require_valid()
    assert expected in refused.value.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "send", "text": ""},
        {"kind": "send", "data": "AP8="},
        {"kind": "send", "message": {"type": "http.response.body", "more_body": True}},
        {"kind": "deliver", "message": MESSAGE},
        {"kind": "close"},
        {"kind": "close", "code": 4999, "reason": "é" * 61},
        {"kind": "join", "group": "g" * 99},
        {"kind": "leave", "group": "lobby"},
        {"kind": "broadcast", "group": "lobby", "message": MESSAGE},
        {"kind": "post", "channel": "jobs", "message": MESSAGE},
    ],
)
def test_what_can_be_is_not(fields):
    Action(**fields).require_valid()


def test_an_action_says_the_event_that_it_sends():
    assert Action("send", text="hi").event() == {"type": "websocket.send", "text": "hi"}
    data = base64.b64encode(b"\x00\xff").decode()
    assert Action("send", data=data).event() == {"type": "websocket.send", "bytes": b"\x00\xff"}
    assert Action("send", message=MESSAGE).event() == MESSAGE


def test_outcomes_add_up_and_say_each_reason_once():
    whole = total([Outcome(done=2), Outcome(gone=1), failure("No."), failure("No."), failure("?")])
    assert whole == Outcome(2, 1, 3, ("No.", "?"))
    assert str(whole) == "2 done, 1 gone already, 3 failed. No. ?"
    assert not whole.is_whole
    assert str(Outcome()) == "Nothing to do."
    assert Outcome(done=1).is_whole
