import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from runtime.exceptions import MessageNotPortable, UndecodableMessage
from runtime.layers.codec import MARK, VERSION, Codec
from runtime.layers.serializers import JSONSerializer
from tests.support.messages import causes, portable_messages

PLAIN, SECRET = Codec(), Codec(["new", "old"])
HEADS = [b"", bytes([MARK]), bytes([MARK, VERSION]), SECRET.encode({})[:3]]


@settings(deadline=None)
@given(
    some.sampled_from([PLAIN, SECRET]),
    portable_messages,
    some.none() | causes,
    some.none() | some.integers(0, 2**64 - 1),
)
def test_what_is_encoded_is_decoded(codec, message, cause, expires_at_ms):
    assert codec.decode(codec.encode(message, cause, expires_at_ms)) == (
        message,
        cause,
        expires_at_ms,
    )


@settings(deadline=None)
@given(some.sampled_from([PLAIN, SECRET]), some.sampled_from(HEADS), some.binary())
def test_any_bytes_are_a_message_or_undecodable(codec, head, rest):
    with contextlib.suppress(UndecodableMessage):
        assert isinstance(codec.decode(head + rest).message, dict)


@settings(deadline=None)
@given(portable_messages, causes, some.data())
def test_a_message_that_was_cut_short_is_undecodable(message, cause, data):
    whole = PLAIN.encode(message, cause, 5)
    with pytest.raises(UndecodableMessage):
        PLAIN.decode(whole[: data.draw(some.integers(0, len(whole) - 1))])


def test_the_bytes_of_an_envelope_never_change():
    assert PLAIN.encode({"a": 1}) == b"\xc1\x01\x00\x81\xa1a\x01"
    assert PLAIN.encode({}, ("t", "e:1"), 256) == (
        b"\xc1\x01\x03\0\0\0\0\0\0\x01\0\x01\x03te:1\x80"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too short"),
        (b"\xc1\x02\x00\x80", "version 2, and this process reads the version 1"),
        (b"\x81\xa1a\x01", "something else than this package"),
        (b"\xc1\x01\x40\x80", "flags are unknown"),
        (b"\xc1\x01\x01\x09\x09abc", "ends within its cause"),
        (b"\xc1\x01\x00\x93\x01\x02\x03", "a list in the place of a dict"),
        (b"\xc1\x01\x00\x81", "content is broken"),
        (SECRET.encode({}), "has no symmetric_encryption_keys"),
    ],
)
def test_what_cannot_be_read_says_why(data, reason):
    with pytest.raises(UndecodableMessage, match=reason) as refused:
        PLAIN.decode(data)
    assert refused.value.size_bytes == len(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PLAIN.encode({}), "is not encrypted"),
        (Codec(["other"]).encode({}), "none of the symmetric_encryption_keys opens it"),
        (SECRET.encode({})[:-1], "none of the symmetric_encryption_keys opens it"),
    ],
)
def test_with_keys_only_what_they_open_is_read(data, reason):
    with pytest.raises(UndecodableMessage, match=reason):
        SECRET.decode(data)


def test_keys_can_be_rotated():
    assert SECRET.decode(Codec(["old"]).encode({"a": 1})).message == {"a": 1}
    assert Codec(["new"]).decode(SECRET.encode({"a": 1})).message == {"a": 1}


def test_nothing_of_an_encrypted_message_can_be_read():
    data = SECRET.encode({"type": "secret.text"}, ("trace.of.it", "entry"))
    assert b"secret" not in data
    assert b"trace" not in data


@pytest.mark.parametrize(
    "cause", ["text", ("one",), ("a", "b", "c"), (1, 2), ("a" * 256, "b"), ("\ud800", "b"), 7]
)
def test_a_cause_that_is_no_pair_of_short_texts_is_left_out(cause):
    assert PLAIN.decode(PLAIN.encode({"a": 1}, cause)) == ({"a": 1}, None, None)


def test_a_message_that_no_layer_carries_is_refused():
    with pytest.raises(MessageNotPortable, match=r"message\['tags'\]"):
        PLAIN.encode({"tags": {1}})


def test_extended_types_are_written_when_allowed_and_always_read():
    message = {"price": Decimal("1.10")}
    with pytest.raises(MessageNotPortable):
        PLAIN.encode(message)
    assert PLAIN.decode(Codec(allow_extended_types=True).encode(message)).message == message


def test_a_message_may_be_in_another_format():
    codec = Codec(serializer=JSONSerializer())
    data = codec.encode({"a": [1, None]}, ("t", "e"))
    assert data.endswith(b'{"a": [1, null]}')
    assert codec.decode(data) == ({"a": [1, None]}, ("t", "e"), None)


def test_whatever_a_format_fails_with_the_message_is_undecodable():
    class Failing:
        def as_bytes(self, message):
            return b"x"

        def from_bytes(self, message):
            raise ZeroDivisionError("a bug of its own")

    codec = Codec(serializer=Failing())
    with pytest.raises(UndecodableMessage, match="a bug of its own"):
        codec.decode(codec.encode({}))
