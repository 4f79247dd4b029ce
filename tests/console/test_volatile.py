from __future__ import annotations

import pytest

from console.volatile import Difference, Volatility


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 7),
        ("user_id", 7),
        ("createdAt", 17.5),
        ("at", "yesterday"),
        ("", "2026-11-28T12:44:39.965508+00:00"),
        ("text", "3f0c9a52-8a4e-4d57-9f0a-6a1e5b7c2d10"),
        ("key", "a9700b33"),
        ("cookie", "«redacted»"),
    ],
)
def test_ids_times_tokens_and_what_is_hidden_are_volatile(name: str, value: object) -> None:
    assert Volatility().is_volatile(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", "hello"), ("count", 7), ("room", "deadbeef"), ("", "12345678"), ("name", "Ada")],
)
def test_words_and_counts_are_not(name: str, value: object) -> None:
    assert not Volatility().is_volatile(name, value)


def test_a_recording_adds_names_of_its_own() -> None:
    assert Volatility(["Price"]).is_volatile("price", 7)


def test_differences_are_named_by_their_path_and_volatile_ones_are_passed_over() -> None:
    expected = {"id": 1, "user": {"name": "ada", "id": 2}, "items": [1, 2]}
    came = {"id": 9, "user": {"name": "grace", "id": 8}, "items": [1, 3], "more": True}
    assert Volatility().differences(expected, came) == [
        Difference("user.name", "ada", "grace"),
        Difference("items[1]", 2, 3),
        Difference("more", None, True),
    ]


def test_true_is_not_one() -> None:
    assert Volatility().differences({"ok": True}, {"ok": 1}) == [Difference("ok", True, 1)]


def test_a_list_of_another_length_differs_as_a_whole() -> None:
    assert Volatility().differences([1], [1, 2]) == [Difference("", [1], [1, 2])]
