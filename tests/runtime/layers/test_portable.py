import enum
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal

import msgpack
import pytest
from django.utils.safestring import mark_safe
from hypothesis import given, settings
from hypothesis import strategies as some

from runtime.exceptions import MessageNotPortable, MessageTooLarge
from runtime.layers import InMemoryChannelLayer
from runtime.layers.portable import portable, require_size


class Colour(enum.StrEnum):
    RED = "red"


def contains_itself():
    message = {"type": "loop"}
    message["inner"] = message
    return message


REFUSED = {
    "a set": ({"tags": {1}}, r"message\['tags'\] is of the type set"),
    "a frozenset": ({"tags": frozenset()}, "of the type frozenset"),
    "a date": ({"user": {"born": datetime.now(UTC)}}, r"\['user'\]\['born'\] is of the type datet"),
    "a UUID": ({"ids": ["a", uuid.uuid4()]}, r"message\['ids'\]\[1\] is of the type uuid.UUID"),
    "a Decimal": ({"price": Decimal(1)}, "of the type decimal.Decimal"),
    "a complex": ({"z": 1j}, "of the type complex"),
    "a key that is an int": ({"by_id": {7: "x"}}, r"message\['by_id'\] is a dict with the key 7"),
    "a key that is bytes": ({"a": {b"k": 1}}, r"with the key b'k', of the type bytes"),
    "an int above 64 bits": ({"n": 2**64}, r"message\['n'\] is an int beyond 64 bits"),
    "an int below 64 bits": ({"n": -(2**63) - 1}, "an int beyond 64 bits"),
    "half a surrogate pair": ({"text": "\ud800"}, "half a surrogate pair"),
    "itself": (contains_itself(), "nested too deeply, or contains itself"),
}


@pytest.mark.parametrize(("message", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_another_process_would_not_get_is_refused_with_the_way_to_it(message, reason):
    with pytest.raises(MessageNotPortable, match=reason) as refused:
        portable({"type": "x", **message})
    assert isinstance(refused.value, TypeError)


def test_the_error_carries_the_way_to_the_value():
    with pytest.raises(MessageNotPortable) as refused:
        portable({"type": "x", "users": [{"name": "Ada", "tags": {"a"}}]})
    assert refused.value.keys == ("users", 0, "tags")
    assert refused.value.found == "of the type set"


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ((1, (2,)), [1, [2]]),
        (bytearray(b"x"), b"x"),
        (OrderedDict(a=1), {"a": 1}),
        (Colour.RED, "red"),
        (mark_safe("<b>"), "<b>"),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
    ],
)
def test_a_value_arrives_as_it_would_in_another_process(value, arrives):
    got = portable({"type": "x", "value": value})["value"]
    assert got == arrives
    assert type(got) is type(arrives)


def test_extended_types_are_let_through_when_allowed():
    message = {"type": "x", "at": datetime.now(UTC), "id": uuid.uuid4(), "price": Decimal("1.10")}
    assert portable(message, allow_extended_types=True) == message
    with pytest.raises(MessageNotPortable):
        portable({"type": "x", "tags": {1}}, allow_extended_types=True)


values = some.recursive(
    some.none()
    | some.booleans()
    | some.floats(allow_nan=False)
    | some.integers()
    | some.text(some.characters(codec=None))
    | some.binary()
    | some.frozensets(some.integers()),
    lambda inner: (
        some.lists(inner, max_size=5)
        | some.tuples(inner, inner)
        | some.dictionaries(some.text(), inner, max_size=5)
    ),
    max_leaves=20,  # what is larger is mostly drawn in vain, and shows nothing more
)


@settings(max_examples=50, deadline=None)
@given(some.dictionaries(some.text(), values, max_size=5))
def test_it_refuses_and_converts_exactly_as_messagepack_does(message):
    try:
        packed = msgpack.packb(message, use_bin_type=True)
    except (TypeError, ValueError, OverflowError):
        with pytest.raises(MessageNotPortable):
            portable(message)
    else:
        assert portable(message) == msgpack.unpackb(packed, raw=False)


@settings(max_examples=50, deadline=None)
@given(some.dictionaries(some.text(), values, max_size=5))
def test_the_size_is_no_smaller_than_messagepacks(message):
    try:
        packed = msgpack.packb(message, use_bin_type=True)
    except (TypeError, ValueError, OverflowError):
        return
    with pytest.raises(MessageTooLarge):
        require_size(message, len(packed) - 1)


@pytest.mark.parametrize("how", ["send", "group_send"])
async def test_a_layer_is_strict_in_tests_unless_told(how):
    with pytest.raises(MessageNotPortable, match=r"message\['tags'\]"):
        await getattr(InMemoryChannelLayer(), how)("jobs", {"type": "job", "tags": {1}})
    await getattr(InMemoryChannelLayer(strict=False), how)("jobs", {"type": "job", "tags": {1}})


async def test_a_layer_that_is_not_strict_leaves_a_tuple_a_tuple():
    strict, lax = InMemoryChannelLayer(strict=True), InMemoryChannelLayer(strict=False)
    message = {"type": "job", "pair": (1, 2)}
    await strict.send("jobs", message)
    await lax.send("jobs", message)
    assert (await strict.receive("jobs"))["pair"] == [1, 2]
    assert (await lax.receive("jobs"))["pair"] == (1, 2)
    assert message["pair"] == (1, 2)


async def test_a_layer_carries_extended_types_when_allowed():
    layer = InMemoryChannelLayer(allow_extended_types=True)
    await layer.send("jobs", {"type": "job", "price": Decimal("1.10")})
    assert (await layer.receive("jobs"))["price"] == Decimal("1.10")


@pytest.mark.parametrize("how", ["send", "group_send"])
async def test_a_message_beyond_the_configured_size_is_refused(how):
    layer = InMemoryChannelLayer(max_message_bytes=1_000)
    await getattr(layer, how)("jobs", {"type": "job", "text": "x" * 900})
    with pytest.raises(MessageTooLarge, match="at most 1000"):
        await getattr(layer, how)("jobs", {"type": "job", "text": "x" * 1_000})
