"""A consumer's class as a person who debugs it reads it: its handlers, and where its source is.

Owns the reading of the class. Calls nothing of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

_LIFE = {
    "connect": "websocket.connect",
    "receive": "websocket.receive",
    "receive_json": "websocket.receive",
    "disconnect": "the client has gone",
    "handle": "http.request",
    "default_handler": "any other type",
}
"""What calls a method that a generic consumer leaves to the project."""

_FRAMEWORK = ("runtime", "channels", "builtins")


@dataclass(frozen=True, slots=True)
class HandlerView:
    """One method that a message may call.

    Attributes:
        message_type: the type of message that calls it.
        line: where it begins in its file; 0 if that is not known.
        editor_url: an address at which an editor opens it, or "".
    """

    name: str
    message_type: str
    line: int
    editor_url: str


@dataclass(frozen=True, slots=True)
class ConsumerView:
    """One class of consumers.

    Attributes:
        dotted: its whole path; `base` is the name of the class that it extends.
        doc: its docstring.
        groups: those that each instance joins by itself.
        alias: of its channel layer.
        source: its file, from the project's folder if it is below it, and the line.
        editor_url: an address at which an editor opens it, or "".
    """

    name: str
    dotted: str
    base: str
    doc: str
    groups: tuple[str, ...]
    alias: str
    source: str
    editor_url: str
    handlers: tuple[HandlerView, ...]


def read_consumer(consumer: type, editor: str = "") -> ConsumerView:
    """Return what there is to say about the class `consumer`.

    Args:
        editor: an address with `{path}` and `{line}` in it, or "" for no links.
    """
    path, line = _place(consumer)
    handlers = [
        HandlerView(name, message_type, at, _editor_url(editor, file, at))
        for name, message_type, (file, at) in _handlers(consumer)
    ]
    return ConsumerView(
        name=consumer.__name__,
        dotted=f"{consumer.__module__}.{consumer.__qualname__}",
        base=", ".join(base.__name__ for base in consumer.__bases__),
        doc=inspect.cleandoc(consumer.__doc__ or ""),
        groups=_groups(consumer),
        alias=str(getattr(consumer, "channel_layer_alias", "")),
        source=f"{_short(path)}:{line}" if path else "",
        editor_url=_editor_url(editor, path, line),
        handlers=tuple(sorted(handlers, key=lambda one: one.line)),
    )


def _handlers(consumer: type) -> Iterator[tuple[str, str, tuple[str, int]]]:
    seen: set[str] = set()
    for base in consumer.__mro__:
        if base.__module__.partition(".")[0] in _FRAMEWORK:
            continue
        for name, member in vars(base).items():
            if name in seen or not inspect.isfunction(member):
                continue
            seen.add(name)
            if name in _LIFE:
                yield name, _LIFE[name], _place(member)
            elif not name.startswith("_") and _takes_a_message(member):
                yield name, name.replace("_", "."), _place(member)


def _takes_a_message(function: Any) -> bool:
    """Return whether `function` can be called with a message alone."""
    try:
        inspect.signature(function).bind(None, None)
    except (TypeError, ValueError):
        return False
    return len(inspect.signature(function).parameters) > 1


def _groups(consumer: type) -> tuple[str, ...]:
    groups = getattr(consumer, "groups", None)
    return tuple(map(str, groups)) if isinstance(groups, list | tuple) else ()


@cache
def _place(thing: Any) -> tuple[str, int]:
    """Return the file and the line at which a class or a function begins."""
    try:
        return inspect.getsourcefile(thing) or "", inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return "", 0


def _short(path: str) -> str:
    """Return `path` without what all files of the project share."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return "/".join(Path(path).parts[-3:])


def _editor_url(editor: str, path: str, line: int) -> str:
    if not editor or not path:
        return ""
    return editor.replace("{path}", quote(path)).replace("{line}", str(line))
