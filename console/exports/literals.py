"""Python literals as a formatter would lay them out, for generated code.

Owns the quotes and the line breaks: what fits stays on a line, what does not has an item a
line and a trailing comma. Pure.

Source: "The Black code style", which ruff follows
"""

from __future__ import annotations

from typing import Any

WIDTH = 88
INDENT = 4


class Name(str):
    """A name of the code's own, such as ANY, where a literal could stand."""

    __slots__ = ()


def flat(value: Any) -> str:
    """Return a literal on one line."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, str | bytes):
        return _quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flat(key)}: {flat(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flat, value)) + "]"
    return repr(value)


def literal(value: Any, column: int, indent: int) -> str:
    """Return a literal that begins in `column`, of a line that begins at `indent`."""
    line = flat(value)
    if column + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = indent + INDENT
    if isinstance(value, dict):
        lines = [_pair(key, one, inner) for key, one in value.items()]
        opening, closing = "{", "}"
    else:
        lines = [literal(one, inner + 1, inner) for one in value]
        opening, closing = "[", "]"
    body = "".join(f"{' ' * inner}{one},\n" for one in lines)
    return f"{opening}\n{body}{' ' * indent}{closing}"


def call(head: str, value: Any, indent: int) -> str:
    """Return a call with one argument, `head` being all that stands before it."""
    line = f"{head}{flat(value)})"
    if indent + len(line) <= WIDTH:
        return line
    name, _, keyword = head.rpartition("(")
    inner = indent + INDENT
    written = literal(value, inner + len(keyword), inner)
    return f"{name}(\n{' ' * inner}{keyword}{written}\n{' ' * indent})"


def _pair(key: Any, value: Any, indent: int) -> str:
    head = f"{flat(key)}: "
    return head + literal(value, indent + len(head) + 1, indent)


def _quoted(value: str | bytes) -> str:
    """Return a string in double quotes, unless single ones need fewer backslashes."""
    text = repr(value)
    prefix, text = ("b", text[1:]) if isinstance(value, bytes) else ("", text)
    if text.startswith('"'):
        return prefix + text
    doubles, singles = text.count('"'), text.count("\\'")
    if doubles > singles:
        return prefix + text
    inner = text[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'{prefix}"{inner}"'
