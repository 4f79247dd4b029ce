"""What a query consists of, and what each part of it matches.

Owns the terms, their spelling and the matching; knows no entry and no key. Built by
`query.parse()`. No term takes more than linear time for any text. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal["<", "<=", "=", ">=", ">"]

RESERVED = frozenset({"OR", "AND", "NOT"})
"""Words that are looked for only in quotes: the first means something, the others might."""

_PLAIN = re.compile(r"[^\s\"\\*,:()-][^\s\"\\*,:()]*")


@dataclass(frozen=True)
class Pattern:
    """Pieces of literal text with anything between them: `("chat.", "")` is `chat.*`."""

    pieces: tuple[str, ...]

    def __str__(self) -> str:
        return "*".join(
            _quoted(piece) if piece or len(self.pieces) == 1 else "" for piece in self.pieces
        )

    def is_whole(self, text: str) -> bool:
        """Return whether the pattern is all of `text`."""
        folded = text.casefold()
        first, last = self._folded[0], self._folded[-1]
        if len(self._folded) == 1:
            return folded == first
        if len(folded) < len(first) + len(last) or not folded.endswith(last):
            return False
        middle = folded[: len(folded) - len(last)]
        return middle.startswith(first) and _in_order(self._folded[1:-1], middle, len(first))

    def is_within(self, text: str) -> bool:
        """Return whether the pattern is somewhere in `text`."""
        return _in_order(self._folded, text.casefold(), 0)

    @cached_property
    def _folded(self) -> tuple[str, ...]:
        return tuple(piece.casefold() for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Text:
    """A term without a key: it is looked for anywhere."""

    pattern: Pattern
    is_excluded: bool = False

    def __str__(self) -> str:
        return f"{'-' * self.is_excluded}{self.pattern}"

    def holds(self, record: Mapping[str, object]) -> bool:
        """Return whether the record's text has it, before the `-` is looked at."""
        return self.pattern.is_within(str(record.get("text") or ""))


@dataclass(frozen=True, slots=True)
class Field:
    """A term with a key: one of the patterns is the value, or one of the values."""

    key: str
    patterns: tuple[Pattern, ...]
    is_excluded: bool = False

    def __str__(self) -> str:
        return f"{'-' * self.is_excluded}{self.key}:{','.join(map(str, self.patterns))}"

    def holds(self, record: Mapping[str, object]) -> bool:
        """Return whether the record's value is one that is asked for."""
        return any(
            pattern.is_whole(value)
            for value in _values(record.get(self.key))
            for pattern in self.patterns
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """A term that compares a number: bytes for `size`, milliseconds for `took`."""

    key: str
    operator: Operator
    amount: Decimal
    is_excluded: bool = False

    def __str__(self) -> str:
        amount = format(self.amount.normalize(), "f")
        return f"{'-' * self.is_excluded}{self.key}:{self.operator}{amount}"

    def holds(self, record: Mapping[str, object]) -> bool:
        """Return whether the record has such a number and it is in bounds."""
        value = record.get(self.key)
        if not isinstance(value, int | float):
            return False
        if value == self.amount:
            return "=" in self.operator
        return (">" if value > self.amount else "<") in self.operator


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Terms in parentheses, or with `OR` between: all of one alternative must hold."""

    alternatives: tuple[tuple[Term, ...], ...]
    is_excluded: bool = False

    def __str__(self) -> str:
        inner = " OR ".join(" ".join(map(str, terms)) for terms in self.alternatives)
        return f"{'-' * self.is_excluded}({inner})"

    def holds(self, record: Mapping[str, object]) -> bool:
        """Return whether one of the alternatives holds, before the `-` is looked at."""
        return any(_all_hold(terms, record) for terms in self.alternatives)


Term: TypeAlias = Text | Field | Bound | AnyOf


@dataclass(frozen=True)
class Query:
    """Terms that must all hold; none at all match everything."""

    terms: tuple[Term, ...] = field(default=())

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def narrowed(self, other: Query) -> Query:
        """Return the query that matches what both match."""
        return Query((*self.terms, *other.terms))

    def matches(self, record: Mapping[str, object]) -> bool:
        """Return whether `record` is what the query asks for.

        Args:
            record: values by key: str, a collection of str, or a number for `size`
                (bytes), `took` (milliseconds) and `code`; "text" is what bare words search.
        """
        return _all_hold(self._cheap_first, record)

    def may_match(self, known: Mapping[str, object]) -> bool:
        """Return whether a record could be what the query asks for, by some of its values.

        Args:
            known: the values that are known already, by key; no others are looked at.
        """
        return _all_hold(
            (term for term in self.terms if isinstance(term, Field) and term.key in known), known
        )

    @cached_property
    def _cheap_first(self) -> tuple[Term, ...]:
        return tuple(sorted(self.terms, key=_is_dear))


def _is_dear(term: Term) -> bool:
    """Return whether `term` asks for the whole text, which takes longer than any value."""
    if isinstance(term, AnyOf):
        return any(_is_dear(inner) for terms in term.alternatives for inner in terms)
    return isinstance(term, Text)


def _all_hold(terms: Iterable[Term], record: Mapping[str, object]) -> bool:
    return all(term.holds(record) is not term.is_excluded for term in terms)


def _in_order(pieces: Iterable[str], text: str, start: int) -> bool:
    # Taking each piece as early as it comes is enough, and takes linear time where a
    # regular expression of many `.*` would not.
    for piece in pieces:
        found = text.find(piece, start)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def _quoted(piece: str) -> str:
    if _PLAIN.fullmatch(piece) and piece not in RESERVED:
        return piece
    escaped = piece.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _values(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple | set | frozenset):
        return map(str, value)
    return () if value is None else (str(value),)
