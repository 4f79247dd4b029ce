"""Who may do what in the console.

Owns the answer, for the pages and the console's own WebSocket alike; asks nobody
but the user object. Watching and steering are different rights, and so far there
is only watching.
"""

from __future__ import annotations

from typing import Any


def may_watch(user: Any) -> bool:
    """Return whether `user` may see the console: active staff may."""
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False))
