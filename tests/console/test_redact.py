from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

import pytest
from django.utils.functional import SimpleLazyObject
from hypothesis import given
from hypothesis import strategies as st

from console.redact import REDACTED, Redactor

CANARY = "c4n4ryc4n4ry"
SECRET_KEYS = st.sampled_from(
    [
        *("password", "userPassword", "token", "access_token", "csrfmiddlewaretoken", "api-key"),
        *("secret", "sessionid", "Authorization", "credentials", "auth", "PIN", "card_number"),
    ]
)
CANARIES = st.sampled_from([CANARY, 991_199_119_911, 9911.9911, [CANARY], {"a": {"b": CANARY}}])
PLAIN_KEYS = st.text(st.characters(codec="ascii"), max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=10)


def around(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Put `value` somewhere: in a dict, a list, a pair, or text of JSON inside JSON."""
    beside = st.dictionaries(PLAIN_KEYS, LEAVES, max_size=2)
    return st.one_of(
        st.tuples(beside, PLAIN_KEYS, value).map(lambda made: {**made[0], made[1]: made[2]}),
        st.tuples(st.lists(LEAVES, max_size=2), value).map(lambda made: [*made[0], made[1]]),
        value.map(lambda made: {"inner": json.dumps(made)}),
    )


SECRETS = st.one_of(
    st.tuples(SECRET_KEYS, CANARIES).map(lambda pair: {pair[0]: pair[1]}),
    st.tuples(SECRET_KEYS, st.just(CANARY)).map(list),
    SECRET_KEYS.map(lambda key: {"name": key, "value": CANARY}),
)
HIDING = st.recursive(SECRETS, around, max_leaves=5)

redactor = Redactor(["card_number"])


def leaks(shown: object) -> bool:
    text = json.dumps(shown, ensure_ascii=False)
    return any(canary in text for canary in (CANARY, "991199119911", "9911.9911"))


@given(HIDING)
def test_no_value_under_a_secret_key_comes_out_at_any_depth(value):
    assert leaks(value)
    assert not leaks(redactor.value(value))


@given(HIDING, st.booleans())
def test_nor_does_it_come_out_of_the_text_or_the_bytes_of_json(value, is_indented):
    text = json.dumps(value, indent=2 if is_indented else None)
    assert not leaks(redactor.payload(text).text)
    assert not leaks(redactor.payload(text.encode()).text)


@given(SECRET_KEYS, st.integers(0, 30), st.integers(1, 40))
def test_nor_does_it_come_out_of_json_that_was_cut(key, before, after):
    text = json.dumps({"a": "x" * before, key: CANARY, "z": ["y" * after]})
    for end in range(text.index(CANARY) + len(CANARY), len(text)):
        assert not leaks(redactor.payload(text[:end], is_cut=True).text)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(PLAIN_KEYS, inner)))
def test_what_comes_out_can_always_be_sent_as_json(value):
    json.dumps(redactor.value(value)).encode()
    redactor.payload(json.dumps(value)).text.encode()


@given(st.text() | st.binary())
def test_any_payload_can_be_shown(payload):
    shown = redactor.payload(payload)
    shown.text.encode()
    assert shown.data is None or shown.data == payload


def test_what_is_no_secret_keeps_the_spelling_of_its_sender():
    text = '{ "text" : "gr\\u00fcn",\n "n": 1.0 }'
    assert redactor.payload(text).text == text


def test_the_first_of_two_equal_keys_does_not_hide_behind_the_second():
    assert not leaks(redactor.payload(f'{{"a": {{"password": "{CANARY}"}}, "a": 1}}').text)


def test_a_secret_that_is_empty_or_a_flag_says_nothing_and_stays():
    value = {"password": "", "token": None, "has_password": True}
    assert redactor.value(value) == value


def test_json_nested_without_end_is_cut_and_not_shown():
    text = "[" * 5_000 + f'{{"password": "{CANARY}"}}' + "]" * 5_000
    assert not leaks(redactor.payload(text).text)
    deep: Any = {"x": CANARY}
    for _ in range(200):
        deep = [deep]
    assert not leaks(redactor.value(deep))


def test_binary_data_with_a_secret_name_in_it_is_hidden_altogether():
    shown = redactor.payload(b"\x81\xa8password\xac" + CANARY.encode() + b"\xff")
    assert (shown.is_hidden, shown.data, shown.text) == (True, None, REDACTED)


def test_other_binary_data_is_shown_as_bytes():
    assert redactor.payload(b"\x89PNG\xff").data == b"\x89PNG\xff"


def test_a_cut_in_the_middle_of_a_character_leaves_text():
    data = "grün".encode()[:3]
    assert redactor.payload(data, is_cut=True).text == "gr"
    assert redactor.payload(data).data == data


def test_half_of_a_surrogate_pair_can_still_be_sent():
    redactor.payload("\ud800").text.encode()
    json.dumps(redactor.value({"a": "\ud800"}), ensure_ascii=False).encode()


def test_objects_are_named_and_never_printed_or_resolved():
    class Secretive:
        def __str__(self):
            raise AssertionError("never printed")

    def resolve():
        raise AssertionError("never resolved")

    shown = redactor.value({"a": Secretive(), "b": SimpleLazyObject(resolve)})
    assert shown["a"].endswith("Secretive>")
    assert shown["b"] == "<not resolved>"


def test_values_of_the_standard_library_are_written_out():
    moment, number = datetime.datetime(2026, 11, 7, 20, 31), uuid.UUID(int=7)
    assert redactor.value([moment, number]) == [str(moment), str(number)]


def test_headers_lose_credentials_and_keep_the_rest():
    headers = [
        (b"host", b"example.com"),
        (b"cookie", b"sessionid=x"),
        (b"authorization", b"Bearer x"),
        (b"x-api-key", b"x"),
        (b"referer", f"https://example.com/?token={CANARY}".encode()),
        (b"sec-websocket-protocol", f"chat.v2, bearer, {CANARY}".encode()),
    ]
    shown = redactor.headers(headers)
    assert shown[:4] == [
        ["host", "example.com"],
        ["cookie", REDACTED],
        ["authorization", REDACTED],
        ["x-api-key", REDACTED],
    ]
    assert shown[5] == ["sec-websocket-protocol", f"chat.v2, bearer, {REDACTED}"]
    assert not leaks(shown)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (b"", ""),
        (b"page=2&sort=-name", "page=2&sort=-name"),
        (b"token=abc&page=2", f"token={REDACTED}&page=2"),
        (b"%74oken=abc", f"%74oken={REDACTED}"),
        (b"code=abc&key=def", f"code={REDACTED}&key={REDACTED}"),
        (b"token=", "token="),
        (b"next=Bearer abcdef", f"next=Bearer {REDACTED}"),
        (b"d41d8cd98f00b204e9800998ecf8427e", REDACTED),
    ],
)
def test_query_strings_lose_the_values_of_secret_arguments(query, shown):
    assert redactor.query_string(query) == shown


@pytest.mark.parametrize("name", ["graphql-transport-ws", "chat.v2", "wamp.2.json", "v12.stomp"])
def test_a_subprotocol_is_shown(name):
    assert redactor.subprotocol(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "bearer.abc",
        "base64url.bearer.authorization.k8s.io.ZXhhbXBsZTEyMzQ1Njc4OTA",
        "3f0c9a52-8a4e-4d57-9f0a-6a1e5b7c2d10",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)
def test_a_token_that_travels_as_a_subprotocol_is_not(name):
    assert redactor.subprotocol(name) == REDACTED


def test_an_event_of_asgi_is_read_by_the_names_of_its_fields():
    shown = redactor.value(
        {"subprotocol": "bearer.abc", "headers": [[b"set-cookie", b"sessionid=abc"]]}
    )
    assert shown == {"subprotocol": REDACTED, "headers": [["set-cookie", REDACTED]]}


def test_a_path_loses_its_secret_arguments():
    path = redactor.path("/reset/a%20b/a b/lobby/", {"token": "a b", "room": "lobby"})
    assert path == f"/reset/{REDACTED}/{REDACTED}/lobby/"


def test_the_hook_of_a_consumer_gets_parsed_values_of_its_own():
    seen = []

    def hook(direction, payload):
        seen.append((direction, payload))
        payload["card"] = "none of your business"
        return payload

    message = {"type": "pay", "card": CANARY, "items": [{"password": CANARY}]}
    shown = redactor.payload(message, direction="layer", hook=hook).text
    assert not leaks(shown)
    assert message["card"] == CANARY
    assert redactor.payload('{"card": 1}', direction="in", hook=hook).text == (
        '{"card":"none of your business"}'
    )
    assert [direction for direction, _ in seen] == ["layer", "in"]


@pytest.mark.parametrize("payload", [CANARY, CANARY.encode(), {"a": CANARY}])
def test_a_hook_that_fails_hides_the_whole_payload(payload):
    def hook(direction, payload):
        raise KeyError(CANARY)

    assert redactor.payload(payload, hook=hook).text == REDACTED


def test_a_hook_is_not_asked_about_half_a_payload():
    shown = redactor.payload(CANARY, hook=lambda direction, payload: payload, is_cut=True)
    assert shown.text == REDACTED


def test_a_hook_may_turn_a_payload_into_nothing():
    assert redactor.payload(CANARY, hook=lambda direction, payload: None).text == ""
