"""The filter field of a page: what was typed, what it means, or where it went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from console.query import Field, Pattern, Query, QueryError, parse


@dataclass(frozen=True, slots=True)
class QueryField:
    """A filter as typed and as understood.

    Attributes:
        text: as typed.
        query: what it means; with an error, a query that everything matches.
        error: why it could not be understood, or None.
    """

    text: str
    query: Query
    error: QueryError | None = None

    @classmethod
    def read(cls, text: str, **narrowed: str) -> QueryField:
        """Understand `text`; `narrowed` are terms that hold besides, if they have a value."""
        terms = Query(
            tuple(Field(key, (Pattern((value,)),)) for key, value in narrowed.items() if value)
        )
        try:
            query = parse(text)
        except QueryError as error:
            return cls(text, terms, error)
        return cls(text, query.narrowed(terms))

    @property
    def before(self) -> str:
        """The text before the character that is wrong."""
        return self.text[: self.error.position] if self.error else self.text

    @property
    def at(self) -> str:
        """The character that is wrong; "" if the text ended too soon."""
        return self.text[self.error.position : self.error.position + 1] if self.error else ""

    @property
    def after(self) -> str:
        """The text after the character that is wrong."""
        return self.text[self.error.position + 1 :] if self.error else ""
