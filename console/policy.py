"""Who may do what in the console.

Owns the answers, for the pages and the console's own WebSocket alike; asks nobody
but the user object and the settings. Watching, steering and acting as somebody else
are three rights. Whoever may not steer is told why: the buttons show that sentence,
and the server answers with it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings

from console.conf import settings
from runtime.db import database_sync_to_async

STEER = "channelscope_console.steer"
IMPERSONATE = "channelscope_console.impersonate"

READ_ONLY = 'This console is read-only: CHANNELSCOPE["READ_ONLY"] says so.'
NOT_STAFF = "Only active members of staff may do that."


def may_watch(user: Any) -> bool:
    """Return whether `user` may see the console: active staff may."""
    return bool(getattr(user, "is_active", False) and getattr(user, "is_staff", False))


def may_steer(user: Any) -> bool:
    """Return whether `user` may act on connections, groups and channels.

    May ask the database for the user's permissions: from asynchronous code, `steering_obstacle`.
    """
    return not obstacle(user, STEER)


def may_impersonate(user: Any) -> bool:
    """Return whether `user` may open connections as other users; may ask the database."""
    return not obstacle(user, IMPERSONATE)


async def steering_obstacle(user: Any) -> str:
    """Return why `user` may not steer, as a sentence; "" if they may."""
    return await database_sync_to_async(obstacle)(user, STEER)


async def impersonation_obstacle(user: Any) -> str:
    """Return why `user` may not act as somebody else, as a sentence; "" if they may."""
    return await database_sync_to_async(obstacle)(user, IMPERSONATE)


def obstacle(user: Any, permission: str) -> str:
    """Return why `user` may not do what `permission` allows, as a sentence; "" if they may.

    Read-only comes first: no permission, and no superuser, is above it.
    """
    if settings.READ_ONLY:
        return READ_ONLY
    if not may_watch(user):
        return NOT_STAFF
    if _all_staff_may() or user.has_perm(permission):
        return ""
    return f"You need the permission {permission}: ask who administers this site for it."


def _all_staff_may() -> bool:
    said = settings.STAFF_MAY_STEER
    return bool(django_settings.DEBUG) if said is None else said
