"""Formats of layer messages, by the name that the option `serializer_format` gives.

Owns the registry, to which a project adds formats of its own, and the two that come with it:
MessagePack and JSON. The codec puts its envelope around what they write. The surface is that of
`channels_redis.serializers`, with encryption and the random prefix as they are there.
"""

from __future__ import annotations

import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from runtime.exceptions import (
    ArgumentError,
    InvalidSerializer,
    MessageNotPortable,
    SerializerDoesNotExist,
)
from runtime.layers import messagepack
from runtime.typing import Message

if TYPE_CHECKING:
    from cryptography.fernet import Fernet, MultiFernet

__all__ = [
    "BaseMessageSerializer",
    "JSONSerializer",
    "MissingSerializer",
    "MsgPackSerializer",
    "SerializerDoesNotExist",
    "SerializersRegistry",
    "registry",
]


class BaseMessageSerializer(ABC):
    """The base of formats: override `as_bytes()` and `from_bytes()`.

    Args:
        symmetric_encryption_keys: keys of any text; the first encrypts, all decrypt.
        random_prefix_length: random bytes before each message. A layer of this package needs
            none and gives none.
        expiry: seconds after which an encrypted message is refused, by the clock of its sender;
            None for never.
    """

    def __init__(
        self,
        symmetric_encryption_keys: Sequence[str | bytes] | None = None,
        random_prefix_length: int = 0,
        expiry: float | None = None,
    ) -> None:
        self.random_prefix_length = max(random_prefix_length, 0)
        self.expiry = expiry
        self.crypter: MultiFernet | None = None
        if symmetric_encryption_keys:
            from runtime.layers.encryption import make_cipher

            self.crypter = make_cipher(symmetric_encryption_keys)

    def make_fernet(self, key: str | bytes) -> Fernet:
        """Return the cipher of one key."""
        from runtime.layers.encryption import make_fernet

        return make_fernet(key)

    @abstractmethod
    def as_bytes(self, message: Message, *args: Any, **kwargs: Any) -> bytes:
        """Return `message` in this format."""

    @abstractmethod
    def from_bytes(self, message: bytes, *args: Any, **kwargs: Any) -> Any:
        """Return the message of what `as_bytes()` wrote."""

    def serialize(self, message: Message) -> bytes:
        """Return `message` in this format, prefixed and encrypted as configured."""
        written = self.as_bytes(message)
        if self.random_prefix_length:
            written = secrets.token_bytes(self.random_prefix_length) + written
        return self.crypter.encrypt(written) if self.crypter else written

    def deserialize(self, message: bytes) -> Any:
        """Return the message of what `serialize()` wrote."""
        if self.crypter:
            ttl = None if self.expiry is None else int(self.expiry) + 10
            message = self.crypter.decrypt(message, ttl)
        return self.from_bytes(message[self.random_prefix_length :])


class MissingSerializer(BaseMessageSerializer):
    """Stands for a format whose library is not installed: derive, and set `exception`.

    Attributes:
        exception: what the import of the library failed with.
    """

    exception: ClassVar[Exception | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self.exception is not None:
            raise self.exception
        super().__init__(*args, **kwargs)

    def as_bytes(self, message: Message, *args: Any, **kwargs: Any) -> bytes:
        """See `BaseMessageSerializer`."""
        raise NotImplementedError

    def from_bytes(self, message: bytes, *args: Any, **kwargs: Any) -> Any:
        """See `BaseMessageSerializer`."""
        raise NotImplementedError


class MsgPackSerializer(BaseMessageSerializer):
    """MessagePack: all that the contract of layers allows."""

    def as_bytes(self, message: Message, *args: Any, **kwargs: Any) -> bytes:
        """Return `message` as MessagePack.

        Raises:
            MessageNotPortable: it holds a value that is not carried.
        """
        return messagepack.pack(message)

    def from_bytes(self, message: bytes, *args: Any, **kwargs: Any) -> Any:
        """Return what `message` holds; raises ValueError if it is no MessagePack."""
        return messagepack.unpack(message)


class JSONSerializer(BaseMessageSerializer):
    """JSON: text that other programs read, without bytes."""

    def as_bytes(self, message: Message, *args: Any, **kwargs: Any) -> bytes:
        """Return `message` as JSON in UTF-8.

        Raises:
            MessageNotPortable: it holds a value that JSON has no way to write, such as bytes.
        """
        try:
            return json.dumps(message, default=_refuse).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise MessageNotPortable((), f"not to be written as JSON ({error})") from None

    def from_bytes(self, message: bytes, *args: Any, **kwargs: Any) -> Any:
        """Return what `message` holds; raises ValueError if it is no JSON."""
        return json.loads(message)


class SerializersRegistry:
    """The formats by their names."""

    def __init__(self) -> None:
        self._registry: dict[str, Any] = {}

    def register_serializer(self, format: str, serializer_class: Any) -> None:
        """Let `serializer_format=format` mean `serializer_class`.

        Args:
            serializer_class: a subclass of `BaseMessageSerializer`, or a class with the methods
                `serialize` and `deserialize`.

        Raises:
            InvalidSerializer: it is neither.
        """
        methods = ("serialize", "deserialize")
        if not (
            isinstance(serializer_class, type)
            and all(callable(getattr(serializer_class, name, None)) for name in methods)
        ):
            raise InvalidSerializer(serializer_class)
        self._registry[format] = serializer_class

    def get_serializer(self, format: str, *args: Any, **kwargs: Any) -> Any:
        """Return a new serializer of that format, made with the other arguments.

        Raises:
            SerializerDoesNotExist: no format has that name.
        """
        try:
            serializer_class = self._registry[format]
        except KeyError:
            raise SerializerDoesNotExist(format, sorted(self._registry)) from None
        return serializer_class(*args, **kwargs)


def _refuse(value: object) -> Any:
    raise ArgumentError(f"a {type(value).__name__}")


registry = SerializersRegistry()
"""The formats of this process."""

registry.register_serializer("json", JSONSerializer)
registry.register_serializer("msgpack", MsgPackSerializer)
