"""Layer messages as bytes between processes, in an envelope with a version.

Owns the envelope: what stands around a message, what is encrypted, and the refusal of what
cannot be read. Does not know what carries the bytes. Called by the layers on Redis.

    mark, version, flags, [expiry: 8 bytes], [cause: 2 lengths and 2 texts], message
    mark, version, ENCRYPTED, Fernet(flags, [expiry], [cause], message)

Source: DESIGN decision 8, docs/decisions/0010-the-codec.md
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from runtime.exceptions import UndecodableMessage
from runtime.layers import messagepack
from runtime.taps import Cause
from runtime.typing import Message

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MARK: Final = 0xC1
"""The first byte. MessagePack never writes this one, so what another layer wrote is no envelope."""

VERSION: Final = 1
"""The second: counts up when a reader of the version before would read nonsense."""

HAS_CAUSE: Final = 1
HAS_EXPIRY: Final = 2
ENCRYPTED: Final = 4

_KNOWN_INSIDE: Final = HAS_CAUSE | HAS_EXPIRY
_EXPIRY: Final = struct.Struct(">Q")
_LONGEST_ID: Final = 255


class Format(Protocol):
    """What writes a message and reads it: a serializer with these two methods."""

    def as_bytes(self, message: Message) -> bytes:
        """Return `message` as bytes."""

    def from_bytes(self, message: bytes) -> Any:
        """Return the message that they hold."""


class Decoded(NamedTuple):
    """What was in an envelope.

    Attributes:
        message: the layer message.
        cause: the trace and the entry that it is an effect of, if its sender knew.
        expires_at_ms: when nobody wants it any more, in milliseconds of the Unix epoch by the
            server's clock, if its sender said.
    """

    message: Message
    cause: Cause | None
    expires_at_ms: int | None


class Codec:
    """Writes and reads envelopes. May be used from any thread.

    Args:
        keys: the keys that messages are encrypted with, of any text; the first encrypts, all
            decrypt. None or empty for plain messages; then an encrypted one is refused, and with
            keys a plain one is.
        serializer: the format of the message itself; None for MessagePack.
        allow_extended_types: let MessagePack carry dates, times, UUID and Decimal.
    """

    __slots__ = ("_cipher", "_read", "_write")

    _read: Callable[[bytes], Any]
    _write: Callable[[Message], bytes]

    def __init__(
        self,
        keys: Sequence[str | bytes] | None = None,
        serializer: Format | None = None,
        *,
        allow_extended_types: bool = False,
    ) -> None:
        self._cipher = _cipher_of(keys) if keys else None
        if serializer is None:
            self._write = partial(messagepack.pack, allow_extended_types=allow_extended_types)
            self._read = messagepack.unpack
        else:
            self._write = serializer.as_bytes
            self._read = serializer.from_bytes

    def encode(
        self, message: Message, cause: Cause | None = None, expires_at_ms: int | None = None
    ) -> bytes:
        """Return `message` in an envelope.

        Args:
            cause: what it is an effect of; one that is not a pair of short texts is left out.
            expires_at_ms: when nobody wants it any more, as in `Decoded`.

        Raises:
            MessageNotPortable: it holds a value that is not carried to another process.
        """
        written = self._write(message)
        flags, head = 0, b""
        if expires_at_ms is not None:
            flags, head = HAS_EXPIRY, _EXPIRY.pack(expires_at_ms)
        if cause is not None and (said := _write_cause(cause)):
            flags, head = flags | HAS_CAUSE, head + said
        if self._cipher is None:
            return b"%c%c%c%b%b" % (MARK, VERSION, flags, head, written)
        hidden = self._cipher.encrypt(b"%c%b%b" % (flags, head, written))
        return b"%c%c%c%b" % (MARK, VERSION, ENCRYPTED, hidden)

    def decode(self, data: bytes) -> Decoded:
        """Return what is in an envelope.

        Raises:
            UndecodableMessage: this codec cannot read it; the error says why.
        """
        try:
            return self._decode(data)
        except UndecodableMessage:
            raise
        except Exception as error:  # a format of the project's own may fail with anything
            raise UndecodableMessage(f"its content is broken ({error})", len(data)) from error

    def _decode(self, data: bytes) -> Decoded:
        flags, at = _read_start(data), 3
        if flags == ENCRYPTED or self._cipher is not None:
            data = self._decrypt(data, flags)
            flags, at = data[0], 1
        if flags & ~_KNOWN_INSIDE:
            raise UndecodableMessage(f"its flags are unknown ({flags:#04x})", len(data))
        cause: Cause | None = None
        expires_at_ms: int | None = None
        if flags & HAS_EXPIRY:
            (expires_at_ms,) = _EXPIRY.unpack_from(data, at)
            at += _EXPIRY.size
        if flags & HAS_CAUSE:
            cause, at = _read_cause(data, at)
        message = self._read(data[at:])
        if not isinstance(message, dict):
            raise UndecodableMessage(
                f"it holds a {type(message).__name__} in the place of a dict", len(data)
            )
        return Decoded(message, cause, expires_at_ms)

    def _decrypt(self, data: bytes, flags: int) -> bytes:
        if self._cipher is None:
            raise UndecodableMessage(
                "it is encrypted, and this process has no symmetric_encryption_keys", len(data)
            )
        if flags != ENCRYPTED:
            raise UndecodableMessage(
                "it is not encrypted, and this process has symmetric_encryption_keys", len(data)
            )
        from cryptography.fernet import InvalidToken

        try:
            plain = self._cipher.decrypt(data[3:])
        except InvalidToken:
            raise UndecodableMessage(
                "none of the symmetric_encryption_keys opens it", len(data)
            ) from None
        if not plain:
            raise UndecodableMessage("it is too short for an envelope", len(data))
        return plain


def _cipher_of(keys: Sequence[str | bytes]) -> MultiFernet:
    from runtime.layers.encryption import make_cipher

    return make_cipher(keys)


def _read_start(data: bytes) -> int:
    """Return the flags of an envelope that this version can read."""
    if len(data) < 3:
        raise UndecodableMessage("it is too short for an envelope", len(data))
    if data[0] != MARK:
        raise UndecodableMessage(
            f"its first byte is {data[0]:#04x} and not {MARK:#04x}, so something else than this"
            " package has written it. Give each layer a prefix of its own",
            len(data),
        )
    if data[1] != VERSION:
        raise UndecodableMessage(
            f"it has the version {data[1]}, and this process reads the version {VERSION}",
            len(data),
        )
    return data[2]


def _write_cause(cause: Cause) -> bytes:
    # It comes from an observer, whose fault is not the sender's.
    try:
        trace, entry = (part.encode() for part in cause)
    except (AttributeError, TypeError, ValueError):
        return b""
    if max(len(trace), len(entry)) > _LONGEST_ID:
        return b""
    return b"%c%c%b%b" % (len(trace), len(entry), trace, entry)


def _read_cause(data: bytes, at: int) -> tuple[Cause, int]:
    middle = at + 2 + data[at]
    end = middle + data[at + 1]
    if end > len(data):
        raise UndecodableMessage("it ends within its cause", len(data))
    return (data[at + 2 : middle].decode(), data[middle:end].decode()), end
