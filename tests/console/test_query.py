from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.query import (
    DEEPEST,
    LONGEST,
    MOST_TERMS,
    AnyOf,
    Bound,
    Field,
    Pattern,
    Query,
    QueryError,
    Text,
    parse,
    parse_narrowed,
)
from console.query_keys import TABLE

RECORD = {
    "type": "chat.message",
    "dir": "in",
    "user": "Ada",
    "path": "/ws/chat/lobby/",
    "process": "web-1",
    "group": ("lobby", "presence"),
    "size": 1_500,
    "took": 61.5,
    "code": 1006,
    "is": ("closed", "error"),
    "error": ("KeyError: 'type'", "KeyError"),
    "text": 'chat.message {"text": "Merging now"}',
}

pieces = st.text(min_size=0, max_size=8)
patterns = st.lists(pieces, min_size=1, max_size=3).map(lambda found: Pattern(tuple(found)))
amounts = st.decimals(0, 10**6, places=2)
texts = st.builds(Text, patterns, st.booleans())


def fields_of(key):
    values = st.sampled_from(key.choices).map(lambda value: Pattern((value,)))
    return st.builds(
        Field,
        st.just(key.name),
        st.lists(values if key.choices else patterns, min_size=1, max_size=3).map(tuple),
        st.booleans(),
    )


fields = st.sampled_from([key for key in TABLE if key.units is None]).flatmap(fields_of)
bounds = st.builds(
    Bound,
    st.sampled_from([key.name for key in TABLE if key.units is not None]),
    st.sampled_from(["<", "<=", "=", ">=", ">"]),
    amounts,
    st.booleans(),
)


def groups_of(inner):
    alternatives = st.lists(
        st.lists(inner, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3
    )
    return st.builds(AnyOf, alternatives.map(tuple), st.booleans())


terms = st.recursive(st.one_of(texts, fields, bounds), groups_of, max_leaves=8)


def is_short(query: Query) -> bool:
    # Each term has a space, a parenthesis or an end behind it.
    return len(re.findall(r"[ )]|$", str(query))) <= MOST_TERMS


@given(st.lists(terms, max_size=2).map(lambda found: Query(tuple(found))).filter(is_short))
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


SCRAPS = ["(", ")", "OR", "AND", "-", '"', "\\", ",", ":", "*", "<", ">", "=", " ", "a", "1", "k"]
NAMES = [key.name for key in TABLE] + ["duration", "nonsense"]


@given(st.lists(st.sampled_from(SCRAPS + NAMES), max_size=30).map("".join))
def test_any_text_of_the_language_s_own_words_is_a_query_or_an_error(text):
    error = error_of(text)
    assert error is None or (0 <= error.position <= len(text) and error.message)
    if error is None:
        assert parse(str(parse(text))) == parse(text)


numbers = st.builds(
    "{}:{}{}{}{}".format,
    st.sampled_from(["size", "took"]),
    st.sampled_from(["", "<", ">="]),
    st.integers(0, 10**15 - 1),
    st.sampled_from(["", ".5", ".000001", ".999999"]),
    st.sampled_from(["", "k", "kb", "M", "us", "ms", "s"]),
)
typed = st.recursive(
    st.one_of(numbers, st.sampled_from(["a", "-a", "*,*", "-proc:-*-,x", '"', "user:\\"])),
    lambda inner: st.builds(
        "{}({})".format,
        st.sampled_from(["", "-"]),
        st.lists(inner, min_size=1, max_size=4).map(" OR ".join),
    ),
    max_leaves=12,
)


@given(
    st.lists(typed, min_size=1, max_size=MOST_TERMS + 1),
    st.sampled_from([" ", " OR "]),
    st.integers(0, DEEPEST + 1),
)
def test_what_is_understood_at_all_is_understood_as_it_prints(words, between, depth):
    text = "(" * depth + words[0] + ")" * depth + between + between.join(words[1:])
    error = error_of(text)
    if error is not None:
        assert 0 <= error.position <= len(text)
        return
    query = parse(text)
    assert parse(str(query)) == query
    narrowed = query.narrowed(parse("process:web-1 kind:group_send"))
    assert parse_narrowed(str(narrowed)) == narrowed


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join("a" * MOST_TERMS),
        "(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1) + " OR b",
        "size:>999999999M",
        "took:<0.000001us",
        "x" * LONGEST,
    ],
)
def test_a_query_at_its_bounds_is_understood_by_other_processes(text):
    narrowed = parse(text).narrowed(parse("process:web-1"))
    assert parse(str(parse(text))) == parse(text)
    assert parse_narrowed(str(narrowed)) == narrowed


