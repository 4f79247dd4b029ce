"""What middleware of the runtime, and of projects, is built on.

Owns that each middleware has a scope of its own: what it adds is seen by what it
wraps, never by what wraps it. Called as any ASGI application is.

Source: ASGI specification, "Middleware"
"""

from __future__ import annotations

from runtime.typing import ASGIApplication, Receive, Scope, Send


class BaseMiddleware:
    """An ASGI application around another.

    Override `__call__`, change the scope, and go on with `super().__call__`.

    Args:
        inner: the application that is served with a copy of the scope.
    """

    def __init__(self, inner: ASGIApplication) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        return await self.inner(dict(scope), receive, send)
