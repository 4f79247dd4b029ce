"""The ASGI shapes that this package speaks, for annotations.

Owns names only: nothing here runs. The shapes are deliberately wide
(`MutableMapping[str, Any]`), because a scope carries whatever middleware puts
there and protocols of a project's own carry types that no list can name.

Source: ASGI specification, "Overview" and "Applications".
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
"""Details of one connection; `type` names the protocol."""

Event: TypeAlias = MutableMapping[str, Any]
"""What a server and an application say to each other; `type` names it."""

Message: TypeAlias = dict[str, Any]
"""A layer message: what a channel layer carries; `type` names the handler."""

Receive: TypeAlias = Callable[[], Awaitable[Event]]
"""What an application awaits for the next event."""

Send: TypeAlias = Callable[[Event], Awaitable[None]]
"""What an application awaits to say something."""

ASGIApplication: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""What takes a scope, `receive` and `send`.

Their types are not said, because everybody names them otherwise: Django's handler takes a
dict, Starlette's a mapping, and asgiref's applications a union of typed dicts.
"""
