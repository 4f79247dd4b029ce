from __future__ import annotations

from console.pages.query_field import QueryField


def test_what_is_understood_filters() -> None:
    field = QueryField.read("user:ada")
    assert field.error is None
    assert field.query.matches({"user": "ada"})
    assert not field.query.matches({"user": "grace"})


def test_the_chosen_process_narrows_what_was_typed() -> None:
    field = QueryField.read("user:ada", process='we"b 1')
    assert field.text == "user:ada"
    assert field.query.matches({"user": "ada", "process": 'we"b 1'})
    assert not field.query.matches({"user": "ada", "process": "web-2"})


def test_an_error_splits_the_text_at_the_character_that_is_wrong() -> None:
    field = QueryField.read("dir:in size:>abc")
    assert field.error is not None
    assert (field.before, field.at, field.after) == ("dir:in size:", ">", "abc")


def test_text_that_ends_too_soon_is_wrong_after_its_end() -> None:
    field = QueryField.read('"open')
    assert field.error is not None
    assert field.before + field.at + field.after == '"open'


def test_a_query_with_an_error_still_keeps_to_the_process() -> None:
    field = QueryField.read("size:>abc", process="web-1")
    assert field.query.matches({"process": "web-1"})
    assert not field.query.matches({"process": "web-2"})


def test_the_process_narrows_every_alternative() -> None:
    field = QueryField.read("user:ada OR user:grace", process="web-1")
    assert field.query.matches({"user": "ada", "process": "web-1"})
    assert not field.query.matches({"user": "ada", "process": "web-2"})
