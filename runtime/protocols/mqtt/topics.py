"""Topics and the filters that select them.

Owns the rules of names and wildcards: `+` for one level, `#` for all that follow. Pure.

Source: MQTT Version 5.0, section 4.7 "Topic Names and Topic Filters", 4.8.2 "Shared Subscriptions"
"""

from __future__ import annotations

LONGEST_BYTES = 65_535

SHARED = "$share"


class InvalidTopic(ValueError):
    """A text is no topic, or no filter of topics.

    Attributes:
        text: what came.
        rule: what it breaks.
    """

    def __init__(self, text: str, rule: str) -> None:
        super().__init__(text, rule)
        self.text = text
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.text!r:.100} cannot be used: {self.rule}."


def check_topic(topic: str) -> str:
    """Return `topic` if something can be published there.

    Raises:
        InvalidTopic: it is empty, too long, or has a wildcard.
    """
    _check_text(topic)
    if "+" in topic or "#" in topic:
        raise InvalidTopic(topic, "a topic to publish to has no wildcards")
    return topic


def check_filter(topic_filter: str) -> str:
    """Return `topic_filter` if it can be subscribed to.

    Raises:
        InvalidTopic: it is empty or too long, or a wildcard stands where none may.
    """
    _check_text(topic_filter)
    levels = unshared(topic_filter).split("/")
    if topic_filter.split("/")[0] == SHARED and topic_filter.count("/") < 2:
        raise InvalidTopic(topic_filter, "a shared subscription is $share/<name>/<filter>")
    for number, level in enumerate(levels, 1):
        if "#" in level and (level != "#" or number < len(levels)):
            raise InvalidTopic(topic_filter, "'#' is the last level, and all of it")
        if "+" in level and level != "+":
            raise InvalidTopic(topic_filter, "'+' is all of a level")
    return topic_filter


def unshared(topic_filter: str) -> str:
    """Return the filter of a shared subscription; any other is its own."""
    first, _, rest = topic_filter.partition("/")
    return rest.partition("/")[2] if first == SHARED else topic_filter


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether `topic_filter`, shared or not, selects `topic`."""
    wanted, levels = unshared(topic_filter).split("/"), topic.split("/")
    # What begins with $ is the broker's own: a wildcard does not reach it by chance.
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number >= len(levels) or level not in ("+", levels[number]):
            return False
    return len(wanted) == len(levels)


def _check_text(text: object) -> None:
    if not isinstance(text, str) or not text:
        raise InvalidTopic(str(text), "it has to be a text of at least one character")
    if "\0" in text:
        raise InvalidTopic(text, "it has a null character")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidTopic(text, "it cannot be written as UTF-8") from None
    if size > LONGEST_BYTES:
        raise InvalidTopic(text, f"it has {size} bytes, and at most {LONGEST_BYTES} fit")
