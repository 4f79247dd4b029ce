import json

import pytest
from cryptography.fernet import InvalidToken

from runtime.exceptions import MessageNotPortable
from runtime.layers.serializers import (
    BaseMessageSerializer,
    MissingSerializer,
    SerializerDoesNotExist,
    SerializersRegistry,
    registry,
)

MESSAGE = {"type": "chat", "text": "héllo", "n": [1, 2.5, None, True]}


@pytest.mark.parametrize("format", ["json", "msgpack"])
@pytest.mark.parametrize("keys", [None, [], ["secret"], [b"new", "old"]])
@pytest.mark.parametrize("prefix", [0, 12])
def test_a_message_comes_out_as_it_went_in(format, keys, prefix):
    serializer = registry.get_serializer(
        format, symmetric_encryption_keys=keys, random_prefix_length=prefix, expiry=60
    )
    assert serializer.deserialize(serializer.serialize(MESSAGE)) == MESSAGE


def test_a_random_prefix_tells_equal_messages_apart():
    serializer = registry.get_serializer("msgpack", random_prefix_length=12)
    assert serializer.serialize(MESSAGE) != serializer.serialize(MESSAGE)


def test_what_another_key_encrypted_is_not_read():
    mine = registry.get_serializer("json", symmetric_encryption_keys=["mine"])
    theirs = registry.get_serializer("json", symmetric_encryption_keys=["theirs"])
    with pytest.raises(InvalidToken):
        mine.deserialize(theirs.serialize(MESSAGE))


def test_one_key_instead_of_a_list_is_refused():
    with pytest.raises(ValueError, match="list of possible keys"):
        registry.get_serializer("msgpack", symmetric_encryption_keys="secret")


def test_a_fernet_is_made_of_any_key():
    serializer = registry.get_serializer("msgpack")
    assert serializer.make_fernet("k").decrypt(serializer.make_fernet(b"k").encrypt(b"x")) == b"x"


def test_an_unknown_format_names_those_that_there_are():
    with pytest.raises(SerializerDoesNotExist, match="there is 'json', 'msgpack'") as missing:
        registry.get_serializer("pickle")
    assert isinstance(missing.value, KeyError)


def test_a_project_registers_a_format_of_its_own():
    class Indented(BaseMessageSerializer):
        def as_bytes(self, message, *args, **kwargs):
            return json.dumps(message, indent=2).encode()

        def from_bytes(self, message, *args, **kwargs):
            return json.loads(message)

    formats = SerializersRegistry()
    formats.register_serializer("indented", Indented)
    serializer = formats.get_serializer("indented", symmetric_encryption_keys=["k"])
    assert serializer.deserialize(serializer.serialize(MESSAGE)) == MESSAGE


@pytest.mark.parametrize("found", [dict, json, "json"])
def test_what_cannot_serialize_is_no_format(found):
    with pytest.raises(AssertionError, match=r"the methods serialize\(\) and deserialize\(\)"):
        registry.register_serializer("mine", found)


def test_a_format_whose_library_is_missing_says_so_when_it_is_used():
    class Missing(MissingSerializer):
        exception = ImportError("no library")

    formats = SerializersRegistry()
    formats.register_serializer("mine", Missing)
    with pytest.raises(ImportError, match="no library"):
        formats.get_serializer("mine", random_prefix_length=12)


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object()])
def test_json_refuses_what_it_has_no_way_to_write(value):
    with pytest.raises(MessageNotPortable, match="JSON"):
        registry.get_serializer("json").serialize({"type": "x", "value": value})


def test_json_is_written_as_other_programs_write_it():
    assert registry.get_serializer("json").serialize({"a": [1, None]}) == b'{"a": [1, null]}'


@pytest.mark.parametrize("length", [0, -1])
def test_a_prefix_without_a_length_is_none(length):
    serializer = registry.get_serializer("msgpack", random_prefix_length=length)
    written = serializer.serialize(MESSAGE)
    assert written == registry.get_serializer("msgpack").serialize(MESSAGE)
    assert serializer.deserialize(written) == MESSAGE
