"""The query language of the console: what a person types to find entries and connections.

Owns the syntax and its errors; `query_keys` has the keys, `query_terms` the matching. A
query is terms with spaces between, and all of them must hold::

    type:chat.* dir:in,out user:ada -path:/ws/ticker/* (took:>50ms OR is:error) "merging now"

- A bare word, or words in quotes, is looked for anywhere, in any case.
- `key:value` compares a whole value, in any case; `*` stands for anything, a comma
  for "or". `size:`, `took:` and `code:` compare numbers with `>`, `>=`, `<`, `<=` or
  `=`, and take k and M, or us, ms and s.
- `-` before a term excludes what it matches. In quotes nothing is special but `\\`.
- `OR` parts alternatives, each as many terms as stand there; parentheses hold terms
  together. A parenthesis inside a word, as in `f(x)`, belongs to the word.

Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from console.query_keys import BY_NAME, TABLE, Key
from console.query_terms import (
    RESERVED,
    AnyOf,
    Bound,
    Field,
    Operator,
    Pattern,
    Query,
    Term,
    Text,
)

__all__ = [
    "AnyOf",
    "Bound",
    "Field",
    "Pattern",
    "Query",
    "QueryError",
    "Term",
    "Text",
    "parse",
]

MOST_TERMS = 50
"""More is no question that a person has; each term is held against every entry."""

DEEPEST = 10
"""Parentheses inside each other, with those that an `OR` outside of any prints with."""

LONGEST = 2_000
"""Characters of a query, as it is typed and as it prints."""

MOST_NARROWED = 10
"""Terms that a page adds to what somebody has typed, such as that of the process."""

_LARGEST = Decimal(10) ** 15
_PLACES = 6

_KEY = re.compile(r"[A-Za-z_]+(?=:)")
_NUMBER = re.compile(
    r"(?P<operator>[<>]=?|=?)(?P<number>\d{1,15}(?:\.\d{1,6})?)(?P<unit>[A-Za-z]*)"
)
_WORD = re.compile(r"[^\s()]+")


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


def parse(text: str) -> Query:
    """Return the query that `text` spells. What it prints spells the same query.

    Raises:
        QueryError: a key or a value is not known, missing, not a number, or not closed; or it is
            too long.
    """
    if len(text) > LONGEST:
        raise QueryError(LONGEST, f"Expected at most {LONGEST} characters")
    query = Query(_Parser(text, MOST_TERMS).terms())
    if len(str(query)) > LONGEST:
        raise QueryError(
            len(text), f"Expected less: with its quotes it is longer than {LONGEST} characters"
        )
    return query


def parse_narrowed(text: str) -> Query:
    """Return the query that one of `parse()` prints which has been narrowed by some terms since.

    Raises:
        QueryError: it is none.
    """
    return Query(_Parser(text, MOST_TERMS + MOST_NARROWED).terms())


class _Parser:
    """Reads one query from left to right."""

    def __init__(self, text: str, most_terms: int) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.count = 0
        self._most_terms = most_terms
        self._deepest_at: int | None = None

    def terms(self) -> tuple[Term, ...]:
        alternatives = self._alternatives()
        # Only a parenthesis that nothing has opened ends them before the text does.
        if self.at < len(self.text):
            raise QueryError(self.at, "Expected '(' somewhere before this ')', or quotes around it")
        if len(alternatives) == 1:
            return alternatives[0]
        if self._deepest_at is not None:
            raise QueryError(self._deepest_at, _TOO_DEEP)
        return (AnyOf(alternatives),)

    def _alternatives(self) -> tuple[tuple[Term, ...], ...]:
        """Read terms and the `OR` between them, up to the end or a closing parenthesis."""
        found: list[list[Term]] = [[]]
        or_at = 0
        while self._skip_spaces() and self.text[self.at] != ")":
            word = self._bare_word()
            if word != "OR":
                found[-1].append(self._term(word))
                continue
            if not found[-1]:
                raise QueryError(self.at, "Expected a term before 'OR'")
            or_at = self.at
            self.at += len("OR")
            found.append([])
        if len(found) > 1 and not found[-1]:
            raise QueryError(or_at, "Expected a term after 'OR'")
        return tuple(map(tuple, found))

    def _term(self, word: str) -> Term:
        start = self.at
        if word in RESERVED:
            raise QueryError(start, _RESERVED_HINTS[word])
        is_excluded = self._take("-")
        if is_excluded and self._is_at_end():
            raise QueryError(start, "Expected something to exclude after '-'")
        if self.text.startswith("(", self.at):
            return self._group(is_excluded)
        self.count += 1  # parentheses are none: an `OR` prints with some that nobody has typed
        if self.count > self._most_terms:
            raise QueryError(start, f"Expected at most {self._most_terms} terms")
        key = _KEY.match(self.text, self.at)
        if key is None:
            return Text(self._pattern(is_listed=False), is_excluded)
        return self._keyed(key, is_excluded)

    def _group(self, is_excluded: bool) -> AnyOf:
        start = self.at
        if self.depth == DEEPEST:
            raise QueryError(start, _TOO_DEEP)
        self.depth += 1
        if self.depth == DEEPEST and self._deepest_at is None:
            self._deepest_at = start
        self.at += 1
        alternatives = self._alternatives()
        if not self._take(")"):
            raise QueryError(start, "Expected ')' for this '(', or quotes around it")
        self.depth -= 1
        if not alternatives[0]:
            raise QueryError(start, "Expected a term between the parentheses")
        return AnyOf(alternatives, is_excluded)

    def _keyed(self, found: re.Match[str], is_excluded: bool) -> Term:
        name = found[0].lower()
        key = BY_NAME.get(name)
        if key is None:
            raise QueryError(found.start(), _unknown_key(name))
        self.at = found.end() + 1
        if self._is_at_end():
            raise QueryError(self.at, f"Expected a value after '{name}:'")
        is_compared = key.is_number or self.text[self.at] in "<>="
        if key.units is not None and is_compared:
            return self._bound(key, is_excluded)
        patterns = [self._value(key)]
        while self._take(","):
            if self._is_at_end():
                raise QueryError(self.at, "Expected another value after ','")
            patterns.append(self._value(key))
        return Field(key.name, tuple(patterns), is_excluded)

    def _value(self, key: Key) -> Pattern:
        start = self.at
        pattern = self._pattern(is_listed=True)
        literal = pattern.pieces[0] if len(pattern.pieces) == 1 else None
        if key.choices and literal is not None and literal.casefold() not in key.choices:
            raise QueryError(start, _unknown_value(key, literal))
        return pattern

    def _bound(self, key: Key, is_excluded: bool) -> Bound:
        start = self.at
        while not self._is_at_end():
            self.at += 1
        number = _NUMBER.fullmatch(self.text, start, self.at)
        units = key.units or {}
        unit = number["unit"].lower() if number else ""
        if number is None or unit not in units:
            raise QueryError(start, f"Expected a number, as in {key.example}")
        amount = round(Decimal(number["number"]) * units[unit], _PLACES)
        if amount >= _LARGEST:
            raise QueryError(start, f"Expected a smaller number, as in {key.example}")
        operator = cast("Operator", number["operator"] or "=")
        return Bound(key.name, operator, amount, is_excluded)

    def _pattern(self, *, is_listed: bool) -> Pattern:
        """Read up to a space, or a comma in a list: bare and quoted stretches, `*` between."""
        pieces = [""]
        opened = 0
        while not self._is_at_end() or (opened and self.text.startswith(")", self.at)):
            char = self.text[self.at]
            if char == "," and is_listed:
                break
            if char == '"':
                pieces[-1] += self._quoted()
                continue
            self.at += 1
            opened += (char == "(") - (char == ")")
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

    def _bare_word(self) -> str:
        found = _WORD.match(self.text, self.at)
        return found[0] if found else ""

    def _skip_spaces(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def _take(self, char: str) -> bool:
        is_there = self.text.startswith(char, self.at)
        self.at += is_there
        return is_there

    def _is_at_end(self) -> bool:
        """Return whether a term ends here."""
        if self.at >= len(self.text):
            return True
        return self.text[self.at].isspace() or self.text[self.at] == ")"


_TOO_DEEP = (
    f"Expected at most {DEEPEST} parentheses inside each other; an OR outside of them counts as one"
)

_RESERVED_HINTS = {
    "AND": "Terms hold together without AND. Put it in quotes to look for it as text",
    "NOT": "Expected '-' before what shall not hold. Put NOT in quotes to look for it as text",
}


def _unknown_key(name: str) -> str:
    near = difflib.get_close_matches(name, BY_NAME, n=1)
    known = ", ".join(key.name for key in TABLE)
    hint = f"did you mean '{near[0]}:'?" if near else f"the keys are {known}."
    return f"Unknown key '{name}': {hint} Put it in quotes to look for it as text"


def _unknown_value(key: Key, value: str) -> str:
    return f"Unknown value '{value}' of '{key.name}:': {_nearest(value, key.choices)}"


def _nearest(value: str, choices: Iterable[str]) -> str:
    choices = tuple(choices)
    near = difflib.get_close_matches(value.casefold(), choices, n=1)
    return f"did you mean '{near[0]}'?" if near else f"expected {', '.join(choices)}"
