"""The query language of the console: what a person types to find entries and connections.

Owns the syntax, its errors and the matching; knows no entry. A query is terms
with spaces between, and all of them must hold::

    type:chat.* dir:in,out user:ada -path:/ws/ticker/* took:>50ms "merging now"

- A bare word, or words in quotes, is looked for anywhere, in any case.
- `key:value` compares a whole value, in any case; `*` stands for anything, a comma
  for "or". `size:` and `took:` compare numbers with `>`, `<` or nothing, and
  take k and M, or us, ms and s.
- `-` before a term excludes what it matches. In quotes nothing is special but `\\`.

Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal, TypeAlias

KEYS = (
    "type",
    "dir",
    "user",
    "path",
    "process",
    "group",
    "channel",
    "state",
    "size",
    "took",
    "kind",
    "proto",
    "consumer",
    "id",
    "trace",
)
ALIASES = {"proc": "process"}

UNITS: dict[str, dict[str, Decimal]] = {
    "size": {"": Decimal(1), "b": Decimal(1), "k": Decimal(1_000), "m": Decimal(1_000_000)},
    "took": {"": Decimal(1), "us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1_000)},
}
"""What a number is multiplied by: sizes are bytes, times are milliseconds."""

Operator: TypeAlias = Literal["<", "=", ">"]

_KEY = re.compile(r"[A-Za-z_]+(?=:)")
_NUMBER = re.compile(r"(?P<operator>[<>=]?)(?P<number>\d{1,15}(?:\.\d{1,6})?)(?P<unit>[A-Za-z]*)")
_PLAIN = re.compile(r"[^\s\"\\*,:-][^\s\"\\*,:]*")


class QueryError(ValueError):
    """A query that cannot be understood.

    Attributes:
        position: index of the character where the trouble is.
        message: what was expected there.
    """

    def __init__(self, position: int, message: str) -> None:
        super().__init__(position, message)
        self.position = position
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} (at character {self.position + 1})"


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
        sign = "" if self.operator == "=" else self.operator
        return f"{'-' * self.is_excluded}{self.key}:{sign}{format(self.amount.normalize(), 'f')}"

    def holds(self, record: Mapping[str, object]) -> bool:
        """Return whether the record has such a number and it is in bounds."""
        value = record.get(self.key)
        if not isinstance(value, int | float):
            return False
        if self.operator == "=":
            return value == self.amount
        return value > self.amount if self.operator == ">" else value < self.amount


Term: TypeAlias = Text | Field | Bound


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all hold; none at all match everything."""

    terms: tuple[Term, ...] = field(default=())

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, record: Mapping[str, object]) -> bool:
        """Return whether `record` is what the query asks for.

        Args:
            record: values by key: str, a collection of str, or a number for `size`
                (bytes) and `took` (milliseconds); "text" is what bare words search.
        """
        return all(term.holds(record) is not term.is_excluded for term in self.terms)


def parse(text: str) -> Query:
    """Return the query that `text` spells.

    Raises:
        QueryError: a key is not known, a value is missing, not a number, or not closed.
    """
    return Query(tuple(_Parser(text).terms()))


class _Parser:
    """Reads one query from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def terms(self) -> Iterable[Term]:
        while self._skip_spaces():
            is_excluded = self._take("-")
            if is_excluded and self._is_at_end():
                raise QueryError(self.at - 1, "Expected something to exclude after '-'")
            key = _KEY.match(self.text, self.at)
            yield (
                self._keyed(key, is_excluded)
                if key
                else Text(self._pattern(is_listed=False), is_excluded)
            )

    def _keyed(self, found: re.Match[str], is_excluded: bool) -> Term:
        name = found[0].lower()
        key = ALIASES.get(name, name)
        if key not in KEYS:
            raise QueryError(found.start(), _unknown_key(name))
        self.at = found.end() + 1
        if self._is_at_end():
            raise QueryError(self.at, f"Expected a value after '{name}:'")
        if key in UNITS:
            return self._bound(key, is_excluded)
        patterns = [self._pattern(is_listed=True)]
        while self._take(","):
            if self._is_at_end():
                raise QueryError(self.at, "Expected another value after ','")
            patterns.append(self._pattern(is_listed=True))
        return Field(key, tuple(patterns), is_excluded)

    def _bound(self, key: str, is_excluded: bool) -> Bound:
        start = self.at
        while not self._is_at_end():
            self.at += 1
        number = _NUMBER.fullmatch(self.text, start, self.at)
        units = UNITS[key]
        unit = number["unit"].lower().removesuffix("b" if key == "size" else "") if number else ""
        if number is None or unit not in units:
            example = "size:>1k or size:<2M" if key == "size" else "took:>50ms or took:<2s"
            raise QueryError(start, f"Expected a number, as in {example}")
        operator: Operator = "="
        if number["operator"] in ("<", ">"):
            operator = "<" if number["operator"] == "<" else ">"
        return Bound(key, operator, Decimal(number["number"]) * units[unit], is_excluded)

    def _pattern(self, *, is_listed: bool) -> Pattern:
        """Read up to a space, or a comma in a list: bare and quoted stretches, `*` between."""
        pieces = [""]
        while not self._is_at_end():
            char = self.text[self.at]
            if char == "," and is_listed:
                break
            if char == '"':
                pieces[-1] += self._quoted()
                continue
            self.at += 1
            if char == "*":
                pieces.append("")
            else:
                pieces[-1] += char
        return Pattern(tuple(pieces))

    def _quoted(self) -> str:
        start = self.at
        self.at += 1
        read: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char == '"':
                return "".join(read)
            if char == "\\" and self.at < len(self.text):
                char = self.text[self.at]
                self.at += 1
            read.append(char)
        raise QueryError(start, "Expected a closing quote for this one")

    def _skip_spaces(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def _take(self, char: str) -> bool:
        is_there = self.text.startswith(char, self.at)
        self.at += is_there
        return is_there

    def _is_at_end(self) -> bool:
        return self.at >= len(self.text) or self.text[self.at].isspace()


def _in_order(pieces: Iterable[str], text: str, start: int) -> bool:
    # Taking each piece as early as it comes is enough, and takes linear time where a
    # regular expression of many `.*` would not.
    for piece in pieces:
        found = text.find(piece, start)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def _unknown_key(name: str) -> str:
    near = difflib.get_close_matches(name, (*KEYS, *ALIASES), n=1)
    hint = f"did you mean '{near[0]}:'?" if near else f"the keys are {', '.join(KEYS)}."
    return f"Unknown key '{name}': {hint} Put it in quotes to look for it as text"


def _quoted(piece: str) -> str:
    if _PLAIN.fullmatch(piece):
        return piece
    escaped = piece.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _values(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple | set | frozenset):
        return map(str, value)
    return () if value is None else (str(value),)
