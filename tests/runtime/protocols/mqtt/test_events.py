import pytest

from runtime.exceptions import UnknownEvent
from runtime.protocols.mqtt.events import (
    Publication,
    Subscription,
    read_publication,
    read_subscription,
    received,
)


def test_a_publication_has_the_values_that_its_event_leaves_out():
    event = {"type": "mqtt.publish", "topic": "a/b", "payload": "zwölf"}
    assert read_publication(event) == Publication("a/b", "zwölf".encode())


def test_a_publication_says_all_that_it_may():
    properties = {"content_type": "text/plain", "user_properties": [["a", "b"]]}
    event = {"topic": "a", "payload": b"1", "qos": 2, "retain": True, "properties": properties}
    assert read_publication(event) == Publication("a", b"1", 2, True, properties)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"topic": "a/+"}, "no wildcards"),
        ({}, "at least one character"),
        ({"topic": "a", "qos": 3}, "a qos of 0, 1 or 2"),
        ({"topic": "a", "qos": True}, "a qos of 0, 1 or 2"),
        ({"topic": "a", "payload": 5}, "bytes or text"),
        ({"topic": "a", "retain": 1}, "True or False"),
        ({"topic": "a", "properties": {"colour": "red"}}, "properties among content_type"),
        ({"topic": "a", "properties": {"content_type": b"x"}}, "properties among"),
    ],
)
def test_a_wrong_publication_says_what_was_expected(fields, expected):
    with pytest.raises(UnknownEvent) as caught:
        read_publication({"type": "mqtt.publish", **fields})
    assert expected in str(caught.value)


def test_a_subscription_may_ask_for_a_scope_of_its_own():
    event = {"type": "mqtt.subscribe", "topic": "a/#", "qos": 1, "own_scope": True}
    assert read_subscription(event) == Subscription("a/#", 1, True)


def test_a_subscription_to_nonsense_is_refused():
    with pytest.raises(UnknownEvent, match="last level"):
        read_subscription({"type": "mqtt.subscribe", "topic": "#/a"})


def test_what_came_is_an_event_without_empty_properties():
    event = received("a", b"1", 1, False, {})
    assert event == {
        "type": "mqtt.receive",
        "topic": "a",
        "payload": b"1",
        "qos": 1,
        "retain": False,
    }
    assert received("a", b"", 0, True, {"content_type": "x"})["properties"] == {"content_type": "x"}
