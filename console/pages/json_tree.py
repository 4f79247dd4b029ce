"""A JSON value as a tree that folds, cut before it grows past what a page can hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.pages.visible import escaped
from console.redact import REDACTED

NODES = 1_000
OPEN_DEPTH = 2
OPEN_CHILDREN = 50
HEADERS = '"headers"'
"""ASGI's headers are a list of pairs: shown as names and values, a repeated name twice."""


@dataclass(slots=True)
class Node:
    """One value of the tree.

    Attributes:
        key: what stands before it: a key in quotes, or "" in a list.
        text: a scalar as JSON writes it.
        css: the colour of a scalar.
        bracket: "{" or "[" of a container, "" for a scalar.
        summary: what a folded container says, such as "7 keys }".
        is_open: whether it starts unfolded.
    """

    key: str = ""
    text: str = ""
    css: str = ""
    bracket: str = ""
    summary: str = ""
    is_open: bool = False
    children: list[Node] = field(default_factory=list)

    @property
    def is_container(self) -> bool:
        """Whether it is an object or an array."""
        return bool(self.bracket)


def tree(value: Any, *, nodes: int = NODES) -> Node:
    """Return `value` as a tree of at most `nodes` nodes; what is left out is counted in it."""
    return _node("", value, 0, iter(range(nodes)))


def _node(key: str, value: Any, depth: int, budget: Iterator[int]) -> Node:
    if isinstance(value, Mapping):
        items = [(_quoted(str(name)), one) for name, one in value.items()]
        return _container(key, "{", items, depth, budget)
    if key == HEADERS and _are_pairs(value):
        pairs = [(_quoted(name), one) for name, one in value]
        return _container(key, "[", pairs, depth, budget)
    if isinstance(value, list | tuple):
        return _container(key, "[", [("", one) for one in value], depth, budget)
    return _scalar(key, value)


def _container(
    key: str, bracket: str, items: list[tuple[str, Any]], depth: int, budget: Iterator[int]
) -> Node:
    if not items:
        return Node(key, f"{bracket} {_summary(bracket, 0)}", "p")
    children = list(_children(items, depth + 1, budget))
    if len(children) < len(items):
        children.append(Node(text=f"… {len(items) - len(children)} more", css="p"))
    return Node(
        key=key,
        bracket=bracket,
        summary=_summary(bracket, len(items)),
        is_open=depth < OPEN_DEPTH and len(items) <= OPEN_CHILDREN,
        children=children,
    )


def _children(
    items: Iterable[tuple[str, Any]], depth: int, budget: Iterator[int]
) -> Iterator[Node]:
    for (key, value), _ in zip(items, budget, strict=False):
        yield _node(key, value, depth, budget)


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in value
    )


def _summary(bracket: str, count: int) -> str:
    word, end = ("key", "}") if bracket == "{" else ("item", "]")
    return f"{count} {word}{'' if count == 1 else 's'} {end}"


def _quoted(text: str) -> str:
    return escaped(json.dumps(text, ensure_ascii=False))


def _scalar(key: str, value: Any) -> Node:
    if value == REDACTED:
        return Node(key, "redacted", "redacted")
    if isinstance(value, bool) or value is None:
        return Node(key, json.dumps(value), "jb")
    if isinstance(value, int | float):
        return Node(key, json.dumps(value), "jn")
    return Node(key, _quoted(str(value)), "js")
