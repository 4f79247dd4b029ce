"""Copies of a layer message, so that no receiver sees what another one changed.

Owns the choice of the cheapest copy that guarantees it. A message whose values
cannot change needs a new outer dict only; any other is serialised once and read
back for each receiver, which costs a fraction of a deep copy.

Source: DESIGN decision 7, docs/decisions/0007-isolated-messages.md
"""

import copy
import marshal
from collections.abc import Callable
from functools import partial
from typing import Any

from runtime.typing import Message

_IMMUTABLE = frozenset({str, bytes, int, float, bool, type(None)})


def isolate(message: Message) -> Message:
    """Return one copy of `message` that shares nothing that can change."""
    if _is_flat(message):
        return dict(message)
    return copier(message)()


def copier(message: Message) -> Callable[[], Message]:
    """Return a function of which each call gives a copy of `message` as it is now."""
    if _is_flat(message):
        return dict(message).copy
    try:
        frozen = marshal.dumps(message)
    except ValueError:  # a value that only deepcopy understands: Decimal, a model, a subclass
        return partial(copy.deepcopy, copy.deepcopy(message))
    return partial(_thaw, frozen)


def _is_flat(message: Message) -> bool:
    return _IMMUTABLE.issuperset(map(type, message.values()))


def _thaw(frozen: bytes) -> Any:
    return marshal.loads(frozen)