@given(st.lists(terms, min_size=1, max_size=2).map(tuple))
def test_what_is_excluded_matches_what_the_same_terms_do_not(terms):
    assert Query((AnyOf((terms,), True),)).matches(RECORD) is not Query(terms).matches(RECORD)


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
        "size:>=1500",
        "size:<=1.5k",
        "size:=1500",
        "duration:>50ms",
        "code:1006",
        "code:10*",
        "code:>1000",
        "is:closed",
        "is:open,error",
        "error:KeyError",
        "error:*type*",
        "user:grace OR user:ada",
        "user:ada user:grace OR dir:in size:>1k",
        "(user:grace OR user:ada) dir:in",
        "-(user:grace OR dir:out)",
        "-(user:ada dir:out)",
        "dir:in (took:>1s OR (size:>1k -state:open))",
        "chat.message -f(x)",
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
        "size:>1500",
        "size:<1500",
        "code:<1006",
        "is:open",
        "user:grace OR user:bob",
        "dir:out (user:grace OR user:ada)",
        "dir:out user:grace OR dir:out",
        "-(user:grace OR user:ada)",
        "OR-",
        '"OR"',
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
        ("dir:inn", 4, "did you mean 'in'"),
        ("dir:in,layr", 7, "did you mean 'layer'"),
        ("is:purple", 3, "expected open, closed"),
        ("a OR", 2, "after 'OR'"),
        ("OR a", 0, "before 'OR'"),
        ("(a OR OR b)", 6, "before 'OR'"),
        ("a AND b", 2, "without AND"),
        ("NOT b", 0, "'-'"),
        ("a (b", 2, "')' for this '('"),
        ("a b)", 3, "'(' somewhere before"),
        ("a ()", 2, "between the parentheses"),
        ("-)", 0, "something to exclude"),
        ("(" * DEEPEST + "(a", DEEPEST, "inside each other"),
        ("(" * DEEPEST + "a" + ")" * DEEPEST + " OR b", DEEPEST - 1, "an OR outside"),
        ("a " * MOST_TERMS + "b", 2 * MOST_TERMS, "at most"),
        ("x" * (LONGEST + 1), LONGEST, "at most"),
        ("-*" * (LONGEST // 2), LONGEST, "with its quotes"),
        ("size:>999999999999999M", 5, "a smaller number"),
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


def test_a_parenthesis_inside_a_word_belongs_to_it():
    assert parse("f(x)").terms == (Text(Pattern(("f(x)",))),)
    assert parse("(f(x) OR path:/a/(b)/)").terms == (
        AnyOf(
            (
                (Text(Pattern(("f(x)",))),),
                (Field("path", (Pattern(("/a/(b)/",)),)),),
            )
        ),
    )


def test_a_name_that_is_another_s_stands_for_it():
    assert parse("protocol:ws duration:>1s proc:web-1") == parse("proto:ws took:>1s process:web-1")


def test_terms_that_need_the_whole_text_are_asked_last():
    class Record(dict):
        def get(self, key, default=None):
            assert key != "text"
            return super().get(key, default)

    assert not parse('"merging now" (green OR red) user:grace').matches(Record(RECORD))


def test_a_query_without_terms_is_false():
    assert not parse("  ")
    assert parse("a")


@given(st.text("a*", max_size=60), st.integers(0, 2_000))
def test_a_pattern_takes_one_look_at_each_character(stars, length):
    class Counted(str):
        looks = 0

        def find(self, piece, start=0):
            Counted.looks += 1
            return super().find(piece, start)

    pattern = Pattern(tuple(stars.split("*")))
    text = Counted("a" * length)
    text.casefold = lambda: text
    pattern.is_within(text)
    assert Counted.looks <= len(pattern.pieces)


@pytest.mark.parametrize(
    ("text", "kind", "direction", "may"),
    [
        ("", "in", "in", True),
        ("dir:error", "in", "in", False),
        ("dir:error", "drop", "error", True),
        ("-dir:in", "in", "in", False),
        ("kind:out user:ada hello", "out", "out", True),
        ("kind:out user:ada hello", "in", "in", False),
        ("(dir:error OR hello)", "in", "in", True),
    ],
)
def test_what_is_known_of_a_record_may_rule_it_out(text, kind, direction, may):
    assert parse(text).may_match({"kind": kind, "dir": direction}) is may
