import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.exceptions import UnknownEvent
from runtime.protocols.telegram.updates import (
    LONGEST_TEXT,
    MalformedUpdate,
    Outgoing,
    read_messages,
    read_update,
)
from tests.support.bot_api import BotApi

keys = st.sampled_from(
    ["update_id", "message", "chat", "from", "id", "text", "date", "message_id", "first_name"]
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)


def written(**fields):
    return BotApi().text("hello", **fields)


def test_a_message_says_who_wrote_what_and_where():
    incoming = read_update(written())
    assert incoming.chat_id == 42
    assert incoming.scope == {
        "type": "telegram",
        "path": "chats/42",
        "chat_id": 42,
        "chat_type": "private",
        "chat_name": "Ada",
        "sender": {"id": 7, "username": "ada", "name": "Ada"},
        "client": ("ada", 7),
    }
    assert incoming.event["type"] == "telegram.message"
    assert incoming.event["text"] == "hello"
    assert incoming.event["sender"] == incoming.scope["sender"]


def test_what_has_no_text_is_an_update_of_its_kind():
    update = written()
    del update["message"]["text"]
    assert read_update(update).event == {
        "type": "telegram.update",
        "kind": "message",
        "update": update,
    }


def test_a_pressed_button_belongs_to_the_chat_of_its_message():
    update = written()
    query = {"id": "1", "from": update["message"]["from"], "message": update.pop("message")}
    incoming = read_update({**update, "callback_query": {**query, "data": "yes"}})
    assert (incoming.chat_id, incoming.event["kind"]) == (42, "callback_query")


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("text", "an object with an update_id"),
        ({"update_id": "1"}, "an object with an update_id"),
        ({"update_id": 1, "poll": {}}, "an update of a chat"),
        ({"update_id": 1, "message": {}}, "an object as 'chat'"),
        ({"update_id": 1, "message": {"chat": {"id": True}}}, "a whole number as 'id'"),
        ({"update_id": 1, "message": {"chat": {"id": 1, "type": 2}}}, "a text as 'type'"),
    ],
)
def test_a_malformed_update_says_what_is_missing(update, expected):
    with pytest.raises(MalformedUpdate) as caught:
        read_update(update)
    assert expected in str(caught.value)


@given(junk)
def test_whatever_comes_is_read_or_called_malformed(update):
    try:
        incoming = read_update(update)
    except MalformedUpdate:
        return
    assert isinstance(incoming.chat_id, int)
    assert incoming.event["type"].startswith("telegram.")


def test_a_message_may_answer_another_and_be_silent():
    event = {"type": "telegram.message", "text": "x", "reply_to": 5, "parse_mode": "HTML"}
    assert [*read_messages({**event, "is_silent": True})] == [Outgoing("x", "HTML", 5, True)]


@given(st.text(min_size=1, max_size=3 * LONGEST_TEXT))
def test_a_long_text_is_sent_in_parts_that_fit(text):
    event = {"type": "telegram.message", "text": f"{text}."}
    parts = [message.text for message in read_messages(event)]
    assert all(0 < len(part) <= LONGEST_TEXT for part in parts)
    assert "".join("".join(parts).split()) == "".join(f"{text}.".split())


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "telegram.message"}, "a text that is not blank"),
        ({"type": "telegram.message", "text": "  "}, "a text that is not blank"),
        ({"type": "telegram.shout", "text": "x"}, "expected telegram.message"),
        ({"type": "telegram.message", "text": "x", "parse_mode": "BBCode"}, "MarkdownV2"),
        ({"type": "telegram.message", "text": "x", "reply_to": "5"}, "the id of a message"),
    ],
)
def test_what_is_no_message_is_the_consumers_error(event, expected):
    with pytest.raises(UnknownEvent) as caught:
        [*read_messages(event)]
    assert expected in str(caught.value)
