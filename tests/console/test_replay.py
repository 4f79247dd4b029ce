from __future__ import annotations

import json
from typing import Any

from console.replay import Answer, compare
from console.volatile import Difference, Volatility

ANY = Volatility()


def said(*payloads: Any, prefix: str = "") -> list[Answer]:
    return [
        Answer.read("websocket.send", json.dumps(payload), position=f"{prefix}{n}")
        for n, payload in enumerate(payloads)
    ]


def verdicts(expected: list[Answer], came: list[Answer]) -> list[tuple[str, str]]:
    return [(one.verdict, one.position) for one in compare(expected, came, ANY)]


def test_answers_that_differ_in_what_is_volatile_alone_are_equal() -> None:
    expected = said({"type": "welcome", "id": "a9700b33"}, {"n": 1}, prefix="e:")
    assert verdicts(expected, said({"type": "welcome", "id": "0b670da3"}, {"n": 1})) == [
        ("equal", "e:0"),
        ("equal", "e:1"),
    ]


def test_a_missing_answer_does_not_make_the_next_ones_different() -> None:
    expected = said("one", "two", "three", prefix="e:")
    assert verdicts(expected, said("one", "three")) == [
        ("equal", "e:0"),
        ("missing", "e:1"),
        ("equal", "e:2"),
    ]


def test_what_nobody_expected_is_extra_and_is_shown() -> None:
    found = compare(said("one", prefix="e:"), said("one", "surprise"), ANY)
    assert [one.verdict for one in found] == ["equal", "extra"]
    assert found[1].came is not None
    assert found[1].came.payload == "surprise"


def test_another_answer_in_the_same_place_differs_and_says_where() -> None:
    found = compare(
        said({"user": {"name": "ada"}}, prefix="e:"), said({"user": {"name": "grace"}}), ANY
    )
    assert [one.verdict for one in found] == ["differs"]
    assert found[0].differences == (Difference("user.name", "ada", "grace"),)


def test_a_close_in_the_place_of_a_message_differs_in_its_type() -> None:
    (one,) = compare(said("x"), [Answer.read("websocket.close", '{"code":4000}')], ANY)
    assert one.differences == (Difference("type", "websocket.send", "websocket.close"),)


def test_text_that_is_no_json_and_bytes_are_compared_as_they_are() -> None:
    expected = [Answer.read("websocket.send", "plain"), Answer.read("websocket.send", "", "00 ff")]
    came = [Answer.read("websocket.send", "plain"), Answer.read("websocket.send", "", "00 fe")]
    assert [one.verdict for one in compare(expected, came, ANY)] == ["equal", "differs"]


def test_an_extra_answer_between_others_does_not_stand_for_one_of_another_kind() -> None:
    expected = said({"type": "joined", "user": "ada"}, {"type": "message", "user": "ada"})
    came = said(
        {"type": "joined", "user": "grace"},
        {"type": "present", "user": "linus", "since": "noon"},
        {"type": "message", "user": "grace"},
    )
    assert [one.verdict for one in compare(expected, came, ANY)] == ["differs", "extra", "differs"]
