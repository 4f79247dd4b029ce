import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.protocols.mqtt.topics import (
    InvalidTopic,
    check_filter,
    check_topic,
    matches,
    unshared,
)

levels = st.text(st.sampled_from("ab$ é"), max_size=3)
topics = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)


@st.composite
def filters(draw):
    parts = draw(st.lists(levels | st.just("+"), min_size=1, max_size=5))
    if draw(st.booleans()):
        parts.append("#")
    return "/".join(parts) or "+"


def reference(topic_filter, topic):
    """The rules again, read from right to left of the specification: by recursion."""

    def below(wanted, given):
        if wanted == ["#"]:
            return True
        if not wanted or not given:
            return not wanted and not given
        return wanted[0] in ("+", given[0]) and below(wanted[1:], given[1:])

    wanted, given = topic_filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    # "sport/#" selects "sport" too: the parent level
    return below(wanted, given) or (wanted[-1] == "#" and below(wanted[:-1], given))


@pytest.mark.parametrize(
    ("topic_filter", "topic", "is_match"),
    [
        # The examples of sections 4.7.1.2, 4.7.1.3 and 4.7.2.
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True),
        ("#", "sport/tennis", True),
        ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("/+", "/finance", True),
        ("+", "/finance", False),
        ("#", "$SYS/broker", False),
        ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/broker", True),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("ACCOUNTS", "Accounts", False),
        ("$share/workers/jobs/+", "jobs/7", True),
    ],
)
def test_the_examples_of_the_specification(topic_filter, topic, is_match):
    assert matches(topic_filter, topic) is is_match


@given(filters(), topics)
def test_a_filter_selects_what_the_rules_say(topic_filter, topic):
    assert matches(topic_filter, topic) == reference(topic_filter, topic)


@given(topics)
def test_a_topic_selects_itself_and_can_be_published_to(topic):
    assert matches(topic, topic)
    assert check_topic(topic) == topic
    assert check_filter(topic) == topic


@given(topics.filter(lambda topic: not topic.startswith("$")))
def test_everything_but_the_brokers_own_is_selected_by_the_one_wildcard(topic):
    assert matches("#", topic)


@given(topics, st.integers(0, 4))
def test_a_plus_takes_the_place_of_any_level(topic, number):
    parts = topic.split("/")
    number %= len(parts)
    if number == 0 and topic.startswith("$"):
        return
    parts[number] = "+"
    assert matches("/".join(parts), topic)


@given(filters(), topics)
def test_a_shared_subscription_selects_what_its_filter_does(topic_filter, topic):
    if topic_filter.startswith("$share"):
        return
    assert unshared(f"$share/name/{topic_filter}") == topic_filter
    assert matches(f"$share/name/{topic_filter}", topic) == matches(topic_filter, topic)


@given(filters())
def test_what_is_made_by_the_rules_can_be_subscribed_to(topic_filter):
    assert check_filter(topic_filter) == topic_filter


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "at least one character"),
        ("sport/tennis#", "'#' is the last level"),
        ("sport/#/ranking", "'#' is the last level"),
        ("sport+", "'+' is all of a level"),
        ("a\0b", "null character"),
        ("\ud800", "UTF-8"),
        ("x" * 65_536, "65536 bytes"),
        ("$share/workers", "$share/<name>/<filter>"),
        (7, "has to be a text"),
    ],
)
def test_what_cannot_be_subscribed_to_says_why(text, rule):
    with pytest.raises(InvalidTopic) as caught:
        check_filter(text)
    assert rule in str(caught.value)


@pytest.mark.parametrize("topic", ["sport/+", "#", "a/#"])
def test_a_wildcard_is_no_place_to_publish_to(topic):
    with pytest.raises(InvalidTopic, match="no wildcards"):
        check_topic(topic)
