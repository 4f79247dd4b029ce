"""What came back to a question: whole answers, and the values in them.

Owns the reading of answers. They are hostile until each value has its shape; a process
that says nonsense is as one that says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from console import plain
from console.plain import MalformedValue
from console.relay_protocol import RefusedMessage, loads
from console.slices import in_slices

T = TypeVar("T")

logger = logging.getLogger("console.relay")


@dataclass(slots=True)
class Replies:
    """What came back to a question.

    Attributes:
        texts: the whole answers, by the epoch of the process.
        silent: epochs of those that did not answer in time.
    """

    texts: dict[str, str] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """One answer, read.

    Attributes:
        epoch: of the process that gave it.
        head: what it says besides its values.
    """

    epoch: str
    head: Mapping[str, Any]
    values: list[T]

    def number(self, name: str) -> int:
        """Return a count of the head; 0 if it has none."""
        value = self.head.get(name)
        return value if isinstance(value, int) and 0 <= value <= plain.LARGEST_INT else 0

    def counts(self, name: str) -> dict[str, int]:
        """Return counts by name of the head; those that are none are left out."""
        value = self.head.get(name)
        counts = value if isinstance(value, dict) else {}
        return {
            key: count
            for key, count in counts.items()
            if isinstance(count, int) and 0 <= count <= plain.LARGEST_INT
        }

    def identifiers(self, name: str) -> list[str]:
        """Return a list of ids of the head; what is none is left out."""
        value = self.head.get(name)
        found = value if isinstance(value, list) else []
        return [one for one in found if isinstance(one, str) and one.isascii() and one.isalnum()]


async def heard(replies: Replies | None, kind: type[T]) -> list[Heard[T]]:
    """Return the answers, each with its values as `kind`; those that are malformed are none."""
    answers = []
    for epoch, text in (replies.texts if replies is not None else {}).items():
        try:
            answers.append(await _read(epoch, text, kind))
        except (MalformedValue, RefusedMessage) as error:
            logger.warning("The answer of process %s was refused: %s", epoch, error)
    return answers


async def _read(epoch: str, text: str, kind: type[T]) -> Heard[T]:
    head, *lines = text.split("\n")
    values: list[T] = []
    read = partial(plain.from_plain, kind)
    await in_slices(lines, lambda line: values.append(read(loads(line))), nullcontext())
    return Heard(epoch, plain.read_mapping(loads(head)), values)
