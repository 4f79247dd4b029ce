from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.query import (
    KEYS,
    UNITS,
    Bound,
    Field,
    Pattern,
    Query,
    QueryError,
    Text,
    parse,
)

RECORD = {
    "type": "chat.message",
    "dir": "in",
    "user": "Ada",
    "path": "/ws/chat/lobby/",
    "process": "web-1",
    "group": ("lobby", "presence"),
    "size": 1_500,
    "took": 61.5,
    "text": 'chat.message {"text": "Merging now"}',
}

pieces = st.text(min_size=0, max_size=8)
patterns = st.lists(pieces, min_size=1, max_size=3).map(lambda found: Pattern(tuple(found)))
amounts = st.decimals(0, 10**6, places=2)
terms = st.one_of(
    st.builds(Text, patterns, st.booleans()),
    st.builds(
        Field,
        st.sampled_from([key for key in KEYS if key not in UNITS]),
        st.lists(patterns, min_size=1, max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(Bound, st.sampled_from([*UNITS]), st.sampled_from("<=>"), amounts, st.booleans()),
)


@given(st.lists(terms).map(lambda found: Query(tuple(found))))
def test_a_query_reads_as_it_prints(query):
    assert parse(str(query)) == query


def error_of(text: str) -> QueryError | None:
    try:
        parse(text)
    except QueryError as error:
        return error
    return None


@given(st.text())
def test_any_text_is_a_query_or_an_error_with_a_place_in_it(text):
    error = error_of(text)
    assert error is None or (0 <= error.position <= len(text) and error.message)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "type:chat.message",
        "type:CHAT.MESSAGE",
        "type:chat.*",
        "type:*.mess*e",
        "type:other,chat.*",
        "dir:in,out",
        "user:ada",
        "proc:web-*",
        "group:presence",
        "path:/ws/*",
        "size:>1k",
        "size:<2M",
        "size:1500",
        "size:1.5kB",
        "took:>50ms",
        "took:<1s",
        "took:>61us",
        "merging",
        '"merging now"',
        "merg*now",
        "-user:grace",
        "-state:open",
        "-took:>2s",
        "type:chat.message user:ada -path:/ws/ticker/*",
    ],
)
def test_what_matches(text):
    assert parse(text).matches(RECORD)


@pytest.mark.parametrize(
    "text",
    [
        "type:chat",
        "type:*chat",
        "type:chat.message*message",
        'type:"chat.*"',
        "group:lob",
        "size:>2k",
        "size:>1M",
        "took:>1s",
        "grace",
        "now*merging",
        '-"merging now"',
        "-dir:in",
        "state:open",
        "channel:*",
        "user:ada dir:out",
    ],
)
def test_what_does_not_match(text):
    assert not parse(text).matches(RECORD)


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("user:ada tpye:x", 9, "did you mean 'type:'"),
        ("http://example", 0, "Put it in quotes"),
        ("user:", 5, "Expected a value after 'user:'"),
        ("dir:in,", 7, "another value"),
        ("a -", 2, "something to exclude"),
        ('a "b c', 2, "closing quote"),
        ("size:big", 5, "Expected a number"),
        ("took:>5k", 5, "took:>50ms"),
        ("took:>", 5, "Expected a number"),
    ],
)
def test_an_error_points_at_the_character(text, position, part):
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert part in caught.value.message
    assert str(position + 1) in str(caught.value)


def test_numbers_are_in_bytes_and_milliseconds():
    assert parse("size:>1.5k").terms == (Bound("size", ">", Decimal(1_500)),)
    assert parse("took:<2s").terms == (Bound("took", "<", Decimal(2_000)),)


def test_a_pattern_of_many_stars_takes_no_long_time():
    pattern = parse("*".join("a" * 40) + "b").terms[0]
    assert not pattern.holds({"text": "a" * 50_000})


def test_a_query_without_terms_is_false():
    assert not parse("  ")
    assert parse("a")
