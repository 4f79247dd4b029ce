import contextlib
import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

import msgpack
import ormsgpack
import pytest
from django.utils.safestring import mark_safe
from hypothesis import given, settings
from hypothesis import strategies as some

from runtime.exceptions import MessageNotPortable
from runtime.layers.messagepack import pack, unpack
from runtime.layers.portable import portable
from tests.support.messages import portable_messages

TODAY = datetime(2026, 11, 24, 15, 30, 1, 250, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


@settings(deadline=None)
@given(portable_messages)
def test_a_message_comes_out_as_it_went_in(message):
    assert unpack(pack(message)) == message


@settings(deadline=None)
@given(portable_messages)
def test_other_libraries_read_what_is_written(message):
    assert msgpack.unpackb(pack(message)) == message


@pytest.mark.parametrize(
    "value",
    [(1, (2,)), bytearray(b"x"), OrderedDict(a=1), Colour.RED, mark_safe("<b>"), {Colour.RED: 1}],
)
def test_what_has_a_plain_form_comes_out_in_it(value):
    message = {"type": "x", "value": value}
    got = unpack(pack(message))["value"]
    assert got == portable(message)["value"]
    assert type(got) is type(portable(message)["value"])


@pytest.mark.parametrize(
    "value", [{1: 2}, {1, 2}, 2**64, "\ud800", object(), TODAY, uuid.uuid4(), Decimal("1")]
)
def test_what_no_layer_carries_is_refused_with_the_way_to_it(value):
    with pytest.raises(MessageNotPortable, match=r"^message\['users'\]\[0\]"):
        pack({"type": "x", "users": [value]})


def test_what_is_nested_too_deeply_is_refused():
    message = {"type": "x", "inner": None}
    for _ in range(1_100):
        message = {"inner": message}
    with pytest.raises(MessageNotPortable):
        pack(message)


def test_what_is_nested_as_deeply_as_it_may_be_is_read_too():
    message = {}
    for _ in range(200):
        message = {"inner": message}
    with pytest.raises(MessageNotPortable, match=r"nested|Recursion"):  # noqa: PT012
        while True:
            packed, message = pack(message), {"inner": message}
    assert unpack(packed) == message["inner"]


extended = (
    some.datetimes(timezones=some.none() | some.just(UTC))
    | some.dates()
    | some.times()
    | some.timedeltas()
    | some.uuids()
    | some.decimals(allow_nan=False)
)


@settings(deadline=None)
@given(some.lists(extended))
def test_extended_types_come_out_as_they_went_in_when_allowed(values):
    got = unpack(pack({"values": values}, allow_extended_types=True))["values"]
    assert got == values
    assert list(map(type, got)) == list(map(type, values))


@pytest.mark.parametrize(
    ("value", "packed"),
    [
        (TODAY, b"\xc7\x20\x01" + b"2026-11-24T15:30:01.000250+00:00"),
        (date(2026, 11, 24), b"\xc7\x0a\x02" + b"2026-11-24"),
        (time(1, 2), b"\xd7\x03" + b"01:02:00"),
        (timedelta(days=-1, seconds=3), b"\xc7\x06\x04" + b"-1 3 0"),
        (uuid.UUID(int=7), b"\xc7\x24\x05" + b"00000000-0000-0000-0000-000000000007"),
        (Decimal("1.10"), b"\xd6\x06" + b"1.10"),
    ],
)
def test_the_bytes_of_an_extended_type_never_change(value, packed):
    assert pack({"": value}, allow_extended_types=True) == b"\x81\xa0" + packed


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 7, -1])
@pytest.mark.parametrize("data", [b"", b"nonsense", b"\xff", b"1 2", b"9999999999999 1 1"])
def test_an_extension_that_is_broken_or_unknown_is_a_value_error(code, data):
    packed = ormsgpack.packb({"value": ormsgpack.Ext(code % 256, data)}) if code >= 0 else b"\xd4"
    with pytest.raises(ValueError, match=r"ext_hook failed|end of file"):
        unpack(packed)


@settings(deadline=None)
@given(some.binary())
def test_any_bytes_are_read_or_a_value_error(packed):
    with contextlib.suppress(ValueError):
        unpack(packed)
