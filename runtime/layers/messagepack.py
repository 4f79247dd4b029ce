"""Layer messages as MessagePack, written and read by ormsgpack.

Owns which values are written: those of the contract, and on request dates, times, UUID and
Decimal, as extensions of MessagePack. Any reader understands those. Knows no envelope. Called
by the codec and the serializers.

Source: API of channel layers, "Channel layer contract"; MessagePack specification;
docs/decisions/0010-the-codec.md
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import ormsgpack

from runtime.exceptions import MessageNotPortable
from runtime.layers.portable import portable
from runtime.typing import Message

# What ormsgpack would write in a way of its own is handed to us instead.
_OPTIONS: Final = (
    ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID
)


def pack(message: Message, *, allow_extended_types: bool = False) -> bytes:
    """Return `message` as bytes; what comes out of them is what `portable()` says.

    Args:
        allow_extended_types: write dates, times, UUID and Decimal too.

    Raises:
        MessageNotPortable: it holds a value that is not carried; the error names the way to it.
    """
    try:
        return ormsgpack.packb(message, option=_OPTIONS)
    except TypeError:
        pass  # a subclass of str, an extended type, or what nobody can carry
    plain = portable(message, allow_extended_types=allow_extended_types)
    try:
        return ormsgpack.packb(plain, default=_as_extension, option=_OPTIONS)
    except TypeError as error:
        raise MessageNotPortable((), str(error)) from None


def unpack(packed: bytes) -> Any:
    """Return what `packed` holds.

    Raises:
        ValueError: it is no MessagePack, or holds an extension that is not known here.
    """
    return ormsgpack.unpackb(packed, ext_hook=_from_extension)


class _Extension(NamedTuple):
    """How the values of one type are written as text, and read."""

    kind: type
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _write_timedelta(value: timedelta) -> str:
    return f"{value.days} {value.seconds} {value.microseconds}"


def _read_timedelta(text: str) -> timedelta:
    days, seconds, microseconds = map(int, text.split(" "))
    return timedelta(days, seconds, microseconds)


_EXTENSIONS: Final = {
    # A datetime is a date as well, so it stands before it.
    1: _Extension(datetime, datetime.isoformat, datetime.fromisoformat),
    2: _Extension(date, date.isoformat, date.fromisoformat),
    3: _Extension(time, time.isoformat, time.fromisoformat),
    4: _Extension(timedelta, _write_timedelta, _read_timedelta),
    5: _Extension(UUID, str, UUID),
    6: _Extension(Decimal, str, Decimal),
}
"""By their code, which stands in messages: one is never used for another type."""


def _as_extension(value: object) -> ormsgpack.Ext:
    for code, extension in _EXTENSIONS.items():
        if isinstance(value, extension.kind):
            return ormsgpack.Ext(code, extension.write(value).encode())
    raise TypeError


def _from_extension(code: int, data: bytes) -> Any:
    # Whatever this fails with, ormsgpack makes a ValueError of it.
    return _EXTENSIONS[code].read(data.decode())
